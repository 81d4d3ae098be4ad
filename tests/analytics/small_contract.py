"""A contract with few columns, for upstreams that tests write themselves."""

from __future__ import annotations

from gateway.contract.loader import load_contract
from gateway.contract.model import Contract

_TEXT = """
format = 1
[service]
namespace = "N"
container = "C"
entity_set = "Rows"
entity_type = "Row"
key = "id"
[upstream]
base_url = "http://upstream"
[endpoints]
results = {{ path = "/rows" }}
statistics = {{ path = "/statistics" }}
[request]
limit = {{ member = "limit", maximum = {limit} }}
skip = {{ member = "skip" }}
order_by = {{ member = "orderBy" }}
order = {{ member = "order", ascending = "ASC", descending = "DESC" }}
[response]
rows = {{ member = "rows" }}
total = {{ member = "total" }}
error = {{ member = "error.text" }}
[filters]
states = {{ kind = "values", member = "states", exact = {exact} }}
groups = {{ kind = "values", member = "groups", exact = {exact} }}
[filters.changed]
kind = "range"
member = "changed"
from = "from"
to = "to"
from_inclusive = {inclusive}
to_inclusive = {inclusive}
resolution_milliseconds = {resolution}
exact = {exact}
[[columns]]
name = "id"
path = "id"
type = "Edm.String"
nullable = false
[[columns]]
name = "state"
path = "state"
type = "Edm.String"
filter = "states"
[[columns]]
name = "groups"
path = "groups[]"
type = "Edm.String"
nullable = false
filter = "groups"
[[columns]]
name = "changed"
path = "changed"
type = "Edm.DateTimeOffset"
nullable = {nullable_order}
filter = "changed"
order = "changed"
[extract]
order_by = "changed"
overlap_seconds = {overlap}
[custom_fields]
path = "fields"
id = "id"
value = "value"
label = "label"
"""


def small_contract(
    *,
    limit: int = 5,
    overlap: int = 2,
    resolution: int = 1,
    inclusive: bool = True,
    exact: bool = True,
    nullable_order: bool = False,
) -> Contract:
    """`limit` rows a page, `overlap` seconds, `resolution` milliseconds."""
    text = _TEXT.format(
        limit=limit,
        overlap=overlap,
        resolution=resolution,
        inclusive=str(inclusive).lower(),
        exact=str(exact).lower(),
        nullable_order=str(nullable_order).lower(),
    )
    return load_contract(text)
