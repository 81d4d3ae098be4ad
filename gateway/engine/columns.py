"""The columns of a file: typed values, or texts for CSV, as SQL over the alias `r`.

A spreadsheet decides by the first letter that a text is a formula, even in quotes.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.engine.compile import compile_expression
from gateway.engine.functions import typed
from gateway.engine.json_values import json_value
from gateway.engine.projection import value_of
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.query.tree.expressions import ComputedProperty

Properties = tuple[Property, ...]
Computed = tuple[ComputedProperty, ...]
Columns = dict[Property, Sql]
_FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"  # the last four are the wide forms of the first
_DEFUSED = "CASE WHEN {0} = '' OR NOT contains({1}, {0}[1:1]) THEN {0} ELSE '''' || {0} END"
_AS_TEXT = (PrimitiveType.DATE_TIME_OFFSET, PrimitiveType.DATE, PrimitiveType.DURATION)


def typed_columns(properties: Properties, computed: Computed) -> Columns:
    """Return typed columns, but durations as text: Parquet has no type for them."""
    values = _values(properties, computed)
    return {prop: _typed(prop, value) for prop, value in values.items()}


def text_columns(properties: Properties, computed: Computed, *, defused: bool) -> Columns:
    """Return texts: instants and durations as in JSON, collections as JSON arrays, null as null.

    `defused` puts an apostrophe before each text that a spreadsheet could run as a formula.
    """
    values = _values(properties, computed)
    texts = {prop: _text(prop, value) for prop, value in values.items()}
    return {p: _without_formulas(p, value) for p, value in texts.items()} if defused else texts


def named(columns: Mapping[Property, Sql]) -> Sql:
    """Return the list for SELECT."""
    items = (f"{value.text} AS {quote(prop.name)}" for prop, value in columns.items())
    return Sql(", ".join(items), parameters(columns.values()))


def _values(properties: Properties, computed: Computed) -> Columns:
    expressions = {item.prop: item.expr for item in computed}
    return {
        prop: compile_expression(expressions[prop])
        if prop in expressions
        else Sql(f"r.{quote(prop.name)}")
        for prop in properties
    }


def _typed(prop: Property, value: Sql) -> Sql:
    if prop.type is PrimitiveType.DURATION:
        return json_value(value, prop.type, long_as_text=False)
    return typed(value, prop.type) if prop.dynamic else value


def _text(prop: Property, value: Sql) -> Sql:
    if prop.collection:
        return fill("CAST(to_json({0}) AS VARCHAR)", value_of(prop, value))
    if not prop.dynamic:
        return value_of(prop, value)
    if prop.type in _AS_TEXT:
        return json_value(value, prop.type, long_as_text=False)
    return typed(value, prop.type)


def _without_formulas(prop: Property, value: Sql) -> Sql:
    if prop.collection or prop.type is not PrimitiveType.STRING:
        return value
    return fill(_DEFUSED, value, Sql("?", (_FORMULA,)))
