"""Which personal columns a bound query reads, for the audit log; pure, and without values.

A column is read if its values are in the response, and also if they decide about it: in a
condition, a search, an order, a computed value or $apply, because a response can then be used to
find them out. Counts of rows that no personal column decides about read none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from gateway.edm.model import EntitySet, NavigationProperty, Property
from gateway.observe.record import PersonalRead
from gateway.query.bind.query import Bound
from gateway.query.tree.expressions import (
    THIS_ROW,
    Constant,
    CountRows,
    NavigationPath,
    QuantifiedRows,
    Reached,
)
from gateway.query.tree.queries import BoundQuery, ExpandForm, PropertyQuery, Shape
from gateway.query.tree.transformations import BoundApply, FilterRows, RowType

_NOTHING_READ = (EntitySet, NavigationProperty, Constant, RowType, BoundQuery)
Rows = Mapping[str, str]
"""Names of rows, and the path to each from the entity set that was requested."""


def personal_read(bound: Bound) -> PersonalRead | None:
    """Return the personal columns that a request reads; None if there are none.

    Columns of other entity sets have the path of navigation properties before their names.
    """
    match bound:
        case BoundQuery() as query:
            used = [*_read(query, "", shown=query.shape is not Shape.COUNT)]
        case PropertyQuery(entity, prop):
            used = [*_read(entity, "", shown=False), (prop.name, prop.personal, False)]
            query = entity
        case _:
            return None
    columns = dict.fromkeys(name for name, personal, _ in used if personal)
    if not columns:
        return None
    filters = dict.fromkeys(name for name, _, filtered in used if filtered)
    rows = 0 if query.shape is Shape.COUNT else None
    return PersonalRead(query.entity_set.name, tuple(columns), tuple(filters), rows)


Use = tuple[str, bool, bool]
"""A column's name, whether it is personal, and whether a condition uses it."""


def _read(query: BoundQuery, path: str, *, shown: bool) -> Iterator[Use]:
    rows: Rows = {"": path, THIS_ROW: path}
    if shown and not query.references:
        for prop in query.select:
            yield path + prop.name, prop.personal, False
    yield from _used(query.filter, rows, filtered=True)
    for part in (query.orderby, query.computed, query.views):
        yield from _used(part, rows, filtered=False)
    if query.apply is not None:
        yield from _applied(query.apply, rows)
    if query.source is not None:
        yield from _read(query.source, path, shown=False)
    for item in query.expand:
        there = f"{path}{item.path.navigation.name}/"
        yield from _read(item.query, there, shown=item.form is ExpandForm.ENTITIES)


def _applied(apply: BoundApply, rows: Rows) -> Iterator[Use]:
    yield from _used(apply.steps, rows, filtered=False)
    yield from _used(apply.filter, rows, filtered=True)


def _used(node: Any, rows: Rows, *, filtered: bool) -> Iterator[Use]:
    """Walk expressions and transformations of any kind down to the properties in them."""
    match node:
        case Property() if not node.dynamic:  # a client has named those, as it likes
            yield rows.get("", "") + node.name, node.personal, filtered
        case tuple():
            for item in node:
                yield from _used(item, rows, filtered=filtered)
        case Reached(path=way) | QuantifiedRows(path=way) | CountRows(path=way):
            inner = _along(way, rows)
            for name in ("value", "predicate", "condition"):
                yield from _used(getattr(node, name, None), inner, filtered=filtered)
        case FilterRows(condition):
            yield from _used(condition, rows, filtered=True)
        case _ if is_dataclass(node) and not isinstance(node, _NOTHING_READ):
            named = {**rows, "": rows.get(getattr(node, "row", ""), rows.get("", ""))}
            for field in fields(node):
                yield from _used(getattr(node, field.name), named, filtered=filtered)


def _along(way: NavigationPath, rows: Rows) -> Rows:
    """Name the row that a way leads to; what stands inside names no row where it means that one."""
    there = f"{rows.get(way.row, rows.get('', ''))}{way.navigation.name}/"
    return {**rows, way.to: there}
