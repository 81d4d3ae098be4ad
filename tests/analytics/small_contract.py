"""A contract with few columns, for upstreams that tests write themselves."""

from __future__ import annotations

from gateway.contract.loader import load_contract
from gateway.contract.model import Contract

_TEXT = """
format = 2
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
[request.body]
limit = "${{limit}}"
skip = "${{skip}}"
orderBy = "${{order.field}}"
order = "${{order.direction}}"
states = "${{states}}"
groups = "${{groups}}"
changed = {{ from = "${{changed.from}}", to = "${{changed.to}}" }}
[pages]
largest = {limit}
[order]
ascending = "ASC"
descending = "DESC"
[response]
rows = "rows"
total = "total"
error = ["error.text"]
[filters]
states = {{ kind = "values", exact = {exact} }}
groups = {{ kind = "values", exact = {exact} }}
[filters.changed]
kind = "range"
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
