"""Plans of the built-in contract for readable tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.planner.plan import QueryPlan, plan_query
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery
from tests.planner.worlds import with_columns

SHIPPED = load_contract(built_in_contract(), (("department", "cf_department"),))
CONTRACT = load_contract(
    built_in_contract().replace("\nvalues = [", "\nclosed = true\nnullable = false\nvalues = ["),
    (("department", "cf_department"),),
)
"""With enumerations that are closed and never null, of which more can be asked."""


def plan_of(
    query: str,
    contract: Contract = CONTRACT,
    path: str = "Results",
    now: datetime | None = None,
) -> QueryPlan:
    """The plan of a query string written without percent-encoding."""
    raw = quote(query, safe="$&=',()@").encode()
    bound = bind(parse_request(path.encode(), raw), contract.schema, now)
    assert isinstance(bound, BoundQuery)
    return plan_query(bound, contract)


def with_column(name: str, contract: Contract = CONTRACT, **changes: Any) -> Contract:
    """The contract with one column changed; members of its property or filter may be given too."""
    column = contract.column(name)
    prop_changes = {k: changes.pop(k) for k in ("nullable", "allowed_values") if k in changes}
    column = replace(column, prop=replace(column.prop, **prop_changes))
    own = {k: changes.pop(k) for k in ("filter", "order") if k in changes}
    if changes:
        assert column.filter is not None
        own["filter"] = replace(column.filter, **changes)
    column = replace(column, **own)
    return with_columns(contract, tuple(column if c.name == name else c for c in contract.columns))
