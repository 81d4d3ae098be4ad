"""The abilities of the Analytics API that queries rely on, as a contract states them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.contract.model import Column, Contract, RangeFilter
from gateway.planner.plan import QueryPlan, Route, plan_query
from gateway.planner.pushdown import PushedRange, PushedTerm
from gateway.query.tree.queries import BoundQuery

TOTAL = "total"


class Kind(StrEnum):
    """The kind of an ability.

    TOTAL: the stated number of rows is true. ORDER: rows come sorted by a column. FILTER: a filter
    returns all rows that match. STATISTIC: a number is that of all rows. The others are about a
    filter together with these: COUNT with the total, WINDOW with the order of extracts, FIGURES
    with the statistics.
    """

    TOTAL = TOTAL
    ORDER = "order by"
    FILTER = "filter by"
    STATISTIC = "statistic"
    COUNT = "total with the filter by"
    WINDOW = "order with the filter by"
    FIGURES = "statistics with the filter by"


@dataclass(frozen=True, slots=True)
class Ability:
    """One ability; `of` is its column or statistic, empty for the total.

    `digest` changes with every entry of the contract that the ability depends on, so that a proof
    of another contract does not count.
    """

    kind: Kind
    of: str
    digest: str

    @property
    def name(self) -> str:
        """Return its name, such as `filter by state`."""
        return name_of(self.kind, self.of)


def name_of(kind: Kind, of: str = "") -> str:
    """Return the name of an ability.

    >>> name_of(Kind.FILTER, "state")
    'filter by state'
    """
    return f"{kind} {of}".strip()


def abilities_of(contract: Contract) -> tuple[Ability, ...]:
    """Return all abilities that a contract states, in the order in which they are proved."""
    shape, pages = contract.response, contract.pages
    base = (
        contract.results_path,
        contract.request.body,
        contract.request.headers,
        contract.key,
        (shape.rows, shape.total, shape.failed_if, pages.kind, pages.first),
    )
    return tuple(_abilities(contract, base))


def _abilities(contract: Contract, base: tuple[object, ...]) -> Iterator[Ability]:
    if contract.has_total:
        yield Ability(Kind.TOTAL, "", _digest(base))
    filtered = [c for c in contract.columns if c.filter is not None and not _moves(c)]
    filters = {c.name: (c.filter, _place(c), contract.custom_fields) for c in filtered}
    directions = contract.request.ascending, contract.request.descending
    for name, own in filters.items():
        yield Ability(Kind.FILTER, name, _digest(base, own))
    for column in contract.columns:
        if column.order is not None:
            digest = _digest(base, column.order, _place(column), directions)
            yield Ability(Kind.ORDER, column.name, digest)
    place = contract.statistics_path, contract.request.statistics_body
    moving = {column.name for column in contract.columns if _moves(column)}
    exact = tuple(s for s in contract.statistics if s.exact and s.column not in moving)
    for statistic in exact:
        yield Ability(Kind.STATISTIC, statistic.name, _digest(base, statistic, place))
    order = contract.order_column and contract.column(contract.order_column).order
    for name, own in filters.items():
        if contract.has_total:
            yield Ability(Kind.COUNT, name, _digest(base, own))
        if contract.has_total and order:
            yield Ability(Kind.WINDOW, name, _digest(base, own, order, directions))
        if exact:
            yield Ability(Kind.FIGURES, name, _digest(base, own, exact, place))


def _moves(column: Column) -> bool:
    """Return True if a filter by the column may be right today and wrong tomorrow.

    The state that a row shows may depend on the time of the call, and the filter on what a nightly
    job has stored: rows that have moved in between are then in neither state.
    """
    return column.changes_by_time


def _place(column: Column) -> tuple[object, ...]:
    return column.path, column.each, column.field_id, column.source


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def limited(contract: Contract, proved: Mapping[str, int]) -> Contract:
    """Return the contract with the proved abilities alone.

    `proved` has the names of abilities; of a filter by values, the longest list that was proved.
    """
    statistics = tuple(
        s for s in contract.statistics if name_of(Kind.STATISTIC, s.name) in proved or not s.exact
    )
    return replace(
        contract,
        columns=tuple(_limited(column, proved) for column in contract.columns),
        statistics=statistics,
        has_total=contract.has_total and TOTAL in proved,
    )


def _limited(column: Column, proved: Mapping[str, int]) -> Column:
    order = column.order if name_of(Kind.ORDER, column.name) in proved else None
    most, filter_ = proved.get(name_of(Kind.FILTER, column.name)), column.filter
    if most is None or filter_ is None:
        return replace(column, filter=None, order=order)
    if not isinstance(filter_, RangeFilter):
        filter_ = replace(filter_, max_values=min(most, filter_.max_values))
    return replace(column, filter=filter_, order=order)


def plan_proved(
    query: BoundQuery, contract: Contract, proved: Mapping[str, int] | None
) -> QueryPlan:
    """Plan a query with the proved abilities; `contract` has no others, see `limited`.

    Of several filters, one is sent: how the API combines them was not tried. Without a proof that
    the number, the order or the statistics are right with this filter, they are not used.
    """
    plan = plan_query(query, contract)
    if proved is None or not plan.pushdown.terms:
        return plan
    if len(plan.pushdown.terms) > 1:
        kept = min(plan.pushdown.terms, key=_rank).column
        contract = _with_filter(contract, kept)
        plan = plan_query(query, contract)
    if set(relied_on(plan)) <= set(proved) and _is_tried(plan, contract):
        return plan
    return plan_query(query, replace(contract, has_total=False))


def _rank(term: PushedTerm) -> int:
    """Return a sort key: the filters that usually leave the fewest rows come first."""
    if isinstance(term, PushedRange):
        return 2 if term.lower is not None and term.upper is not None else 4
    return {"userId": 0, "contentId": 1, "state": 5, "enrollmentType": 6}.get(term.column, 3)


def _with_filter(contract: Contract, kept: str) -> Contract:
    columns = (c if c.name == kept else replace(c, filter=None) for c in contract.columns)
    return replace(contract, columns=tuple(columns))


def _is_tried(plan: QueryPlan, contract: Contract) -> bool:
    """Return False for a window with a filter in another order than the one that was tried."""
    is_window = plan.route is Route.WINDOW and bool(plan.pushdown.terms)
    return not is_window or plan.order[0].prop.name == contract.order_column


def relied_on(plan: QueryPlan) -> tuple[str, ...]:
    """Return the names of the abilities without which a response could be wrong."""
    if plan.route is Route.NOTHING:
        return ()
    columns = [term.column for term in plan.pushdown.terms]
    names = [name_of(Kind.FILTER, column) for column in columns]
    if plan.route is not Route.SNAPSHOT:
        names.append(TOTAL)
    if plan.route in (Route.TOTAL, Route.WINDOW):
        names += [name_of(Kind.COUNT, column) for column in columns]
    if plan.route is Route.WINDOW:
        names.append(name_of(Kind.ORDER, plan.order[0].prop.name))
        names += [name_of(Kind.WINDOW, column) for column in columns]
    if plan.statistics_plan is not None:
        members = plan.statistics_plan.statistics
        names += [name_of(Kind.STATISTIC, statistic.name) for statistic in members]
        names += [name_of(Kind.FIGURES, column) for column in columns]
    return tuple(dict.fromkeys(names))
