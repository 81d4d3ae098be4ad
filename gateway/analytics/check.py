"""Compares one answer of the live Analytics API with the contract file, line by line.

Read-only and one call: the first page, newest first. For an owner of a real token who has to
correct the file: each finding names what was expected, what was found, and the table to change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import msgspec

from gateway.analytics.payload import PageRequest, to_payload
from gateway.contract.model import Column, Contract, MemberPath
from gateway.edm.types import PrimitiveType
from gateway.planner.pushdown import Pushdown

_SHOWN_LETTERS = 300
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `fits` False means that the contract file must change."""

    fits: bool
    subject: str
    text: str


async def check_upstream(
    http: httpx.AsyncClient, contract: Contract, token: str
) -> tuple[Finding, ...]:
    """Ask once and compare. Network failures and refusals are findings, not exceptions.

    A whole page is asked, as extracts do: an upstream that gives less at once is found here.
    """
    limit = contract.request.page_limit
    payload = to_payload(PageRequest(Pushdown(), 0, limit, contract.order_column), contract)
    headers = {"Authorization": f"Bearer {token}"}
    try:
        response = await http.post(contract.results_path, json=payload, headers=headers)
    except httpx.HTTPError as error:
        return (Finding(False, "connection", f"{http.base_url}: {type(error).__name__}: {error}"),)
    place = f"POST {contract.results_path}"
    if response.status_code != 200:
        said = response.text.replace(token, "(the token)")[:_SHOWN_LETTERS]
        return (Finding(False, place, f"answered {response.status_code}: {said}"),)
    try:
        answer = msgspec.json.decode(response.content)
    except msgspec.DecodeError as error:
        return (Finding(False, place, f"answered 200, but not JSON: {error}"),)
    return (Finding(True, place, "answered 200 with JSON"), *_compare(answer, contract, limit))


def _compare(answer: Any, contract: Contract, limit: int) -> Iterator[Finding]:
    shape = contract.response
    total, rows = _at(answer, shape.total), _at(answer, shape.rows)
    yield _finding(isinstance(total, int), "[response.total]", shape.total, "a whole number", total)
    yield _finding(isinstance(rows, list), "[response.rows]", shape.rows, "an array", rows)
    if not isinstance(rows, list):
        return
    if not rows:
        yield Finding(False, "rows", "there are none, so no column could be compared")
        return
    if len(rows) > limit:
        text = f"{limit} rows were asked, {len(rows)} came; is {contract.request.limit} the member?"
        yield Finding(False, "[request.limit]", text)
    if isinstance(total, int) and len(rows) < min(limit, total):
        text = f"{min(limit, total)} rows were due, {len(rows)} came; set maximum = {len(rows)}"
        yield Finding(False, "[request.limit]", text)
    for column in contract.columns:
        if column.field_id is None:
            yield _compare_column(column, rows)
    yield from _compare_custom_fields(rows, contract)


def _compare_column(column: Column, rows: list[Any]) -> Finding:
    """The first row that does not fit speaks for the column."""
    subject, nulls, absent = f"column {column.name}", 0, 0
    for number, row in enumerate(rows, 1):
        for value in _values(row, column):
            where = f"{'.'.join(column.path)} in row {number}"
            if value is _MISSING and not column.optional:
                return Finding(
                    False, subject, f"{where} is missing; correct `path`, or optional = true"
                )
            if value is None and not column.prop.nullable:
                return Finding(False, subject, f"{where} is null; set nullable = true")
            nulls, absent = nulls + (value is None), absent + (value is _MISSING)
            problem = _problem(column, value)
            if problem:
                return Finding(False, subject, f"{where} is {_short(value)}: {problem}")
    text = f"fits in {len(rows)} rows"
    text += f", {nulls} null" if nulls else ""
    return Finding(True, subject, text + (f", {absent} absent" if absent else ""))


def _values(row: Any, column: Column) -> list[Any]:
    if column.each is None:
        return [_at(row, column.path)]
    array = _at(row, column.path[: column.each + 1])
    if not isinstance(array, list):
        return [array]
    return [_at(element, column.path[column.each + 1 :]) for element in array]


def _problem(column: Column, value: Any) -> str:
    """What is wrong with a value that is there; empty when it fits."""
    if value is None or value is _MISSING:
        return ""
    expected = column.prop.type
    if not _TYPE_CHECKS[expected](value):
        return f"not {expected}; correct `type`"
    allowed = column.prop.allowed_values
    if allowed and value not in allowed:
        return f"not among `values`; add it (known: {', '.join(allowed)})"
    return ""


def _is_instant(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TYPE_CHECKS = {
    PrimitiveType.STRING: lambda value: isinstance(value, str),
    PrimitiveType.BOOLEAN: lambda value: isinstance(value, bool),
    PrimitiveType.INT32: _is_whole,
    PrimitiveType.INT64: _is_whole,
    PrimitiveType.DOUBLE: lambda value: _is_whole(value) or isinstance(value, float),
    PrimitiveType.DATE_TIME_OFFSET: _is_instant,
}


def _compare_custom_fields(rows: list[Any], contract: Contract) -> Iterator[Finding]:
    """Custom fields in the rows, and whether each is mapped to a column."""
    shape = contract.custom_fields
    arrays = [_at(row, shape.path) for row in rows]
    if not any(isinstance(array, list) for array in arrays):
        path = ".".join(shape.path)
        yield Finding(not _mapped(contract), "[custom_fields]", f"no row has an array at {path}")
        return
    seen: Counter[tuple[str, str]] = Counter()
    for array in arrays:
        for element in array if isinstance(array, list) else ():
            found = _at(element, (shape.id_member,))
            if not isinstance(found, str):
                text = f"an element has no text in `{shape.id_member}`: {_short(element)}"
                yield Finding(False, "[custom_fields]", text)
                return
            seen[found, str(_at(element, (shape.label_member,)))] += 1
    yield from _mapping(seen, _mapped(contract))


def _mapping(seen: Counter[tuple[str, str]], mapped: dict[str, str]) -> Iterator[Finding]:
    for (field_id, label), rows in sorted(seen.items()):
        subject = f"custom field {field_id} ({label})"
        if field_id in mapped:
            yield Finding(True, subject, f"is the column {mapped[field_id]}, in {rows} rows")
        else:
            yield Finding(
                True, subject, f"is not mapped; --custom-field NAME={field_id} makes it a column"
            )
    for field_id in sorted(set(mapped) - {found for found, _ in seen}):
        text = f"is mapped to the column {mapped[field_id]}, but no row has it; check the ID"
        yield Finding(False, f"custom field {field_id}", text)


def _mapped(contract: Contract) -> dict[str, str]:
    return {c.field_id: c.name for c in contract.columns if c.field_id is not None}


def _finding(fits: bool, table: str, path: MemberPath, expected: str, found: object) -> Finding:
    name = ".".join(path)
    if fits:
        return Finding(True, table, f"`{name}` is {expected}")
    state = "is missing" if found is _MISSING else f"is {_short(found)}"
    return Finding(False, table, f"`{name}` {state}, not {expected}; correct `member`")


def _at(node: Any, path: MemberPath) -> Any:
    for step in path:
        if node is None:
            return None
        node = node.get(step, _MISSING) if isinstance(node, dict) else _MISSING
    return node


def _short(value: object) -> str:
    """The kind of a value and no more than that of personal data."""
    if isinstance(value, dict):
        return f"an object with {', '.join(sorted(value))}"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
