"""Page bodies kept by bytes, those that were asked longest ago first to go."""

from __future__ import annotations

from gateway.snapshots.pages import PageCache, PageKey

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
