"""Rows for pages: asked of the caller's own feed, in the feed's own language, of what is at hand.

A page view never starts an extract. So numbers may be as old as the snapshot, and pages say when it
was taken.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from gateway.errors import UpstreamUnavailable
from gateway.exchange import Reply
from gateway.query.preferences import Preferences
from gateway.service import QueryService
from gateway.writer.format import Format
from gateway.writer.links import Links

Row = dict[str, Any]
_ROWS = 1_000
_SAFE = "/$=&,():'*@;"


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows of a caller that are at hand."""

    service: QueryService
    root: str

    async def rows(self, url: str) -> list[Row]:
        """The rows that a URL below the service root stands for; of more than 1,000 the first.

        Raises:
            UpstreamUnavailable: they are not at hand.
            GatewayError: what the feed would answer.
        """
        path, _, query = url.partition("?")
        service = self.service.kept
        question = service.read(path.encode(), quote(query, safe=_SAFE).encode(), self.root)
        preferences = Preferences(max_page_size=_ROWS)
        answer = await service.answer(question, Reply(Format("4.0"), preferences, Links(self.root)))
        body = gzip.decompress(answer.body) if answer.gzipped else answer.body
        rows: list[Row] = msgspec.json.decode(body)["value"]
        return rows

    async def count(self, set_name: str) -> int | None:
        """How many rows a set has; None when they are not at hand."""
        url = f"{set_name}?$apply=aggregate($count as rows)"
        try:
            return int((await self.rows(url))[0]["rows"])
        except UpstreamUnavailable:
            return None


def link_to(root: str, url: str) -> str:
    """The absolute URL of what a URL below the service root says with blanks and quotes in it."""
    path, question_mark, query = url.partition("?")
    return f"{root}{path}{question_mark}{quote(query, safe=_SAFE)}"
