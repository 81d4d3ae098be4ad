"""Pushdown and window -> the body of a request to the Analytics API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.contract.model import (
    Contract,
    CustomFieldFilter,
    MemberPath,
    RangeFilter,
    ValuesFilter,
)
from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm, PushedValues


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Rows `skip` to `skip + limit` of the pushdown's rows, sorted by `order_by`."""

    pushdown: Pushdown
    skip: int
    limit: int
    order_by: str
    descending: bool = True


def to_payload(page: PageRequest, contract: Contract) -> dict[str, Any]:
    """The JSON body, with the member names of the contract; absent members mean no filter."""
    body: dict[str, Any] = {}
    for term in page.pushdown.terms:
        _add_term(body, term, contract)
    shape = contract.request
    order = contract.column(page.order_by).order
    _put(body, shape.limit, page.limit)
    _put(body, shape.skip, page.skip)
    _put(body, shape.order_by, order)
    _put(body, shape.order, shape.descending if page.descending else shape.ascending)
    return body


def _add_term(body: dict[str, Any], term: PushedTerm, contract: Contract) -> None:
    filter_ = contract.column(term.column).filter
    match term, filter_:
        case PushedRange(_, lower, upper), RangeFilter(from_member, to_member):
            _put(body, from_member, _instant(lower, filter_.resolution_milliseconds))
            _put(body, to_member, _instant(upper, filter_.resolution_milliseconds))
        case PushedValues(_, values), CustomFieldFilter(member, id_member, values_member, field_id):
            entry = {id_member: field_id, values_member: list(values)}
            _put(body, member, [*_get(body, member), entry])
        case PushedValues(_, values), ValuesFilter(member):
            _put(body, member, list(values))
        case _:
            raise AssertionError(f"the planner pushed {term}, which the contract cannot say")


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
    found: list[object] = body.get(path[-1], [])
    return found


def _instant(value: datetime | None, resolution_milliseconds: int) -> str | None:
    """UTC with `Z`, in milliseconds or, on a coarser grid, whole seconds."""
    if value is None:
        return None
    spec = "milliseconds" if resolution_milliseconds % 1000 else "seconds"
    return value.replace(tzinfo=None).isoformat(timespec=spec) + "Z"
