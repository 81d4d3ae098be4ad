"""Queries from a body or a `$batch` that are too long for the URL of a nextLink.

Such a link has a short name instead of the query's options, which are retained here like the
snapshot that the link refers to. After the query is evicted, the link fails with 410.
"""

from __future__ import annotations

import hashlib
import threading

from cachetools import LRUCache

from gateway.errors import FeedGone
from grammar import encode_query

MAX_LINK_CHARACTERS = 16_384
_MARK = "~"
_NAME_BYTES = 12
_TOKEN = "$skiptoken"  # noqa: S105 - an option's name


class LongQueries:
    """A bounded, thread-safe store of queries; `budget` is in characters of encoded query text."""

    def __init__(self, budget: int) -> None:
        self._kept: LRUCache[str, str] = LRUCache(budget, getsizeof=len)
        self._lock = threading.Lock()

    def keep(self, pairs: tuple[tuple[str, str], ...], token: str) -> str:
        """Retain these options and return a token for them together with `token`."""
        query = encode_query(tuple((n, v) for n, v in pairs if n.lower() != _TOKEN))
        name = hashlib.sha256(query.encode()).hexdigest()[: 2 * _NAME_BYTES]
        with self._lock:
            self._kept[name] = query
        return f"{_MARK}{name}.{token}"

    def recall(self, token: str | None) -> bytes | None:
        """Return the query of a token of `keep`, percent-encoded; None for other tokens.

        Raises:
            FeedGone: the query is no longer retained, or never was.
        """
        if token is None or not token.startswith(_MARK):
            return None
        name, _, rest = token.removeprefix(_MARK).partition(".")
        with self._lock:
            query = self._kept.get(name)
        if query is None:
            raise FeedGone(
                "$skiptoken: the long query of this link is no longer retained; send the query"
                " again and start from its first page",
                target=_TOKEN,
            )
        return f"{query}&{encode_query(((_TOKEN, rest),))}".encode()


def refers_to_long_query(raw_query: bytes) -> bool:
    """Return True if a query has a token that refers to a long query."""
    return f"{_TOKEN}={_MARK}".encode() in raw_query
