"""Page bodies, encoded once and cached compressed while their snapshot is retained.

BI tools request the same pages again and again: previews, schema reads, one request a table. A page
of an immutable snapshot never changes, so its bytes do not either. The cache is limited in bytes
and evicts the least recently used page. It is not thread-safe: only the event loop uses it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

from cachetools import LRUCache
from isal import igzip

_MAX_CACHED_DIGESTS = 4_096
_MAX_CACHED_PLAIN_BODY_BYTES = 32_768
"""Of a packed body; some 150 kB of rows."""
_PLAIN_CACHE_BYTES = 8_388_608
_MIN_COMPRESSED_BYTES = 1_000
_GZIP = b"\x1f\x8b"


def packed(body: bytes) -> bytes:
    """Return a body as it is cached: compressed unless it is small."""
    return body if is_small(body) else igzip.compress(body, 1)


def is_small(body: bytes) -> bool:
    """Return True if a body is cached uncompressed."""
    return len(body) < _MIN_COMPRESSED_BYTES


def is_packed(body: bytes) -> bool:
    """Return True if a cached body is compressed; JSON never starts with the mark of gzip."""
    return body.startswith(_GZIP)


@dataclass(frozen=True, slots=True)
class PageKey:
    """The snapshot of a page, and all other facts that its bytes depend on."""

    snapshot: str
    facts: tuple[Hashable, ...]


class CachedPage(NamedTuple):
    """A body as it is cached, and its number of rows."""

    body: bytes
    rows: int


class PageCache:
    """A cache of page bodies; `byte_budget` limits their total size, 0 disables the cache."""

    def __init__(self, byte_budget: int) -> None:
        self._bodies: LRUCache[PageKey, CachedPage] = LRUCache(max(1, byte_budget), getsizeof=_size)
        self._plain: LRUCache[PageKey, CachedPage] = LRUCache(_PLAIN_CACHE_BYTES, getsizeof=_size)
        self._digests: LRUCache[PageKey, str] = LRUCache(_MAX_CACHED_DIGESTS)
        self._view = ""

    def of_view(self, view: str) -> PageCache:
        """Return the same cache with hits for pages of this view only (law 5)."""
        other = copy(self)
        other._view = view
        return other

    def _whole(self, key: PageKey) -> PageKey:
        return PageKey(key.snapshot, (self._view, *key.facts)) if self._view else key

    def digest(self, key: PageKey) -> str:
        """Return a short name of a page, equal in all processes, for its ETag."""
        key = self._whole(key)
        found = self._digests.get(key)
        if found is None:
            found = hashlib.sha256(repr(key).encode()).hexdigest()[:20]
            self._digests[key] = found
        return found

    def get(self, key: PageKey, *, plain: bool = False) -> CachedPage | None:
        """Return a page as it was put, or None; with `plain`, a short page decompressed.

        Decompressed bodies are cached too: decompressing takes a quarter of the rest of a response.
        """
        key = self._whole(key)
        page = self._bodies.get(key)
        if (
            page is None
            or not plain
            or not is_packed(page.body)
            or len(page.body) > _MAX_CACHED_PLAIN_BODY_BYTES
        ):
            return page
        found = self._plain.get(key)
        if found is None:
            body = igzip.decompress(page.body)  # type: ignore[no-untyped-call]
            found = self._plain[key] = CachedPage(body, page.rows)
        return found

    def put(self, key: PageKey, page: CachedPage) -> None:
        """Cache a page, unless its body alone exceeds the budget."""
        if len(page.body) <= self._bodies.maxsize:
            self._bodies[self._whole(key)] = page

    @property
    def size(self) -> tuple[int, int]:
        """Return the number of cached bodies and their size in bytes."""
        return len(self._bodies), int(self._bodies.currsize)


def _size(page: CachedPage) -> int:
    return len(page.body)
