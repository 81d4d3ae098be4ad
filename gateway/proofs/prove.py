"""Proofs: requests whose answers a snapshot of all rows already has.

Rows that have changed since the snapshot are found first, and left out of every comparison. What
cannot be compared stays unproved; what differs is contradicted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.analytics.read.statistics import Figures
from gateway.contract.model import Column, Contract, RangeFilter
from gateway.contract.statistics import Statistic
from gateway.edm.types import PrimitiveType
from gateway.errors import UpstreamBrokeContract, UpstreamRejectedRequest
from gateway.planner.pushdown import Pushdown
from gateway.proofs.abilities import Ability, Kind
from gateway.proofs.kept_rows import ALL, KeptRows, Keys
from gateway.proofs.selections import Selection, Selections, Threads
from gateway.proofs.store import Proof

T = TypeVar("T")
_PAGES = {True: 97, False: 89}
"""Rows of a page that shows an order, descending and ascending: two sizes, so that no cache can
serve the one for the other."""
_MOST_VALUES = 100
_MOST_WORDS = 20
_FAULTS = (UpstreamBrokeContract, UpstreamRejectedRequest)


class Api(Protocol):
    """The calls to the Analytics API."""

    async def fetch(self, request: PageRequest) -> Page:
        """Fetch a page."""

    async def fetch_statistics(self, pushdown: Pushdown) -> Figures:
        """Fetch statistics."""


@dataclass(frozen=True, slots=True)
class _Finding:
    holds: bool
    evidence: str
    values: int = 0


class Prover:
    """Compares the answers of the Analytics API with one snapshot of all rows.

    `pause` is awaited before each call, so that callers of the gateway come first.
    """

    def __init__(
        self,
        api: Api,
        contract: Contract,
        rows: KeptRows,
        threads: Threads,
        now: Callable[[], datetime],
        pause: Callable[[], Awaitable[None]],
    ) -> None:
        self._api = api
        self._contract = contract
        self._rows = rows
        self._threads = threads
        self._now = now
        self._pause = pause
        self._selections = Selections(contract, rows, threads)
        self._moved: Keys = frozenset()
        self._added = 0
        self._fetched: dict[Pushdown, Figures] = {}

    async def prove(self, abilities: Sequence[Ability]) -> tuple[Proof, ...]:
        """Return the findings on abilities; those that nothing could show are not among them.

        Raises:
            GatewayError: the Analytics API cannot be reached, or refuses the token.
        """
        if not await self._find_moved():
            return ()
        proofs = []
        for ability in abilities:
            found = await self._seen(ability)
            if found is not None and not found.holds and await self._find_moved():
                self._fetched.clear()
                found = await self._seen(ability)  # the row may have moved between two calls
            if found is not None:
                proofs.append(self._proof(ability, found))
        return tuple(proofs)

    def _proof(self, ability: Ability, found: _Finding) -> Proof:
        values = found.values if found.holds else 0
        digest = ability.digest
        return Proof(ability.name, digest, found.holds, self._now(), values, found.evidence)

    async def _seen(self, ability: Ability) -> _Finding | None:
        try:
            match ability.kind:
                case Kind.TOTAL:
                    return await self._total()
                case Kind.ORDER:
                    return await self._order(ability.of)
                case Kind.FILTER:
                    return await self._filter(self._contract.column(ability.of))
                case Kind.STATISTIC:
                    return await self._statistic(ability.of)
                case Kind.COUNT:
                    return await self._counts(self._contract.column(ability.of))
                case Kind.WINDOW:
                    return await self._windows(self._contract.column(ability.of))
                case Kind.FIGURES:
                    return await self._filtered_figures(self._contract.column(ability.of))
        except UpstreamRejectedRequest:
            return _Finding(holds=False, evidence="the Analytics API refuses the request")
        except UpstreamBrokeContract:
            return _Finding(holds=False, evidence="rows came that were not requested")

    # --- rows that have changed -------------------------------------------------------------------

    async def _find_moved(self) -> bool:
        """Find the rows that have changed since the snapshot; return False if there are too many.

        An API without an order cannot show them: then whatever differs is contradicted.
        """
        contract = self._contract
        if not contract.order_column or contract.column(contract.order_column).order is None:
            return True
        newest = await self._ask(self._rows.newest)
        try:
            limit = contract.request.page_limit
            page = await self._fetch(PageRequest(Pushdown(), 0, limit, contract.order_column))
        except _FAULTS:
            return True
        at = page.rows.column(contract.order_column).to_pylist()
        keys = page.rows.column(contract.key).to_pylist()
        later = [at is not None and (newest is None or at > newest) for at in at]
        known = await self._ask(self._rows.known, keys)
        changed = {k for k, is_later in zip(keys, later, strict=True) if is_later or k not in known}
        self._added = len(changed - known)
        self._moved = frozenset(changed)
        return not later or not all(later)

    # --- one ability ------------------------------------------------------------------------------

    async def _total(self) -> _Finding | None:
        stated = await self._stated(Pushdown())
        if stated is None:
            return None
        rows = await self._ask(self._rows.count) + self._added
        return _Finding(stated == rows, f"{stated:,} rows stated, {rows:,} read")

    async def _order(self, name: str, selection: Selection | None = None) -> _Finding | None:
        column = self._contract.column(name)
        if column.prop.type is PrimitiveType.STRING:
            return None  # the planner never sends an order of texts
        pushdown, condition = Pushdown(), ALL
        if selection is not None:
            pushdown, condition = selection.pushdown, selection.where
        half = await self._ask(self._rows.count, condition) // 2
        ends = []
        for descending, rows in _PAGES.items():
            limit = min(self._contract.request.page_limit, rows, half)
            if limit < 1:
                return None  # a page that has all rows shows only that it is sorted itself
            request = PageRequest(pushdown, 0, limit, name, descending=descending)
            page = await self._fetch(request)
            keys = page.rows.column(self._contract.key).to_pylist()
            cells = page.rows.column(name).to_pylist()
            found = [
                cell
                for key, cell in zip(keys, cells, strict=True)
                if key not in self._moved and cell is not None
            ]
            sort = partial(self._rows.sorted, where=condition, descending=descending)
            wanted = await self._ask(sort, name, len(found), self._moved)
            if found != wanted:
                return _Finding(holds=False, evidence=f"{len(found)} rows are in another order")
            ends.append(found[:1])
        if not ends[0] or ends[0] == ends[1]:
            return None  # one value alone shows no order
        return _Finding(holds=True, evidence=f"{len(found)} rows from either end")

    async def _filter(self, column: Column) -> _Finding | None:
        if isinstance(column.filter, RangeFilter):
            return await self._compare_all(await self._selections.ranges(column))
        usable = await self._selections.usable(column)
        if not usable:
            return None
        chosen = await self._selections.of_values(column, usable)
        found = await self._compare_all(chosen.selections)
        if found is None or not found.holds:
            return found
        return await self._similar(column, usable) or replace(found, values=chosen.most)

    async def _similar(self, column: Column, found: Sequence[tuple[Any, int]]) -> _Finding | None:
        """Return a finding if a filter that should be exact finds similar texts as well."""
        similar = self._selections.similar(column, found)
        if similar is None:
            return None
        try:
            page = await self._fetch(self._request(Pushdown((similar,)), 1))
        except UpstreamRejectedRequest:
            return None
        if page.rows.num_rows or page.stated:
            return _Finding(holds=False, evidence="finds similar values too")
        return None

    # --- a filter together with numbers, orders and statistics ------------------------------------

    async def _counts(self, column: Column) -> _Finding | None:
        if self._moved:
            return None
        numbers = []
        for scene in await self._selections.scenes(column):
            stated = await self._stated(scene.pushdown)
            wanted = await self._ask(self._rows.count, scene.where)
            if stated != wanted:
                return _Finding(holds=False, evidence=f"{stated} rows stated, {wanted} match")
            numbers.append(wanted)
        return _Finding(holds=True, evidence=f"{max(numbers):,} rows") if numbers else None

    async def _windows(self, column: Column) -> _Finding | None:
        scenes = await self._selections.scenes(column)
        return await self._order(self._contract.order_column, scenes[-1]) if scenes else None

    async def _filtered_figures(self, column: Column) -> _Finding | None:
        if self._moved:
            return None
        scenes = await self._selections.scenes(column)
        for scene in scenes:
            figures = await self._figures(scene.pushdown)
            for statistic in self._exact_statistics():
                wanted = await self._ask(self._rows.figure, statistic, scene.where)
                if _figure(figures, statistic) != wanted:
                    return _Finding(holds=False, evidence=f"{statistic.name} is not of these rows")
        return _Finding(holds=True, evidence=f"{len(scenes)} selections") if scenes else None

    def _exact_statistics(self) -> list[Statistic]:
        return [statistic for statistic in self._contract.statistics if statistic.exact]

    async def _statistic(self, name: str) -> _Finding | None:
        if self._moved:
            return None
        statistic = next(s for s in self._contract.statistics if s.name == name)
        figures = await self._figures(Pushdown())
        wanted = await self._ask(self._rows.figure, statistic, ALL)
        if _figure(figures, statistic) != wanted:
            return _Finding(holds=False, evidence="the number is not that of the rows")
        rows = await self._ask(self._rows.count)
        return _Finding(holds=True, evidence=f"{rows:,} rows")

    async def _figures(self, pushdown: Pushdown) -> Figures:
        """Return the statistics of a selection; all of them come in one response."""
        found = self._fetched.get(pushdown)
        if found is None:
            await self._pause()
            found = self._fetched[pushdown] = await self._api.fetch_statistics(pushdown)
        return found

    # --- comparisons ------------------------------------------------------------------------------

    async def _compare_all(self, selections: Sequence[Selection]) -> _Finding | None:
        """Return the finding on all selections; None if one cannot be compared, or without any."""
        compared = 0
        for selection in selections:
            number = await self._compare(selection)
            if number is None:
                return None
            if isinstance(number, str):
                return _Finding(holds=False, evidence=number)
            compared += number
        return _Finding(holds=True, evidence=f"{compared:,} rows") if selections else None

    async def _compare(self, selection: Selection) -> int | str | None:
        """Return the number of matching rows, what is wrong, or None if nothing can be compared."""
        is_exact = not selection.is_loose and self._is_exact(selection.term.column)
        limit = self._contract.request.page_limit
        wanted = await self._ask(self._rows.count, selection.where)
        if wanted > limit - len(self._moved):
            if not is_exact or not self._contract.has_total or self._moved:
                return None
            stated = await self._stated(selection.pushdown)
            return wanted if stated == wanted else f"{stated} rows are stated, {wanted} match"
        expected = await self._ask(self._rows.keys, selection.where) - self._moved
        page = await self._fetch(self._request(selection.pushdown, limit))
        came = frozenset(page.rows.column(self._contract.key).to_pylist()) - self._moved
        is_full = page.rows.num_rows >= limit
        if expected - came:
            return (
                None
                if is_full and not is_exact
                else f"{len(expected - came)} of {len(expected)} rows are missing"
            )
        if is_exact and came - expected:
            return f"{len(came)} rows came, {len(expected)} match"
        return len(expected)

    def _is_exact(self, name: str) -> bool:
        filter_ = self._contract.column(name).filter
        return filter_ is not None and filter_.exact

    def _request(self, pushdown: Pushdown, limit: int) -> PageRequest:
        return PageRequest(pushdown, 0, limit, self._contract.order_column)

    async def _stated(self, pushdown: Pushdown) -> int | None:
        request = PageRequest(pushdown, 0, 1, self._contract.order_column, for_total=True)
        return (await self._fetch(request)).stated

    async def _fetch(self, request: PageRequest) -> Page:
        await self._pause()
        return await self._api.fetch(request)

    async def _ask(self, work: Callable[..., T], *arguments: object) -> T:
        return await self._threads.run(work, *arguments)


def _figure(figures: Figures, statistic: Statistic) -> object:
    counts = figures.counts.get(statistic)
    return figures.numbers[statistic] if counts is None else dict(counts)
