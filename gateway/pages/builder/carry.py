"""The switch of a form to another table: keeps what both tables have, and lists what it drops.

Columns of one name but different types count as different columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.edm.model import EntitySet, EntityType, Schema
from gateway.pages.builder.conditions import operators_of
from gateway.pages.builder.fields import Fields, fits, from_fields, suggested
from gateway.pages.builder.form import OWN, Condition, Form, FormTotal
from gateway.pages.builder.to_query import COUNT


def read_form(fields: Fields, schema: Schema) -> tuple[Form, tuple[str, ...]]:
    """Return the submitted form, and the names that were dropped because the table lacks them.

    Raises:
        ResourceNotFound: the table does not exist.
    """
    before = schema.find_set(next(iter(fields.get("was", ())), "").partition("/")[0])
    chosen = schema.find_set(next(iter(fields.get("table", ())), ""))
    if before is None or chosen is None or before.name == chosen.name:
        return from_fields(fields, schema), ()
    form = from_fields({**fields, "table": [before.name]}, schema)
    return _carry(form, before.entity_type, chosen)


def _carry(form: Form, old: EntityType, chosen: EntitySet) -> tuple[Form, tuple[str, ...]]:
    new = chosen.entity_type
    both = {prop.name for prop in new.properties if _is_same(prop.name, old, new)}
    totals = tuple(_renamed(total, new) for total in form.totals if _has(total, both, new))
    groups = tuple(name for name in form.groups if name in both)
    if form.is_grouped and not groups and not totals:
        totals = (FormTotal(COUNT, "", suggested(COUNT, "", new)),)
    offered = {*groups, *(total.alias for total in totals)} if form.is_grouped else both
    carried = replace(
        form,
        table=chosen.name,
        rest=form.rest if form.rest.startswith("/$") else "",
        columns=tuple(name for name in form.columns if name in both),
        conditions=tuple(each for each in form.conditions if _fits(each, both, new)),
        groups=groups,
        totals=totals,
        order=tuple(key for key in form.order if key.name in offered),
    )
    return carried, tuple(dict.fromkeys(_dropped(form, carried)))


def _is_same(name: str, old: EntityType, new: EntityType) -> bool:
    one, other = old.find(name), new.find(name)
    if one is None or other is None:
        return False
    return (one.type, one.collection) == (other.type, other.collection)


def _fits(condition: Condition, both: set[str], kind: EntityType) -> bool:
    """Return True if the condition can stay. A custom OData condition always does."""
    if condition.operator == OWN:
        return True
    prop = kind.find(condition.column) if condition.column in both else None
    return prop is not None and condition.operator in operators_of(prop)


def _has(total: FormTotal, both: set[str], kind: EntityType) -> bool:
    prop = kind.find(total.column) if total.column in both else None
    return total.method == COUNT or (prop is not None and fits(total.method, prop))


def _renamed(total: FormTotal, kind: EntityType) -> FormTotal:
    """Return the total under another name if the new table has a column of its name."""
    if total.alias not in kind.all_names:
        return total
    return replace(total, alias=suggested(total.method, total.column, kind))


def _dropped(form: Form, carried: Form) -> Iterator[str]:
    """Yield the names of the columns, totals, sort keys and path that were dropped."""
    if form.rest != carried.rest:
        yield form.rest
    yield from (name for name in form.columns if name not in carried.columns)
    yield from (each.column for each in form.conditions if each not in carried.conditions)
    yield from (name for name in form.groups if name not in carried.groups)
    remaining = {(total.method, total.column) for total in carried.totals}
    yield from (each.alias for each in form.totals if (each.method, each.column) not in remaining)
    yield from (key.name for key in form.order if key not in carried.order)
