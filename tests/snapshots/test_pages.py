"""Page bodies kept by bytes, those that were asked longest ago first to go."""

from __future__ import annotations

import random

from gateway.service.page_cache import CachedPage, PageCache, PageKey, is_packed, packed

A, B, C = (PageKey("snapshot", (name,)) for name in "abc")


def test_what_was_asked_longest_ago_goes_first() -> None:
    pages = PageCache(25)
    pages.put(A, CachedPage(b"a" * 10, 1))
    pages.put(B, CachedPage(b"b" * 10, 2))
    assert pages.get(A) == CachedPage(b"a" * 10, 1)
    pages.put(C, CachedPage(b"c" * 10, 3))
    assert (pages.get(A), pages.get(B), pages.get(C)) == (
        CachedPage(b"a" * 10, 1),
        None,
        CachedPage(b"c" * 10, 3),
    )


def test_a_body_larger_than_the_budget_drops_nothing() -> None:
    pages = PageCache(25)
    pages.put(A, CachedPage(b"a" * 10, 1))
    pages.put(B, CachedPage(b"b" * 26, 1))
    assert (pages.get(A), pages.get(B)) == (CachedPage(b"a" * 10, 1), None)


def test_snapshots_share_no_page() -> None:
    pages = PageCache(100)
    pages.put(PageKey("one", (1,)), CachedPage(b"x", 1))
    assert pages.get(PageKey("two", (1,))) is None


def test_short_bodies_are_unpacked_once_for_who_wants_them_plain() -> None:
    pages = PageCache(10**6)
    short, long = b"[" + b"1," * 4_000, bytes(random.Random(1).randbytes(60_000))
    for key, body in ((A, short), (B, long), (C, b"tiny")):
        pages.put(key, CachedPage(packed(body), 4))
    found = pages.get(A, plain=True)
    assert found == CachedPage(short, 4)
    assert pages.get(A, plain=True) is found
    for key, plain in ((A, False), (B, False), (B, True)):
        kept = pages.get(key, plain=plain)
        assert kept is not None
        assert is_packed(kept.body)
    assert pages.get(C, plain=True) == CachedPage(b"tiny", 4)
