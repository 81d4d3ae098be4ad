"""Contracts of any shape, answers that fit them, and a flattening in plain Python."""

from __future__ import annotations

import string
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from gateway.contract.model import Column, Contract, CustomFieldShape, ResponseShape, TotalPlace
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from tests.analytics.small_contract import small_contract

ABSENT = object()
ID = Column(Property("id", PrimitiveType.STRING), ("the row's own id",), optional=True)
"""The key of contracts that tests make for single columns."""

NAMES = st.one_of(
    st.sampled_from(["class", "None", "self", "__class__", "m_a", "a_2e_b", "0", "x'y", "$.x", ""]),
    st.sampled_from(["a.b", "a b", "a_b", "a-b", "a/b", "a", "A", " ", "é", "e\u0301", "😀"]),
    st.sampled_from(["ﬁ", "fi", "²", "2", "日本", "ǅ", "ǆ"]),
    st.text(string.ascii_letters + string.digits + "._-$ äß€", min_size=1, max_size=4),
)
TEXTS = st.text(max_size=6)
INSTANTS = st.builds(
    lambda moment, hours: moment.replace(tzinfo=timezone(timedelta(hours=hours))),
    st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)),  # noqa: DTZ001 - the zone comes next
    st.integers(-14, 14),
)
VALUES: dict[PrimitiveType, st.SearchStrategy[Any]] = {
    PrimitiveType.STRING: TEXTS,
    PrimitiveType.BOOLEAN: st.booleans(),
    PrimitiveType.INT32: st.integers(-(2**31), 2**31 - 1),
    PrimitiveType.INT64: st.integers(-(2**63), 2**63 - 1),
    PrimitiveType.DOUBLE: st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 100),
    PrimitiveType.DATE_TIME_OFFSET: INSTANTS.map(datetime.isoformat),
}


@dataclass(frozen=True)
class Case:
    """A contract, an answer that fits it, and the columns it must give."""

    contract: Contract
    answer: dict[str, Any]
    columns: dict[str, list[Any]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = draw(st.lists(NAMES, min_size=12, max_size=12, unique=True))
    contract = replace(
        small_contract(),
        columns=(*_columns(draw, names), ID),
        response=ResponseShape((names[8], names[9]), TotalPlace((names[8], names[10]))),
        custom_fields=CustomFieldShape((names[0], names[1]), names[2], names[3], "label"),
    )
    rows = [_row(draw, contract) for _ in range(draw(st.integers(0, 5)))]
    total = draw(st.integers(0, 2**40))
    answer = {names[8]: {names[9]: rows, names[10]: total, names[11]: draw(TEXTS)}}
    columns = {c.name: [flatten(row, c, contract) for row in rows] for c in contract.columns}
    return Case(contract, answer, columns)


def _columns(draw: st.DrawFn, names: list[str]) -> list[Column]:
    """Two columns in one object, one deep, a collection of values, one of members, two fields."""
    plain = [((names[4],), None), ((names[0], names[4]), None), ((names[0], names[5]), None)]
    deep = [((names[6], names[4], names[5]), None)]
    arrays = [((names[0], names[6]), 1), ((names[7], names[6]), 0)]
    columns = [
        _column(draw, f"c{number}", path, each)
        for number, (path, each) in enumerate([*plain, *deep, *arrays])
    ]
    fields = [
        Column(Property(f"f{n}", PrimitiveType.STRING), (names[0], names[1]), field_id=f"id{n}")
        for n in range(2)
    ]
    return draw(st.permutations([*columns, *fields]))


def _column(draw: st.DrawFn, name: str, path: tuple[str, ...], each: int | None) -> Column:
    kind = draw(st.sampled_from(list(VALUES)))
    prop = Property(name, kind, nullable=True, collection=each is not None)
    return Column(prop, path, each, optional=draw(st.booleans()))


def _row(draw: st.DrawFn, contract: Contract) -> dict[str, Any]:
    row: dict[str, Any] = {"not in the contract": draw(TEXTS)}
    for column in contract.columns:
        if column.field_id is None:
            _put(draw, row, column)
    shape = contract.custom_fields
    parent = row.get(shape.path[0])
    fields = draw(st.none() | st.just(ABSENT) | st.lists(_fields(shape), max_size=4))
    if isinstance(parent, dict) and fields is not ABSENT:
        parent[shape.path[1]] = fields
    return row


def _fields(shape: CustomFieldShape) -> st.SearchStrategy[dict[str, Any]]:
    identity = st.fixed_dictionaries({shape.id_member: st.sampled_from(["id0", "id1", "id2"])})
    value = st.fixed_dictionaries({}, optional={shape.value_member: st.none() | TEXTS})
    return st.builds(lambda a, b: {**a, **b, "more": 1}, identity, value)


def _put(draw: st.DrawFn, row: dict[str, Any], column: Column) -> None:
    node: Any = row
    for step in column.path[: -1 if column.each is None else column.each]:
        if step not in node:
            node[step] = draw(st.none() | st.builds(dict))
        node = node[step]
        if node is None:
            return
    if column.optional and draw(st.booleans()):
        return
    value = VALUES[column.prop.type]
    if column.each is None:
        node[column.path[-1]] = draw(st.none() | value)
    elif column.each == len(column.path) - 1:
        node[column.path[-1]] = draw(st.none() | st.lists(value, max_size=3))
    else:
        inside = st.fixed_dictionaries({column.path[-1]: st.none() | value})
        node[column.path[column.each]] = draw(st.none() | st.lists(inside, max_size=3))


def flatten(row: Any, column: Column, contract: Contract) -> Any:
    """What the column must hold for a row."""
    found = row
    path = column.path if column.each is None else column.path[: column.each + 1]
    for step in path:
        found = None if found is None else found.get(step)
    if column.field_id is not None:
        return _field(found or [], column.field_id, contract.custom_fields)
    if column.each is None:
        return _cell(found, column)
    inside = column.path[column.each + 1 :]
    elements = [e[inside[0]] if inside else e for e in found or []]
    return [_cell(element, column) for element in elements]


def _field(fields: list[dict[str, Any]], wanted: str, shape: CustomFieldShape) -> Any:
    for field in fields:
        if field[shape.id_member] == wanted:
            return field.get(shape.value_member)
    return None


def _cell(value: Any, column: Column) -> Any:
    if value is None or column.prop.type is not PrimitiveType.DATE_TIME_OFFSET:
        return value
    return datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
