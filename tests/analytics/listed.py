"""An upstream that lists rows in an order of its own, by rows, page numbers or cursors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract, Pages, Paging, Stop, TotalPlace
from gateway.errors import UpstreamRejectedRequest
from tests.analytics.moving import Upstream, Version, to_table
from tests.analytics.small_contract import small_contract

Arrange = Callable[["Listed", list[Version]], list[Version]]


def as_inserted(_: Listed, rows: list[Version]) -> list[Version]:
    return rows


def oldest_first(_: Listed, rows: list[Version]) -> list[Version]:
    return sorted(rows, key=lambda row: row.changed)


def reshuffled(upstream: Listed, rows: list[Version]) -> list[Version]:
    return upstream.random.sample(rows, len(rows))


def unordered(
    *, limit: int = 10, total: bool = False, pages: Pages | None = None, order: str = ""
) -> Contract:
    """A contract without `order_by`, and without a total unless it is wanted."""
    plain = small_contract(limit=limit)
    place = TotalPlace(("total",)) if total else None
    stop = Stop.TOTAL if total else Stop.EMPTY_PAGE
    return replace(
        plain,
        order_column=order,
        has_total=total,
        response=replace(plain.response, total=place),
        pages=pages or Pages(stop=stop),
    )


@dataclass
class Listed(Upstream):
    """`largest` is what it gives at most, in silence; `beyond` is what it does behind the end.

    `ignores_skip` sends the first page always. A cursor is the number of the first row, and expires
    once after `expires` calls.
    """

    arrange: Arrange = as_inserted
    largest: int = 10**9
    beyond: str = "empty"
    ignores_skip: bool = False
    states: int | None = None
    expires: int = -1
    refused: list[PageRequest] = field(default_factory=list)

    def answer(self, request: PageRequest) -> Page:
        found = self.arrange(self, self.matching(request.pushdown))
        limit, pages = min(request.limit, self.largest), self.contract.pages
        match pages.kind:
            case Paging.OFFSET:
                skip = request.skip
            case Paging.PAGE_NUMBER:
                skip = request.skip // request.limit * limit
            case Paging.CURSOR:
                skip = int(request.cursor or 0)
                self._expire(request)
        if self.ignores_skip:
            skip = 0
        if skip and skip >= len(found):
            skip = self._behind_the_end(request, len(found), limit)
        page = found[skip : skip + limit]
        more = skip + limit < len(found)
        total = len(found) if self.states is None else self.states
        return Page(
            to_table(page, self.contract),
            total if self.contract.has_total else None,
            has_more=more if pages.stop is Stop.HAS_MORE else None,
            cursor=skip + limit if more and pages.kind is Paging.CURSOR else None,
        )

    def _behind_the_end(self, request: PageRequest, rows: int, limit: int) -> int:
        match self.beyond:
            case "refused":
                self.refused.append(request)
                raise UpstreamRejectedRequest("the Analytics API answered 404")
            case "repeated":
                return (rows - 1) // limit * limit
            case _:
                return rows

    def _expire(self, request: PageRequest) -> None:
        if request.cursor is not None and len(self.requests) == self.expires:
            raise UpstreamRejectedRequest("the Analytics API answered 410")
