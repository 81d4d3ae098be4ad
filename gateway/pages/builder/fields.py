"""Conversion between the form's HTML fields and `Form`. The page works without scripts.

| field | holds |
|---|---|
| `table`, `rest`, `columns`*, `match`, `top`, `count` | as in `Form`; `match` is `all` or `any` |
| `mode` | `rows` or `totals` |
| `c0.column`, `c0.is`, `c0.value`*, `c0.lines` | the first condition; `lines`: one value a line |
| `groups`*, `t0.method`, `t0.column`, `t0.as` | the columns to group by, the first total |
| `o0.name`, `o0.order` | the first sort key; `order` is `asc` or `desc` |
| `other` | other options, one a line |
| `was` | the table and mode that the fields were rendered for |
| `last` | the last valid URL, relative to the service root |
| `drop` | the row that a button removes, such as `c0` |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qs, urlencode

from gateway.edm.model import EntityType, Property, Schema
from gateway.errors import InvalidValue, ResourceNotFound
from gateway.pages.builder.conditions import OPERATORS, operators_of
from gateway.pages.builder.form import OWN, Condition, Form, FormTotal, SortKey
from gateway.pages.builder.to_query import COUNT, METHODS

Fields = Mapping[str, Sequence[str]]
_MAX_FORM_FIELDS = 4_000
_MAX_DIGITS = 19
_ROW = re.compile(r"([cto])(\d{1,3})\.\w+")


def read_fields(query_string: bytes) -> dict[str, list[str]]:
    """Return the submitted fields.

    Raises:
        InvalidValue: the query string is malformed, or has too many fields.
    """
    try:
        return parse_qs(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_FORM_FIELDS,
        )
    except ValueError as error:
        raise InvalidValue(
            "these are not the fields of the form; open /query without parameters to start over"
        ) from error


def from_fields(fields: Fields, schema: Schema) -> Form:
    """Return the form of submitted fields; conditions may be incomplete.

    A change of mode clears the sort keys.

    Raises:
        ResourceNotFound: the table does not exist.
    """
    entity_set = schema.find_set(_one(fields, "table", schema.entity_sets[0].name))
    if entity_set is None:
        raise ResourceNotFound(
            f"there is no table {_one(fields, 'table')!r}; choose one from the list"
        )
    table, mode, was = entity_set.name, _one(fields, "mode"), _one(fields, "was").split("/")
    kind, is_new = entity_set.entity_type, was[-1] not in ("", mode)
    top = _one(fields, "top").strip()
    is_number = top.isascii() and top.isdigit() and len(top) <= _MAX_DIGITS
    totals = tuple(_totals(fields, kind)) if mode == "totals" else ()
    groups = _names(fields, "groups") if mode == "totals" else ()
    if mode == "totals" and not totals and not groups:
        totals = (FormTotal(COUNT, "", suggested(COUNT, "", kind)),)
    return Form(
        table,
        rest=_one(fields, "rest"),
        columns=_names(fields, "columns"),
        any_of=_one(fields, "match") == "any",
        conditions=tuple(_conditions(fields, kind)),
        groups=groups,
        totals=totals,
        order=() if is_new else tuple(_order(fields)),
        top=int(top) if is_number else None,
        wrong_top="" if is_number else top,
        count=_one(fields, "count") == "true",
        other=tuple(_other(_one(fields, "other"))),
    )


def to_fields(form: Form) -> list[tuple[str, str]]:
    """Return the fields of a form, as a browser submits them."""
    mode = "totals" if form.is_grouped else "rows"
    pairs = [("table", form.table), ("rest", form.rest), ("mode", mode)]
    pairs += [("columns", name) for name in form.columns]
    pairs += [("groups", name) for name in form.groups]
    pairs += [("match", "any" if form.any_of else "all")]
    for i, condition in enumerate(form.conditions):
        pairs += [(f"c{i}.column", condition.column or OWN), (f"c{i}.is", condition.operator)]
        pairs += [(f"c{i}.value", value) for value in condition.values]
    for i, total in enumerate(form.totals):
        pairs += [(f"t{i}.method", total.method), (f"t{i}.column", total.column)]
        pairs += [(f"t{i}.as", total.alias)]
    for i, key in enumerate(form.order):
        pairs += [(f"o{i}.name", key.name), (f"o{i}.order", "desc" if key.descending else "asc")]
    pairs += [("top", form.wrong_top if form.top is None else str(form.top))]
    pairs += [("count", "true")] if form.count else []
    return [*pairs, ("other", other_text(form)), ("was", f"{form.table}/{mode}")]


def to_query_string(form: Form) -> str:
    """Return the fields of a form as the query string of a link."""
    return urlencode([(name, value) for name, value in to_fields(form) if value])


def other_text(form: Form) -> str:
    """Return the other options, one a line."""
    return "\n".join(f"{name}={value}" for name, value in form.other)


def suggested(method: str, column: str, kind: EntityType) -> str:
    """Return a name for a total that no column has.

    >>> suggested("average", "progress", EntityType("T", (), ()))
    'averageProgress'
    """
    name = "rows" if method == COUNT else f"{method}{column[:1].upper()}{column[1:]}"
    while name in kind.all_names:
        name += "_"
    return name


def _conditions(fields: Fields, kind: EntityType) -> Iterator[Condition]:
    for row in _rows(fields, "c"):
        column, operator = _one(fields, f"{row}.column"), _one(fields, f"{row}.is")
        values = [*fields.get(f"{row}.value", ()), *_lines(_one(fields, f"{row}.lines"))]
        values = list(dict.fromkeys(_unix(value) for value in values if value))
        if column == OWN:
            yield Condition("", OWN, tuple(values[:1]))
        elif column:
            yield _condition(column, kind.find(column), operator, values)


def _condition(column: str, prop: Property | None, operator: str, values: list[str]) -> Condition:
    """Return the condition with an operator that the column has, and as many values as it takes.

    An unknown column stays, so that it causes an error: dropping it would return more rows.
    """
    possible = ("null",) if prop is None else operators_of(prop)
    operator = operator if operator in possible else possible[0]
    takes = OPERATORS[operator].takes
    count = {"none": 0, "many": len(values)}.get(takes, 1)
    return Condition(column, operator, tuple(values[:count]))


def _totals(fields: Fields, kind: EntityType) -> Iterator[FormTotal]:
    for row in _rows(fields, "t"):
        method, column = _one(fields, f"{row}.method"), _one(fields, f"{row}.column")
        alias = _one(fields, f"{row}.as").strip()
        if method == COUNT:
            yield FormTotal(COUNT, "", alias or suggested(COUNT, "", kind))
        elif method in METHODS:
            column = column or _first_fitting(method, kind)
            yield FormTotal(method, column, alias or suggested(method, column, kind))


def fits(method: str, prop: Property) -> bool:
    """Return True if the method applies to the column: sums and averages need numbers."""
    return not prop.collection and (prop.type.is_numeric or method not in ("sum", "average"))


def _first_fitting(method: str, kind: EntityType) -> str:
    """Return a column for a total that was just added, so that the preview shows something."""
    of_numbers = (prop.name for prop in kind.properties if fits("sum", prop))
    any_column = (prop.name for prop in kind.properties if fits(method, prop))
    return next(of_numbers, next(any_column, ""))


def _order(fields: Fields) -> Iterator[SortKey]:
    for row in _rows(fields, "o"):
        name = _one(fields, f"{row}.name")
        if name:
            yield SortKey(name, _one(fields, f"{row}.order") == "desc")


def _other(text: str) -> Iterator[tuple[str, str]]:
    for line in _lines(text):
        name, _, value = line.partition("=")
        yield name, value


def _rows(fields: Fields, letter: str) -> list[str]:
    """Return the names of the rows of one kind, in order, without the removed one."""
    found = {int(m[2]) for m in map(_ROW.fullmatch, fields) if m and m[1] == letter}
    removed = _one(fields, "drop")
    return [f"{letter}{i}" for i in sorted(found) if f"{letter}{i}" != removed]


def _names(fields: Fields, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, fields.get(name, ()))))


def _one(fields: Fields, name: str, default: str = "") -> str:
    values = fields.get(name, ())
    return values[0] if values else default


def _lines(text: str) -> list[str]:
    return [line for line in _unix(text).split("\n") if line]


def _unix(text: str) -> str:
    """Return the text with single line feeds; browsers submit CR and LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
