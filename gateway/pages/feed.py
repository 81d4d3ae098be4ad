"""Rows for pages: asked of the caller's own feed, in the feed's own language, of one snapshot.

A page view never starts an extract. So numbers may be as old as the snapshot, and pages say when it
was taken.
"""

from __future__ import annotations

import gzip
from typing import Any
from urllib.parse import quote

import msgspec

from gateway.query.preferences import Preferences
from gateway.service.messages import ResponseOptions
from gateway.service.service import QueryService
from gateway.snapshots.facts import StoredTable
from gateway.writer.format import Format
from gateway.writer.links import Links

Row = dict[str, Any]
_ROWS = 1_000
_SAFE = "/$=&,():'*@;"


class SnapshotRows:
    """What a snapshot of all rows has for a caller."""

    def __init__(self, service: QueryService, snapshot: StoredTable, root: str) -> None:
        self._service = service.at(snapshot)
        self._root = root

    async def rows(self, url: str) -> list[Row]:
        """The rows that a URL below the service root stands for; of more than 1,000 the first.

        Raises:
            GatewayError: what the feed would answer; the snapshot may no longer be kept.
        """
        path, _, query = url.partition("?")
        question = self._service.read(path.encode(), _encoded(query).encode(), self._root)
        wishes = Preferences(max_page_size=_ROWS)
        reply = ResponseOptions(Format(), wishes, Links(self._root))
        answer = await self._service.respond(question, reply)
        body = gzip.decompress(answer.body) if answer.gzipped else answer.body
        rows: list[Row] = msgspec.json.decode(body)["value"]
        return rows

    async def count(self, set_name: str) -> int:
        """How many rows a set has.

        Raises:
            GatewayError: as `rows`.
        """
        counted = self._service.counted_as(set_name)
        return int((await self.rows(f"{counted}?$apply=aggregate($count as rows)"))[0]["rows"])


def link_to(root: str, url: str) -> str:
    """The absolute URL of what a URL below the service root says with blanks and quotes in it.

    >>> link_to("http://a/", "Results?$filter=state eq 'FAILED'")
    "http://a/Results?$filter=state%20eq%20'FAILED'"
    """
    path, question_mark, query = url.partition("?")
    return f"{root}{path}{question_mark}{_encoded(query)}"


def _encoded(query: str) -> str:
    return quote(query, safe=_SAFE)
