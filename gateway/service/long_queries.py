"""Queries that came as a body or in a `$batch` and are too long for the URL of a nextLink.

Such a link carries a short name in place of the query's options; they are kept here, as the
snapshot is that the link leads into. A name that is no longer kept is a feed that is gone (410).
"""

from __future__ import annotations

import hashlib
import threading

from cachetools import LRUCache

from gateway.errors import FeedGone
from grammar import encode_query

LONGEST_LINK = 16_384
_MARK = "~"
_NAME_BYTES = 12
_TOKEN = "$skiptoken"  # noqa: S105 - an option's name


class LongQueries:
    """A bounded memory; `budget` is in bytes of query text. Threads share it."""

    def __init__(self, budget: int) -> None:
        self._kept: LRUCache[str, str] = LRUCache(budget, getsizeof=len)
        self._lock = threading.Lock()

    def keep(self, pairs: tuple[tuple[str, str], ...], token: str) -> str:
        """A token that stands for these options and `token` together."""
        query = encode_query(tuple((n, v) for n, v in pairs if n.lower() != _TOKEN))
        name = hashlib.sha256(query.encode()).hexdigest()[: 2 * _NAME_BYTES]
        with self._lock:
            self._kept[name] = query
        return f"{_MARK}{name}.{token}"

    def recall(self, token: str | None) -> bytes | None:
        """The whole query, undecoded, that a token of `keep` stands for; None for other tokens.

        Raises:
            FeedGone: it is no longer kept, or never was.
        """
        if token is None or not token.startswith(_MARK):
            return None
        name, _, rest = token.removeprefix(_MARK).partition(".")
        with self._lock:
            query = self._kept.get(name)
        if query is None:
            raise FeedGone(
                "$skiptoken: the long query that this link belongs to is no longer kept; send it"
                " again and start from its first page",
                target=_TOKEN,
            )
        return f"{query}&{encode_query(((_TOKEN, rest),))}".encode()


def may_stand_for_more(raw_query: bytes) -> bool:
    """Whether a query is short only because a link's token stands for a long one."""
    return f"{_TOKEN}={_MARK}".encode() in raw_query
