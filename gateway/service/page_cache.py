"""Page bodies, encoded once and kept compressed while their snapshot lives.

BI tools ask the same pages again and again: previews, schema reads, one request a table. A page
of an immutable snapshot never changes, so its bytes do not either. Bounded by bytes; what was
asked longest ago goes first. Not for two threads at once: it lives on the event loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

from cachetools import LRUCache
from isal import igzip

_DIGESTS = 4_096
_SHORT = 32_768
"""Of a packed body; some 150 kB of rows."""
_PLAIN_BYTES = 8_388_608
_WORTH_COMPRESSING = 1_000
_GZIP = b"\x1f\x8b"


def packed(body: bytes) -> bytes:
    """A body as it is kept: compressed where that pays."""
    return body if is_small(body) else igzip.compress(body, 1)


def is_small(body: bytes) -> bool:
    """Whether it is kept as it is."""
    return len(body) < _WORTH_COMPRESSING


def is_packed(body: bytes) -> bool:
    """Whether a kept body is compressed; JSON begins otherwise."""
    return body.startswith(_GZIP)


@dataclass(frozen=True, slots=True)
class PageKey:
    """A page: of which snapshot, and everything else that its bytes depend on."""

    snapshot: str
    facts: tuple[Hashable, ...]


class CachedPage(NamedTuple):
    """A body as it is kept, and how many rows it has."""

    body: bytes
    rows: int


class PageCache:
    """Bodies by page; `byte_budget` bounds them together, 0 keeps none."""

    def __init__(self, byte_budget: int) -> None:
        self._bodies: LRUCache[PageKey, CachedPage] = LRUCache(max(1, byte_budget), getsizeof=_size)
        self._plain: LRUCache[PageKey, CachedPage] = LRUCache(_PLAIN_BYTES, getsizeof=_size)
        self._digests: LRUCache[PageKey, str] = LRUCache(_DIGESTS)
        self._view = ""

    def of_view(self, view: str) -> PageCache:
        """The same memory, where pages of this view alone are found (law 5)."""
        other = copy(self)
        other._view = view
        return other

    def _whole(self, key: PageKey) -> PageKey:
        return PageKey(key.snapshot, (self._view, *key.facts)) if self._view else key

    def digest(self, key: PageKey) -> str:
        """A short name of a page, the same in every process, for its ETag."""
        key = self._whole(key)
        found = self._digests.get(key)
        if found is None:
            found = hashlib.sha256(repr(key).encode()).hexdigest()[:20]
            self._digests[key] = found
        return found

    def get(self, key: PageKey, *, plain: bool = False) -> CachedPage | None:
        """The page as it was put; for who wishes it plain, a short one unpacked.

        To unpack it takes a quarter of what all else of an answer takes.
        """
        key = self._whole(key)
        kept = self._bodies.get(key)
        if kept is None or not plain or not is_packed(kept.body) or len(kept.body) > _SHORT:
            return kept
        found = self._plain.get(key)
        if found is None:
            body = igzip.decompress(kept.body)  # type: ignore[no-untyped-call]
            found = self._plain[key] = CachedPage(body, kept.rows)
        return found

    def put(self, key: PageKey, kept: CachedPage) -> None:
        """Keep a page, unless its body alone is larger than the budget."""
        if len(kept.body) <= self._bodies.maxsize:
            self._bodies[self._whole(key)] = kept

    @property
    def size(self) -> tuple[int, int]:
        """How many bodies there are, and their bytes."""
        return len(self._bodies), int(self._bodies.currsize)


def _size(kept: CachedPage) -> int:
    return len(kept.body)
