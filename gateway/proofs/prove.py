"""Proofs: requests whose answers a snapshot of all rows already has.

Rows that have changed since the snapshot are found first, and left out of every comparison. What
cannot be compared stays unproved; what differs is contradicted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.analytics.read.statistics import Figures
from gateway.contract.model import Column, Contract, RangeFilter
from gateway.contract.statistics import Statistic
from gateway.edm.types import PrimitiveType
from gateway.errors import UpstreamBrokeContract, UpstreamRejectedRequest
from gateway.planner.pushdown import Pushdown, PushedTerm, PushedValues, split_filter
from gateway.proofs.abilities import Ability, Kind
from gateway.proofs.kept_rows import ALL, Condition, KeptRows, Keys
from gateway.proofs.store import Proof
from gateway.query.tree.expressions import And, ColumnRef, Compare, CompareOperator, Constant

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


class Threads(Protocol):
    """A pool for blocking work."""

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run work in a thread."""


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
        self._moved: Keys = frozenset()
        self._added = 0
        self._filters: dict[str, tuple[PushedTerm, Condition]] = {}
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
        together = await self._together()
        if together is not None and not together.holds:
            proofs = [self._without(proof, together) for proof in proofs]
        return tuple(proofs)

    def _proof(self, ability: Ability, found: _Finding) -> Proof:
        values = found.values if found.holds else 0
        digest = ability.digest
        return Proof(ability.name, digest, found.holds, self._now(), values, found.evidence)

    def _without(self, proof: Proof, found: _Finding) -> Proof:
        """Return the proof of a filter withdrawn, because filters do not work together."""
        is_filter = proof.ability.startswith(f"{Kind.FILTER} ") and proof.holds
        return replace(proof, holds=False, evidence=found.evidence) if is_filter else proof

    async def _seen(self, ability: Ability) -> _Finding | None:
        try:
            match ability.kind:
                case Kind.TOTAL:
                    return await self._total()
                case Kind.ORDER:
                    return await self._order(ability.of)
                case Kind.FILTER:
                    return await self._filter(self._contract.column(ability.of))
                case _:
                    return await self._statistic(ability.of)
        except UpstreamRejectedRequest:
            return _Finding(holds=False, evidence="the Analytics API refuses the request")
        except UpstreamBrokeContract:
            return _Finding(holds=False, evidence="the response contradicts the request")

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

    async def _order(self, name: str) -> _Finding | None:
        column = self._contract.column(name)
        if column.prop.type is PrimitiveType.STRING:
            return None  # the planner never sends an order of texts
        ends = []
        for descending, rows in _PAGES.items():
            limit = min(self._contract.request.page_limit, rows)
            page = await self._fetch(PageRequest(Pushdown(), 0, limit, name, descending=descending))
            keys = page.rows.column(self._contract.key).to_pylist()
            cells = page.rows.column(name).to_pylist()
            found = [
                cell
                for key, cell in zip(keys, cells, strict=True)
                if key not in self._moved and cell is not None
            ]
            sort = partial(self._rows.sorted, descending=descending)
            wanted = await self._ask(sort, name, len(found), self._moved)
            if found != wanted:
                return _Finding(holds=False, evidence=f"{len(found)} rows are in another order")
            ends.append(found[:1])
        if not ends[0] or ends[0] == ends[1]:
            return None  # one value alone shows no order
        return _Finding(holds=True, evidence=f"{len(found)} rows from either end")

    async def _filter(self, column: Column) -> _Finding | None:
        if isinstance(column.filter, RangeFilter):
            return await self._range(column)
        found = await self._ask(self._rows.values, column.name)
        rows = await self._ask(self._rows.count)
        known = column.prop.known_values
        listed = [(v, n) for v, n in found if not known or v in known]
        usable = [(v, n) for v, n in listed if n < rows and _is_sendable(column, v)]
        if not usable:
            return None
        rare, many = [usable[0][0]], self._fitting(column, usable)
        chosen = [rare, many] if len(many) > 1 else [rare]
        if known:  # each word has a spelling of its own
            chosen += [[value] for value, _ in usable[1:_MOST_WORDS]]
        compared = 0
        for values in chosen:
            term = PushedValues(column.name, tuple(sorted(values)))
            condition = self._rows.having(column.name, values)
            number = await self._compare((term,), condition)
            if number is None:
                if values is many:
                    many = rare
                    continue
                return None if not compared else _Finding(holds=False, evidence="not comparable")
            if isinstance(number, str):
                return _Finding(holds=False, evidence=number)
            compared += number
            self._filters.setdefault(column.name, (term, condition))
        similar = await self._similar(column, rare[0], found)
        if similar is not None:
            return similar
        return _Finding(holds=True, evidence=f"{compared:,} rows", values=len(many))

    def _fitting(self, column: Column, usable: Sequence[tuple[Any, int]]) -> list[Any]:
        """Return as many values as a list may have, and as few rows as a page has."""
        most = min(getattr(column.filter, "max_values", 1), _MOST_VALUES)
        chosen: list[Any] = []
        rows = 0
        for value, number in usable[:most]:
            rows += number
            if rows > self._contract.request.page_limit:
                break
            chosen.append(value)
        return chosen or [usable[0][0]]

    async def _similar(
        self, column: Column, value: str, found: Sequence[tuple[Any, int]]
    ) -> _Finding | None:
        """Return a finding if a filter that should be exact finds similar texts as well."""
        assert column.filter is not None  # noqa: S101 - the ability says so
        known = {value for value, _ in found}
        others = {value.swapcase(), value[:-1]} - known
        others = {other for other in others if other and _is_sendable(column, other)}
        if column.prop.known_values or not column.filter.exact or not others:
            return None
        term = PushedValues(column.name, tuple(sorted(others)))
        try:
            page = await self._fetch(self._request((term,), 1))
        except UpstreamRejectedRequest:
            return None
        if page.rows.num_rows or page.stated:
            return _Finding(holds=False, evidence="finds similar values too")
        return None

    async def _range(self, column: Column) -> _Finding | None:
        ends = await self._ask(self._rows.instants, column.name)
        if ends is None:
            return None
        lower, upper = ends
        reference = ColumnRef(column.prop)
        low, high = (Constant(_aware(end), column.prop.type) for end in ends)
        wanted = And((
            Compare(CompareOperator.GE, reference, low),
            Compare(CompareOperator.LE, reference, high),
        ))  # fmt: skip
        split = split_filter(wanted, self._contract)
        condition = self._rows.between(column.name, lower, upper)
        if not split.pushdown.terms:
            return None
        number = await self._compare(
            split.pushdown.terms, condition, is_loose=split.residual is not None
        )
        if number is None:
            return None
        if isinstance(number, str):
            return _Finding(holds=False, evidence=number)
        if split.residual is None:
            self._filters.setdefault(column.name, (split.pushdown.terms[0], condition))
        return _Finding(holds=True, evidence=f"{number:,} rows")

    async def _together(self) -> _Finding | None:
        """Return whether two filters select the rows that match both; None with fewer filters."""
        chosen = [*self._filters.values()][:2]
        if len(chosen) < 2:
            return None
        condition = chosen[0][1].and_(chosen[1][1])
        try:
            number = await self._compare(tuple(term for term, _ in chosen), condition)
        except _FAULTS:
            number = "filters cannot be combined"
        if isinstance(number, str):
            return _Finding(holds=False, evidence=f"together with another filter: {number}")
        return None

    async def _statistic(self, name: str) -> _Finding | None:
        if self._moved:
            return None
        statistic = next(s for s in self._contract.statistics if s.name == name)
        scenes = [(Pushdown(), ALL)]
        scenes += [(Pushdown((term,)), where) for term, where in [*self._filters.values()][:1]]
        for pushdown, condition in scenes:
            figures = await self._figures(pushdown)
            wanted = await self._ask(self._rows.figure, statistic, condition)
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

    async def _compare(
        self, terms: tuple[PushedTerm, ...], condition: Condition, *, is_loose: bool = False
    ) -> int | str | None:
        """Return the number of matching rows, what is wrong, or None if nothing can be compared.

        `is_loose`: more rows may come than the condition selects.
        """
        is_exact = not is_loose and all(self._is_exact(term) for term in terms)
        limit = self._contract.request.page_limit
        wanted = await self._ask(self._rows.count, condition)
        if wanted > limit - len(self._moved):
            if not is_exact or not self._contract.has_total or self._moved:
                return None
            stated = await self._stated(Pushdown(terms))
            return wanted if stated == wanted else f"{stated} rows are stated, {wanted} match"
        expected = await self._ask(self._rows.keys, condition) - self._moved
        page = await self._fetch(self._request(terms, limit))
        came = frozenset(page.rows.column(self._contract.key).to_pylist()) - self._moved
        is_full = page.rows.num_rows >= limit
        if expected - came:
            return None if is_full and not is_exact else f"{len(expected - came)} rows are missing"
        if is_exact and came - expected:
            return f"{len(came - expected)} rows too many"
        if is_exact and page.stated is not None and page.stated != page.rows.num_rows:
            return f"{page.stated} rows are stated, {page.rows.num_rows} came"
        return len(expected)

    def _is_exact(self, term: PushedTerm) -> bool:
        filter_ = self._contract.column(term.column).filter
        return filter_ is not None and filter_.exact

    def _request(self, terms: tuple[PushedTerm, ...], limit: int) -> PageRequest:
        return PageRequest(Pushdown(terms), 0, limit, self._contract.order_column)

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


def _is_sendable(column: Column, value: object) -> bool:
    """Return True if a value can be sent as it is, so that it may be chosen for a proof."""
    is_text = isinstance(value, str) and value.isprintable() and "\ufffd" not in value
    return is_text and column.can_encode(str(value))


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
