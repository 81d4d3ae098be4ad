"""`BoundQuery` + the upstream's capabilities -> `QueryPlan`: which part goes upstream.

Law 2: the window ($top and $skip) is pushed only if nothing is left to do here: residual empty,
every pushed term exact, order pushed whole. Without $orderby, rows come in the contract's extract
order (newest first) and then by key, so that a preview can be pushed too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.contract.derived import DerivedSet
from gateway.contract.model import Contract
from gateway.edm.model import EntityType
from gateway.edm.types import PrimitiveType
from gateway.planner.pushdown import Pushdown, SplitFilter, split_derived, split_filter
from gateway.planner.statistics import StatisticsPlan, plan_statistics
from gateway.query.tree.expressions import BoundExpr, BoundOrder, ColumnRef
from gateway.query.tree.queries import BoundQuery, Shape
from gateway.query.tree.render import render_expr


class Route(StrEnum):
    """The sources of a response, cheapest first."""

    NOTHING = "no upstream call"
    TOTAL = "one upstream call for the total"
    WINDOW = "one upstream call for one page"
    STATISTICS = "one upstream call for the statistics"
    SNAPSHOT = "an extract, kept as a snapshot"


@dataclass(frozen=True, slots=True)
class Window:
    """The rows that Route.WINDOW requests from the upstream: `limit` of them from the first.

    `limit` is one more than skip + top, to detect rows that tie in the order at the end of the
    window; then the upstream's order is not the gateway's, and a snapshot is used instead.
    """

    limit: int
    descending: bool


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """The decision. `order` is total: it ends in the key. `why` says why the window stays here.

    `impossible`: no row can match, so there is no upstream call. `derived` names the sets to make
    from the loaded results. `statistics_plan` is the start of $apply, for Route.STATISTICS.
    """

    query: BoundQuery
    route: Route
    pushdown: Pushdown
    residual: BoundExpr | None
    order: tuple[BoundOrder, ...]
    window: Window | None = None
    why: str = ""
    impossible: bool = False
    derived: tuple[str, ...] = ()
    statistics_plan: StatisticsPlan | None = None


def plan_query(query: BoundQuery, contract: Contract) -> QueryPlan:
    """Plan a query; a pure function of the query and the contract."""
    split = _split(query, contract)
    derived = _derived(query, contract)
    order = _total_order(query, contract)
    window, why = _window(query, split, order, contract)
    here = bool(derived) or not contract.can_verify_total
    statistics_plan = None if derived else _statistics_plan(query, split, contract)
    return QueryPlan(
        query=query,
        route=_route(query, split, window, here=here, by_statistics=statistics_plan is not None),
        pushdown=split.pushdown,
        residual=split.residual,
        order=order,
        window=window,
        why=why,
        impossible=split.impossible and query.apply is None,
        derived=derived,
        statistics_plan=statistics_plan,
    )


def _split(query: BoundQuery, contract: Contract) -> SplitFilter:
    """Split the filter; push nothing if the query needs the extract of all results.

    Queries that navigate need it, because other sets are made from all results.
    """
    derived = contract.derived_set(query.entity_set.name)
    if derived is not None:
        split = split_derived(query.filter, derived, contract)
    else:
        split = split_filter(query.filter, contract, moves=query.moment is not None)
    if query.referenced_sets and not split.impossible:
        return SplitFilter(residual=query.filter)
    return split


def _statistics_plan(
    query: BoundQuery, split: SplitFilter, contract: Contract
) -> StatisticsPlan | None:
    if query.apply is None or _needs_no_rows(query) or not contract.can_verify_total:
        return None
    return plan_statistics(query.apply, split.residual, contract)


def _needs_no_rows(query: BoundQuery) -> bool:
    return query.top == 0 and not query.count


def _derived(query: BoundQuery, contract: Contract) -> tuple[str, ...]:
    names = dict.fromkeys((query.entity_set.name, *query.referenced_sets))
    return tuple(name for name in names if contract.derived_set(name) is not None)


def key_order(entity_type: EntityType) -> tuple[BoundOrder, ...]:
    """Return the own order of a set of groups."""
    return tuple(BoundOrder(ColumnRef(prop)) for prop in entity_type.key_properties)


def copied_order(derived: DerivedSet, contract: Contract) -> tuple[BoundOrder, ...]:
    """Return the own order of a set that has a row for each result: that of the results."""
    copies = ((derived.copy_of(o.prop.name), o.descending) for o in natural_order(contract))
    return tuple(BoundOrder(ColumnRef(prop), desc) for prop, desc in copies if prop is not None)


def natural_order(contract: Contract) -> tuple[BoundOrder, ...]:
    """Return the order of the results, newest first and then by key; snapshots are sorted by it.

    Without an order column it is by key alone.
    """
    by_key = BoundOrder(ColumnRef(contract.column(contract.key).prop))
    if not contract.order_column:
        return (by_key,)
    newest = ColumnRef(contract.column(contract.order_column).prop)
    return BoundOrder(newest, descending=True), by_key


def _route(
    query: BoundQuery, split: SplitFilter, window: Window | None, *, here: bool, by_statistics: bool
) -> Route:
    """Choose the route; `here` is true if the rows are determined here, whatever the filter."""
    if _needs_no_rows(query):
        return Route.NOTHING
    if query.apply is not None:  # it may make a row from no rows
        return Route.STATISTICS if by_statistics else Route.SNAPSHOT
    if split.impossible:
        return Route.NOTHING
    only_number = query.shape is Shape.COUNT or query.top == 0
    if only_number:
        counted = split.residual is None and not here
        return Route.TOTAL if counted else Route.SNAPSHOT
    return Route.SNAPSHOT if window is None else Route.WINDOW


def _total_order(query: BoundQuery, contract: Contract) -> tuple[BoundOrder, ...]:
    """Return the client's order, made total by the set's own; repeated keys are dropped."""
    first_of: dict[BoundExpr, BoundOrder] = {}
    derived = contract.derived_set(query.entity_set.name)
    if derived is not None and not derived.copies_results:
        rest = key_order(query.entity_set.entity_type)
    else:
        natural = natural_order(contract) if derived is None else copied_order(derived, contract)
        rest = natural[-1:] if query.orderby else natural
    for item in (*query.orderby, *(query.apply.rows.order if query.apply else rest)):
        first_of.setdefault(item.expr, item)
    return tuple(first_of.values())


def _window(
    query: BoundQuery, split: SplitFilter, order: tuple[BoundOrder, ...], contract: Contract
) -> tuple[Window | None, str]:
    """Return the pushed window, or None and the reason."""
    why = _why_computed_here(query, contract)
    if why or query.top is None:
        return None, why or "no $top"
    if split.residual is not None:
        return None, "a part of $filter is applied here"
    first = order[0]
    if not isinstance(first.expr, ColumnRef):
        return None, f"{render_expr(first.expr)} is computed here"
    if contract.column(first.prop.name).order is None:
        return None, f"the Analytics API does not sort by {first.prop.name} here"
    if first.prop.type is PrimitiveType.STRING:
        return None, f"it is unknown how the Analytics API sorts the text of {first.prop.name}"
    if first.prop.nullable and first.prop.name not in split.not_null:
        return None, f"it is unknown where the Analytics API sorts null in {first.prop.name}"
    if not contract.can_verify_total:
        return None, "no number of rows can be verified that would check the page"
    limit = query.skip + query.top + 1
    if limit > contract.request.page_limit:
        return None, f"the window is larger than one page of {contract.request.page_limit} rows"
    return Window(limit, first.descending), ""


def _why_computed_here(query: BoundQuery, contract: Contract) -> str:
    """Return why the rows are not those of the Analytics API; empty if they are."""
    if query.shape is not Shape.COLLECTION:
        return "no $top"
    if query.apply is not None:
        return "$apply is evaluated here"
    if query.referenced_sets or contract.derived_set(query.entity_set.name) is not None:
        return "all tables are made from one extract"
    return ""
