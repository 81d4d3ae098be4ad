"""Pages read with a contract in force, by the reader of the feed, and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from gateway.analytics.extract.fetching import too_deep
from gateway.analytics.extract.strategy import Strategy, choose_strategy
from gateway.analytics.extract.totals import Totals
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract, Paging
from gateway.errors import (
    GatewayError,
    UpstreamKeepsChanging,
    UpstreamRejectedToken,
    UpstreamUnavailable,
)
from gateway.planner.pushdown import Pushdown

_STEP = 3
_WINDOW = 2 * _STEP


class Reads(Protocol):
    """A client of the Analytics API."""

    async def fetch(self, request: PageRequest) -> Page:
        """Return a page.

        Raises:
            GatewayError: the page cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Reading:
    """The observations of some pages; None for what they could not show.

    `problems` are the messages of pages that cannot be read, and `cap` why rows are missing from
    all pages. `total` is what the first page states, `rows` how many it has. `ranges` is true if
    two ranges of the order column have all rows together.
    """

    problems: tuple[str, ...] = ()
    rows: int = 0
    total: int | None = None
    orders: bool | None = None
    moves: bool | None = None
    cap: str | None = None
    doubt: str | None = None
    ranges: bool = False


class _Pages:
    """The pages of one reading; it records which ones cannot be read."""

    def __init__(self, client: Reads, contract: Contract) -> None:
        self.problems: list[str] = []
        self._client = client
        self._contract = contract

    async def get(
        self, skip: int, limit: int, *, descending: bool = True, cursor: Any = None
    ) -> Page | None:
        order = self._contract.order_column
        request = PageRequest(Pushdown(), skip, limit, order, descending=descending, cursor=cursor)
        try:
            return await self._client.fetch(request)
        except (UpstreamRejectedToken, UpstreamUnavailable):
            raise
        except GatewayError as error:
            if error.message not in self.problems:
                self.problems.append(error.message)
            return None


async def read_pages(client: Reads, contract: Contract) -> Reading:
    """Read the first page, the one behind a few rows, the last one, and the oldest rows.

    Raises:
        UpstreamRejectedToken, UpstreamUnavailable: they do not concern the contract.
    """
    pages, limit = _Pages(client, contract), contract.request.page_limit
    first = await pages.get(0, limit)
    if first is None:
        return Reading(tuple(pages.problems))
    moves = await _moves(pages, contract, first)
    await _last(pages, contract, first)
    await _deepest(pages, contract, first)
    orders = await _orders(pages, contract, first)
    cap, doubt = await _cap(client, contract, first)
    return Reading(
        problems=tuple(pages.problems),
        rows=first.rows.num_rows,
        total=first.stated,
        orders=orders,
        moves=moves,
        cap=cap,
        doubt=doubt,
        ranges=_is_extract(contract, first) and cap is doubt is None,
    )


async def _moves(pages: _Pages, contract: Contract, first: Page) -> bool | None:
    """Return True if the page behind a few rows has the rows that follow them."""
    keys = first.rows.column(contract.key).to_pylist()
    if len(keys) < _WINDOW or contract.request.page_limit < _WINDOW:
        return None
    cursor = None
    if contract.pages.kind is Paging.CURSOR:
        small = await pages.get(0, _STEP)
        cursor = None if small is None else small.cursor
        if cursor is None:
            return False
    second = await pages.get(_STEP, _STEP, cursor=cursor)
    return (
        second is not None and second.rows.column(contract.key).to_pylist() == keys[_STEP:_WINDOW]
    )


async def _last(pages: _Pages, contract: Contract, first: Page) -> None:
    """Read the last page, if its place is known."""
    limit, deepest = contract.request.page_limit, contract.pages.deepest
    if contract.pages.kind is Paging.CURSOR or first.stated is None or first.stated <= limit:
        return
    skip = (first.stated - 1) // limit * limit
    if deepest is None or skip + limit <= deepest:
        await pages.get(skip, limit)


async def _deepest(pages: _Pages, contract: Contract, first: Page) -> None:
    """Read the deepest page; a full one shows that a list has rows which no page reaches."""
    limit, deepest = contract.request.page_limit, contract.pages.deepest
    is_list = choose_strategy(contract).strategy is Strategy.PASSES
    if deepest is None or not is_list or first.rows.num_rows < limit:
        return
    stated = first.stated
    if stated is not None and stated < deepest:
        return
    last = await pages.get((deepest - limit) // limit * limit, limit)
    if last is None or last.rows.num_rows == limit:
        pages.problems.append(too_deep(deepest).message)


async def _orders(pages: _Pages, contract: Contract, first: Page) -> bool | None:
    """Return True if both directions of the order are obeyed."""
    name = contract.order_column
    if not name:
        return None
    oldest = await pages.get(0, contract.request.page_limit, descending=False)
    if oldest is None:
        return False
    down, up = (_instants(page, name) for page in (first, oldest))
    if len({*down, *up}) < 2:
        return None
    return down == sorted(down, reverse=True) and up == sorted(up) and up[0] <= down[-1]


def _instants(page: Page, name: str) -> Sequence[int]:
    found: list[int] = page.rows.column(name).drop_null().cast(pa.int64()).to_pylist()
    return found


def _is_extract(contract: Contract, first: Page) -> bool:
    """Return True if extracts compare the total with ranges, and there are rows to divide."""
    strategy = choose_strategy(contract).strategy
    return strategy is Strategy.NEWEST_FIRST and first.stated is not None and first.stated > 1


async def _cap(client: Reads, contract: Contract, first: Page) -> tuple[str | None, str | None]:
    """Return why rows are missing from all pages, and why that cannot be determined."""
    if not _is_extract(contract, first):
        return None, None
    doubts: list[str] = []
    totals = Totals(client.fetch, contract, doubts.append)
    try:
        await totals.confirm(Pushdown(), first)
    except UpstreamKeepsChanging as error:
        return None, error.message
    except (UpstreamRejectedToken, UpstreamUnavailable):
        raise
    except GatewayError as error:
        return error.message, None
    return None, next(iter(doubts), None)
