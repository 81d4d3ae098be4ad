"""The abilities of the Analytics API that queries rely on, as a contract states them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.contract.model import Column, Contract, RangeFilter
from gateway.planner.plan import QueryPlan, Route

TOTAL = "total"


class Kind(StrEnum):
    """The kind of an ability.

    TOTAL: the stated number of rows is true. ORDER: rows come sorted by a column. FILTER: a filter
    returns all rows that match. STATISTIC: a number is that of the matching rows.
    """

    TOTAL = TOTAL
    ORDER = "order by"
    FILTER = "filter by"
    STATISTIC = "statistic"


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
    for column in contract.columns:
        if column.filter is not None:
            digest = _digest(base, column.filter, _place(column), contract.custom_fields)
            yield Ability(Kind.FILTER, column.name, digest)
    for column in contract.columns:
        if column.order is not None:
            directions = contract.request.ascending, contract.request.descending
            digest = _digest(base, column.order, _place(column), directions)
            yield Ability(Kind.ORDER, column.name, digest)
    for statistic in contract.statistics:
        if statistic.exact:
            place = contract.statistics_path, contract.request.statistics_body
            yield Ability(Kind.STATISTIC, statistic.name, _digest(base, statistic, place))


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


def relied_on(plan: QueryPlan) -> tuple[str, ...]:
    """Return the names of the abilities without which a response could be wrong."""
    if plan.route is Route.NOTHING:
        return ()
    names = [name_of(Kind.FILTER, term.column) for term in plan.pushdown.terms]
    if plan.route is not Route.SNAPSHOT:
        names.append(TOTAL)
    if plan.route is Route.WINDOW:
        names.append(name_of(Kind.ORDER, plan.order[0].prop.name))
    if plan.statistics_plan is not None:
        members = plan.statistics_plan.statistics
        names += [name_of(Kind.STATISTIC, statistic.name) for statistic in members]
    return tuple(dict.fromkeys(names))
