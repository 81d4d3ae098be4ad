"""The small form above a table of rows: a column, an operator and a value -> a condition.

The value is as a reader would write it: a state by its display name, a day for an instant. Columns
with personal values are not offered, because conditions are in the URL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.edm.model import EntityType, Property
from gateway.edm.types import PrimitiveType
from gateway.errors import InvalidValue
from gateway.figures.period import Period
from gateway.pages.builder.conditions import operators_of, to_expression
from gateway.pages.builder.form import Condition
from grammar import Call, Literal, LiteralKind, Name, unparse

OPERATORS: Final = ("contains", "eq", "ne", "ge", "le", "null", "notnull")
"""The operators of the form, by their names in the builder."""
_OF_LISTS: Final = {
    "contains": "has",
    "eq": "has",
    "ne": "hasnot",
    "null": "none",
    "notnull": "some",
}
_WITHOUT_VALUE: Final = ("null", "notnull")


def columns_to_filter(shown: Sequence[Property], rows: EntityType) -> tuple[Property, ...]:
    """Return the columns that the form offers.

    A total has the name of its column in `rows` where it may have its values, such as a name.
    """
    personal = {prop.name for prop in (*rows.properties, *shown) if prop.personal}
    return tuple(prop for prop in shown if prop.name not in personal)


def condition_of(
    asked: Mapping[str, str], offered: Sequence[Property], names: Mapping[str, str]
) -> str:
    """Return the condition of a sent form; `names` are display names of values.

    Raises:
        GatewayError: 400, the column is not offered, or the value does not fit it.
    """
    column, operator = asked.get("column", ""), asked.get("is", "")
    prop = next((p for p in offered if p.name == column), None)
    if prop is None or operator not in OPERATORS:
        raise InvalidValue("column: choose a column and an operator of the form above the rows")
    value = asked.get("value", "").strip()
    if not value and operator not in _WITHOUT_VALUE:
        raise InvalidValue("value: enter a value, or choose the operator for empty cells")
    return _condition(prop, operator, _known(value, prop, names))


def _condition(prop: Property, operator: str, value: str) -> str:
    if prop.collection:
        operator = _OF_LISTS.get(operator, operator)
    elif prop.type is PrimitiveType.DATE_TIME_OFFSET and (days := _days(operator, value)):
        condition = days.condition(prop.name)
        return f"not ({condition})" if operator == "ne" else condition
    if operator not in _allowed(prop):
        raise InvalidValue(f"is: choose another operator for {prop.name}")
    if operator == "contains":
        name, text = Call("tolower", (Name(prop.name),)), Literal(LiteralKind.STRING, value)
        return unparse(Call("contains", (name, Call("tolower", (text,)))))
    values = (value,) if value else ()
    return unparse(to_expression(Condition(prop.name, operator, values), prop))


def _allowed(prop: Property) -> tuple[str, ...]:
    """Return the operators that fit a column; a list of states is a text here too."""
    is_text = prop.type is PrimitiveType.STRING and not prop.collection
    return (*operators_of(prop), *(("contains", "ge", "le") if is_text else ()))


def _days(operator: str, value: str) -> Period | None:
    """Return the days that an instant is compared with, if the value is a day."""
    try:
        day = Period.parse(value, value).first
    except InvalidValue:
        return None
    match operator:
        case "eq" | "ne":
            return Period(day, day)
        case "ge":
            return Period(day, None)
        case "le":
            return Period(None, day)
        case _:
            return None


def _known(value: str, prop: Property, names: Mapping[str, str]) -> str:
    """Return the listed value of this name or display name, whatever its letter case."""
    for known in prop.known_values:
        if value.casefold() in (known.casefold(), names.get(known, known).casefold()):
            return known
    return value
