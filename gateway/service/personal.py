"""Find the personal columns that a bound query reads, for the audit log; pure, without values.

A column is read if its values are in the response, and also if the response depends on them: in a
condition, a search, an order, a computed value or $apply, because a response can then reveal them.
Counts of rows that depend on no personal column read none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
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
from gateway.query.tree.transformations import FilterRows, RowType

_NOTHING_READ = (EntitySet, NavigationProperty, Constant, RowType, BoundQuery)
Rows = Mapping[str, str]
"""Names of rows, and the path to each from the entity set that was requested."""


def personal_read(bound: Bound) -> PersonalRead | None:
    """Return the personal columns that a request reads; None if there are none.

    Columns of other entity sets have the path of navigation properties before their names.
    """
    match bound:
        case BoundQuery() as query:
            used = [*_named(query, shown=query.shape is not Shape.COUNT)]
        case PropertyQuery(entity, prop):
            used = [*_named(entity, shown=False), (prop.name, prop.personal, False)]
            query = entity
        case _:
            return None
    columns = dict.fromkeys(name for name, personal, _ in used if personal)
    if not columns:
        return None
    filters = dict.fromkeys(name for name, _, filtered in used if filtered)
    rows = 0 if query.shape is Shape.COUNT else None
    return PersonalRead(query.entity_set.name, tuple(columns), tuple(filters), rows)


def _named(query: BoundQuery, *, shown: bool) -> Iterator[tuple[str, bool, bool]]:
    """Yield names of columns, True if they are personal, and True if a condition uses them."""
    for use in uses(query, shown=shown):
        yield use.path + use.prop.name, use.prop.personal, use.filtered


@dataclass(frozen=True, slots=True)
class Use:
    """A property in a query, at a path of navigation properties from the rows of `root`.

    `filtered` is True if a condition uses it, `is_shown` if its values are only in the response.
    """

    root: EntitySet
    path: str
    prop: Property
    filtered: bool = False
    is_shown: bool = False


def uses(query: BoundQuery, *, shown: bool) -> Iterator[Use]:
    """Yield the properties that a query uses; with `shown` also those of each row's response."""
    yield from _uses(query, query.entity_set, "", shown=shown)


def _uses(query: BoundQuery, root: EntitySet, path: str, *, shown: bool) -> Iterator[Use]:
    rows: Rows = {"": path, THIS_ROW: path}
    if shown and not query.references:
        for prop in query.select:
            yield Use(root, path, prop, is_shown=True)
    for there, prop, filtered in _read(query, rows):
        yield Use(root, there, prop, filtered)
    if query.source is not None:
        yield from _uses(query.source, query.source.entity_set, "", shown=False)
    for item in query.expand:
        there = f"{path}{item.path.navigation.name}/"
        yield from _uses(item.query, root, there, shown=item.form is ExpandForm.ENTITIES)


Read = tuple[str, Property, bool]
"""The path to a row, a property of it, and True if a condition uses it."""


def _read(query: BoundQuery, rows: Rows) -> Iterator[Read]:
    yield from _used(query.filter, rows, filtered=True)
    for part in (query.orderby, query.computed, query.views):
        yield from _used(part, rows, filtered=False)
    if query.apply is not None:
        yield from _used(query.apply.steps, rows, filtered=False)
        yield from _used(query.apply.filter, rows, filtered=True)


def _used(node: Any, rows: Rows, *, filtered: bool) -> Iterator[Read]:
    """Walk expressions and transformations of any kind down to the properties in them."""
    match node:
        case Property() if not node.dynamic:  # the client chose their names
            yield rows.get("", ""), node, filtered
        case tuple():
            for item in node:
                yield from _used(item, rows, filtered=filtered)
        case Reached(path=path) | QuantifiedRows(path=path) | CountRows(path=path):
            inner = _along(path, rows)
            for name in ("value", "predicate", "condition"):
                yield from _used(getattr(node, name, None), inner, filtered=filtered)
        case FilterRows(condition):
            yield from _used(condition, rows, filtered=True)
        case _ if is_dataclass(node) and not isinstance(node, _NOTHING_READ):
            named = {**rows, "": rows.get(getattr(node, "row", ""), rows.get("", ""))}
            for field in fields(node):
                yield from _used(getattr(node, field.name), named, filtered=filtered)


def _along(path: NavigationPath, rows: Rows) -> Rows:
    """Return the rows with the target of a navigation path, which inner expressions refer to."""
    there = f"{rows.get(path.row, rows.get('', ''))}{path.navigation.name}/"
    return {**rows, path.to: there}
