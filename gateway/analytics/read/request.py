"""Conversion of a pushdown and a window to the body of a request to the Analytics API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gateway.contract.decoding import encode
from gateway.contract.instants import write_instant
from gateway.contract.model import Contract, CustomFieldFilter, RangeFilter, ValuesFilter
from gateway.contract.template import EACH
from gateway.planner.plan import QueryPlan, Route
from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm, PushedValues


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for rows `skip` to `skip + limit` of a pushdown, sorted by `order_by`.

    Without `order_by`, the upstream chooses the order. With `for_total` only the total is needed,
    and the caller checks the rows. `cursor` is the one of the page before, for upstreams that page
    by cursors.
    """

    pushdown: Pushdown
    skip: int
    limit: int
    order_by: str
    descending: bool = True
    for_total: bool = False
    cursor: str | int | None = None


def to_payload(page: PageRequest, contract: Contract) -> Any:
    """Return the JSON body, made from the contract's template."""
    return contract.request.body.render(
        filter_values(page.pushdown, contract) | _page_values(page, contract)
    )


def filters_payload(pushdown: Pushdown, contract: Contract) -> Any:
    """Return the body of a request for statistics, which has filters only."""
    return contract.request.statistics_body.render(filter_values(pushdown, contract))


def filter_values(pushdown: Pushdown, contract: Contract) -> dict[str, Any]:
    """Return the values of the template's placeholders for a pushdown."""
    values: dict[str, Any] = {}
    for term in pushdown.terms:
        _add_term(values, term, contract)
    return values


def _page_values(page: PageRequest, contract: Contract) -> dict[str, Any]:
    pages, shape = contract.pages, contract.request
    values: dict[str, Any] = {
        "limit": page.limit,
        "skip": page.skip + pages.first,
        "page": page.skip // page.limit + pages.first,
    }
    if page.cursor is not None:
        values["cursor"] = page.cursor
    order = contract.column(page.order_by).order if page.order_by else None
    if order is not None:
        values["order.field"] = order
        values["order.direction"] = shape.descending if page.descending else shape.ascending
    return values


def first_request(plan: QueryPlan, contract: Contract) -> PageRequest:
    """Return the first request of a plan; further ones of an extract depend on the response."""
    whole = PageRequest(plan.pushdown, 0, contract.request.page_limit, contract.order_column)
    if plan.route is Route.TOTAL:
        return replace(whole, limit=1)
    if plan.window is None:
        return whole
    first = plan.order[0]
    return replace(
        whole,
        limit=plan.window.limit,
        order_by=first.prop.name,
        descending=first.descending,
    )


def _add_term(values: dict[str, Any], term: PushedTerm, contract: Contract) -> None:
    column = contract.column(term.column)
    steps = () if column.source is None else column.source.steps
    match term, column.filter:
        case PushedRange(), RangeFilter() as filter_:
            values.update(_ends(term, filter_))
        case PushedValues(_, (_, *_) as texts), CustomFieldFilter() as field:
            entry = {"id": field.field_id, "values": [encode(text, steps) for text in texts]}
            values[EACH] = [*values.get(EACH, ()), entry]
        case PushedValues(_, (_, *_) as texts), ValuesFilter(name):
            if name in values:
                raise AssertionError(f"two columns share the filter {name}")
            values[name] = [encode(text, steps) for text in texts]
        case _:
            raise AssertionError(f"the planner pushed {term}, which the contract cannot say")


def _ends(term: PushedRange, filter_: RangeFilter) -> dict[str, Any]:
    """Return both ends; an open end is left out unless the upstream needs both."""
    form, step = filter_.instant, filter_.resolution_milliseconds
    lower, upper = (
        write_instant(end, form.format, form.zone, step) if end else open_end
        for end, open_end in ((term.lower, filter_.open_from), (term.upper, filter_.open_to))
    )
    ends = {f"{filter_.name}.from": lower, f"{filter_.name}.to": upper}
    return {name: value for name, value in ends.items() if value is not None}
