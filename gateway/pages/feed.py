"""Rows for pages, queried from one snapshot with OData URLs and the caller's own rights.

A page view never starts an extract. Numbers may therefore be as old as the snapshot, and pages show
when it was taken.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from gateway.query.preferences import Preferences
from gateway.service.messages import ResponseOptions
from gateway.service.service import QueryService
from gateway.writer.format import Format
from gateway.writer.links import Links

Row = dict[str, Any]
_MAX_ROWS = 1_000
_SAFE_IN_VALUES = "/$,():'*@"
_SAFE = "/$=&,():'*@;"


class SnapshotFeed:
    """A snapshot of all rows, as far as the caller may see it."""

    def __init__(self, service: QueryService, snapshot_id: str, root: str) -> None:
        self._service = service.at(snapshot_id)
        self._root = root

    async def rows(self, url: str) -> list[Row]:
        """Return the rows of a URL below the service root, at most the first 1,000.

        Raises:
            GatewayError: as the feed would; also if the snapshot is no longer cached.
        """
        path, _, query = url.partition("?")
        return await self._rows(path, _encoded(query), _MAX_ROWS)

    async def rows_of(
        self, path: str, options: Mapping[str, str], most: int = _MAX_ROWS
    ) -> list[Row]:
        """Return at most the first rows of a path and options, whose values may be any text.

        Raises:
            GatewayError: as `rows`.
        """
        return await self._rows(path, encoded_options(options), most)

    async def _rows(self, path: str, query: str, most: int) -> list[Row]:
        request = await self._service.understand(path.encode(), query.encode(), self._root)
        preferences = Preferences(max_page_size=most)
        options = ResponseOptions(Format(), preferences, Links(self._root))
        response = await self._service.respond(request, options)
        body = gzip.decompress(response.body) if response.gzipped else response.body
        rows: list[Row] = msgspec.json.decode(body)["value"]
        return rows

    async def count(self, set_name: str) -> int:
        """Return the number of rows of an entity set.

        Raises:
            GatewayError: as `rows`.
        """
        source = self._service.counted_as(set_name)
        return int((await self.rows(f"{source}?$apply=aggregate($count as rows)"))[0]["rows"])


def encoded_options(options: Mapping[str, str]) -> str:
    """Return a query string; values are encoded, so that they may have any character.

    >>> encoded_options({"$filter": "name eq 'R&D'"})
    "$filter=name%20eq%20'R%26D'"
    """
    return "&".join(f"{name}={quote(text, safe=_SAFE_IN_VALUES)}" for name, text in options.items())


def link_to(root: str, url: str) -> str:
    """Return the absolute, encoded URL for an unencoded URL below the service root.

    >>> link_to("http://a/", "Results?$filter=state eq 'FAILED'")
    "http://a/Results?$filter=state%20eq%20'FAILED'"
    """
    path, question_mark, query = url.partition("?")
    return f"{root}{path}{question_mark}{_encoded(query)}"


def _encoded(query: str) -> str:
    return quote(query, safe=_SAFE)
