"""Page bodies kept by bytes, those that were asked longest ago first to go."""

from __future__ import annotations

import random

from gateway.snapshots.pages import PageCache, PageKey, is_packed, packed

A, B, C = (PageKey("snapshot", (name,)) for name in "abc")


def test_what_was_asked_longest_ago_goes_first() -> None:
    pages = PageCache(25)
    pages.put(A, b"a" * 10)
    pages.put(B, b"b" * 10)
    assert pages.get(A) == b"a" * 10
    pages.put(C, b"c" * 10)
    assert (pages.get(A), pages.get(B), pages.get(C)) == (b"a" * 10, None, b"c" * 10)


def test_a_body_larger_than_the_budget_drops_nothing() -> None:
    pages = PageCache(25)
    pages.put(A, b"a" * 10)
    pages.put(B, b"b" * 26)
    assert (pages.get(A), pages.get(B)) == (b"a" * 10, None)


def test_snapshots_share_no_page() -> None:
    pages = PageCache(100)
    pages.put(PageKey("one", (1,)), b"x")
    assert pages.get(PageKey("two", (1,))) is None


def test_short_bodies_are_unpacked_once_for_who_wants_them_plain() -> None:
    pages = PageCache(10**6)
    short, long = b"[" + b"1," * 4_000, bytes(random.Random(1).randbytes(60_000))
    for key, body in ((A, short), (B, long), (C, b"tiny")):
        pages.put(key, packed(body))
    found = pages.get(A, plain=True)
    assert found == short
    assert pages.get(A, plain=True) is found
    for key in (A, B):
        assert is_packed(pages.get(key) or b"")
    assert is_packed(pages.get(B, plain=True) or b"")
    assert pages.get(C, plain=True) == b"tiny"
