"""Another table for a form: what there is in both is kept, and what is lost has its name told.

A column that is of another type there is another column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.edm.model import EntitySet, EntityType, Schema
from gateway.pages.builder.conditions import operators_of
from gateway.pages.builder.fields import Fields, fits, from_fields, suggested
from gateway.pages.builder.form import OWN, Condition, Form, Total
from gateway.pages.builder.to_query import COUNT


def read_form(fields: Fields, schema: Schema) -> tuple[Form, tuple[str, ...]]:
    """The form as a person has filled it in, and what of it the chosen table does not have.

    Raises:
        ResourceNotFound: there is no such table.
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
        totals = (Total(COUNT, "", suggested(COUNT, "", new)),)
    offered = {*groups, *(total.alias for total in totals)} if form.is_grouped else both
    made = replace(
        form,
        table=chosen.name,
        rest=form.rest if form.rest.startswith("/$") else "",
        columns=tuple(name for name in form.columns if name in both),
        conditions=tuple(each for each in form.conditions if _fits(each, both, new)),
        groups=groups,
        totals=totals,
        order=tuple(key for key in form.order if key.name in offered),
    )
    return made, tuple(dict.fromkeys(_lost(form, made)))


def _is_same(name: str, old: EntityType, new: EntityType) -> bool:
    one, other = old.find(name), new.find(name)
    if one is None or other is None:
        return False
    return (one.type, one.collection) == (other.type, other.collection)


def _fits(condition: Condition, both: set[str], kind: EntityType) -> bool:
    """A condition written in OData stays; whatever it names that is not there is refused."""
    if condition.operator == OWN:
        return True
    prop = kind.find(condition.column) if condition.column in both else None
    return prop is not None and condition.operator in operators_of(prop)


def _has(total: Total, both: set[str], kind: EntityType) -> bool:
    prop = kind.find(total.column) if total.column in both else None
    return total.method == COUNT or (prop is not None and fits(total.method, prop))


def _renamed(total: Total, kind: EntityType) -> Total:
    """With another name where a column of the new table has it."""
    if total.alias not in kind.all_names:
        return total
    return replace(total, alias=suggested(total.method, total.column, kind))


def _lost(form: Form, made: Form) -> Iterator[str]:
    """Names of columns, and of a total or a path; of an order what it was by."""
    if form.rest != made.rest:
        yield form.rest
    yield from (name for name in form.columns if name not in made.columns)
    yield from (each.column for each in form.conditions if each not in made.conditions)
    yield from (name for name in form.groups if name not in made.groups)
    kept = {(total.method, total.column) for total in made.totals}
    yield from (each.alias for each in form.totals if (each.method, each.column) not in kept)
    yield from (key.name for key in form.order if key not in made.order)
