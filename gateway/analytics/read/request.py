"""Pushdown and window -> the body of a request to the Analytics API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.contract.model import (
    Contract,
    CustomFieldFilter,
    MemberPath,
    RangeFilter,
    ValuesFilter,
)
from gateway.planner.plan import QueryPlan, Route
from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm, PushedValues


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Rows `skip` to `skip + limit` of the pushdown's rows, sorted by `order_by`.

    With `for_total` only their total is wanted, and its reader judges what the rows show.
    """

    pushdown: Pushdown
    skip: int
    limit: int
    order_by: str
    descending: bool = True
    for_total: bool = False


def to_payload(page: PageRequest, contract: Contract) -> dict[str, Any]:
    """The JSON body, with the member names of the contract; absent members mean no filter."""
    body = filters_payload(page.pushdown, contract)
    shape = contract.request
    order = contract.column(page.order_by).order
    _put(body, shape.limit, page.limit)
    _put(body, shape.skip, page.skip)
    _put(body, shape.order_by, order)
    _put(body, shape.order, shape.descending if page.descending else shape.ascending)
    return body


def filters_payload(pushdown: Pushdown, contract: Contract) -> dict[str, Any]:
    """The filters alone, which is all that the statistics are asked with."""
    body: dict[str, Any] = {}
    for term in pushdown.terms:
        _add_term(body, term, contract)
    return body


def first_request(plan: QueryPlan, contract: Contract) -> PageRequest:
    """The first request that a plan sends; an extract's others follow from the answer."""
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


def _add_term(body: dict[str, Any], term: PushedTerm, contract: Contract) -> None:
    filter_ = contract.column(term.column).filter
    match term, filter_:
        case PushedRange(_, lower, upper), RangeFilter(from_member, to_member):
            _put_once(body, from_member, _instant(lower, filter_.resolution_milliseconds))
            _put_once(body, to_member, _instant(upper, filter_.resolution_milliseconds))
        case PushedValues(_, (_, *_) as values), CustomFieldFilter() as fields:
            entry = {fields.id_member: fields.field_id, fields.values_member: list(values)}
            _put(body, fields.member, [*_get(body, fields.member), entry])
        case PushedValues(_, (_, *_) as values), ValuesFilter(member):
            _put_once(body, member, list(values))
        case _:
            raise AssertionError(f"the planner pushed {term}, which the contract cannot say")


def _put_once(body: dict[str, Any], path: MemberPath, value: object) -> None:
    """A second column with the same filter would silently take the place of the first."""
    if value is not None and _get(body, path):
        raise AssertionError(f"two columns share the filter member {'.'.join(path)}")
    _put(body, path, value)


def _put(body: dict[str, Any], path: MemberPath, value: object) -> None:
    """Set a member by path; None is left out, because null is not a value of any member."""
    if value is None:
        return
    for step in path[:-1]:
        body = body.setdefault(step, {})
    body[path[-1]] = value


def _get(body: dict[str, Any], path: MemberPath) -> list[object]:
    for step in path[:-1]:
        body = body.setdefault(step, {})
    found: list[object] = body.get(path[-1]) or []
    return found


def _instant(value: datetime | None, resolution_milliseconds: int) -> str | None:
    """UTC with `Z`, in milliseconds or, on a coarser grid, whole seconds."""
    if value is None:
        return None
    spec = "milliseconds" if resolution_milliseconds % 1000 else "seconds"
    return value.replace(tzinfo=None).isoformat(timespec=spec) + "Z"
