"""A check of the live Analytics API against the contract file, line by line.

It is read-only and takes a few calls: the first page, newest first, the totals of two halves of all
rows, and the statistics of a part of the page. It helps the owner of a real token to correct the
file: each finding names the expected value, the actual value and the table to change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx

from gateway.analytics.read.instants import to_micros_of
from gateway.analytics.read.members import MISSING, value_at
from gateway.analytics.read.request import PageRequest, filters_payload, to_payload
from gateway.contract.model import Column, Contract
from gateway.discovery.check_statistics import compare_statistics, newest
from gateway.discovery.check_totals import UpstreamAccess, check_total
from gateway.discovery.findings import Finding, call_upstream, member_finding, short
from gateway.edm.types import PrimitiveType
from gateway.planner.pushdown import Pushdown


async def check_upstream(
    http: httpx.AsyncClient, contract: Contract, token: str
) -> tuple[Finding, ...]:
    """Compare live responses with the contract file; raise errors that do not concern the file.

    It requests a full page, as extracts do, to find an upstream with a smaller maximum.

    Raises:
        UpstreamUnavailable, UpstreamRejectedToken: see `gateway.discovery.findings.call_upstream`.
    """
    limit = contract.request.page_limit
    payload = to_payload(PageRequest(Pushdown(), 0, limit, contract.order_column), contract)
    went, answer = await call_upstream(http, contract.results_path, payload, token)
    if answer is MISSING:
        return (went,)
    found = (went, *_compare(answer, contract, limit))
    if all(finding.fits for finding in found):
        found = (*found, *await check_total(UpstreamAccess(http, contract, token), answer))
    if not contract.statistics or not all(finding.fits for finding in found):
        return found
    return (*found, *await _check_statistics(http, contract, token, answer))


async def _check_statistics(
    http: httpx.AsyncClient, contract: Contract, token: str, page: Any
) -> tuple[Finding, ...]:
    """Compare the statistics with the rows of a page that fits."""
    rows, total = (value_at(page, path) for path in (contract.response.rows, contract.total_path))
    try:
        pushdown, matching = newest(rows, total, contract)
    except ValueError as reason:
        return (Finding(True, "[statistics]", f"could not be compared: {reason}"),)
    payload = filters_payload(pushdown, contract)
    went, answer = await call_upstream(http, contract.statistics_path, payload, token)
    if answer is MISSING:
        return (went,)
    return (went, *compare_statistics(answer, matching, contract))


def _compare(answer: Any, contract: Contract, limit: int) -> Iterator[Finding]:
    shape = contract.response
    total_path = contract.total_path
    total, rows = value_at(answer, total_path), value_at(answer, shape.rows)
    yield member_finding(
        isinstance(total, int), "[response] total", total_path, "a whole number", total
    )
    yield member_finding(isinstance(rows, list), "[response] rows", shape.rows, "an array", rows)
    if not isinstance(rows, list):
        return
    if not rows:
        yield Finding(False, "rows", "there are none, so no column could be compared")
        return
    if len(rows) > limit:
        text = f"{limit} rows were requested, {len(rows)} came; is ${{limit}} in the right place?"
        yield Finding(False, "[pages] largest", text)
    if isinstance(total, int) and len(rows) < min(limit, total):
        text = (
            f"{min(limit, total)} rows were expected, {len(rows)} came; set largest = {len(rows)}"
        )
        yield Finding(False, "[pages] largest", text)
    for column in contract.columns:
        if column.field_id is None:
            yield _compare_column(column, rows)
    yield from _compare_custom_fields(rows, contract)


def _compare_column(column: Column, rows: list[Any]) -> Finding:
    """Report a column's first value that does not fit or that no measure counts, if any."""
    subject, place = f"column {column.name}", ".".join(column.path)
    seen: Counter[str] = Counter()
    for number, row in enumerate(rows, 1):
        for value in _values(row, column):
            seen["all"] += 1
            kind, problem = _judge(column, value)
            seen[kind] += 1
            if problem:
                return Finding(False, subject, f"{place} in row {number} {problem}")
    if seen["absent"] == seen["all"] > 0 and not column.optional:
        text = f"{place} is missing in all {len(rows)} rows; correct `path`, or optional = true"
        return Finding(False, subject, text)
    counts = (
        f", {seen[kind]} {kind}" for kind in ("null", "absent", _MADE, _OUTSIDE) if seen[kind]
    )
    return Finding(True, subject, f"fits in {len(rows)} rows{''.join(counts)}")


_MADE = "made a text"
_OUTSIDE = "outside of the years 1 to 9999 (null in the feed)"


def _is_outside(column: Column, value: Any) -> bool:
    """Return True for an instant that no column can hold."""
    if column.prop.type is not PrimitiveType.DATE_TIME_OFFSET or not _is_instant(value):
        return False
    return to_micros_of(value) is None


def _judge(column: Column, value: Any) -> tuple[str, str]:
    """Return the kind of a value, and its error if any; list elements may always be null."""
    if value is None or value is MISSING:
        if column.prop.nullable or column.prop.collection:
            return "null" if value is None else "absent", ""
        what = "null" if value is None else "missing"
        return what, f"is {what}; have the row corrected, or set nullable = true"
    expected = column.prop.type
    if not _TYPE_CHECKS[expected](value):
        if expected is PrimitiveType.STRING and column.filter is None:
            return _MADE, ""
        return "", f"is {short(value)}: not {expected}; correct `type`"
    if _is_outside(column, value):
        if column.prop.nullable:
            return _OUTSIDE, ""
        return "", "is outside of the years 1 to 9999; set nullable = true"
    listed = column.prop.known_values
    if listed and value not in listed:
        remedy = "not among `values`, so no measure counts it; add it"
        return "", f"is {short(value)}: {remedy} (known: {', '.join(listed)})"
    return "", ""


def _values(row: Any, column: Column) -> list[Any]:
    if column.each is None:
        return [value_at(row, column.path)]
    array = value_at(row, column.path[: column.each + 1])
    if not isinstance(array, list):
        return [array]
    return [value_at(element, column.path[column.each + 1 :]) for element in array]


def _is_instant(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        to_micros_of(value)
    except ValueError:
        return False
    return True


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
    """Report the custom fields of the rows, and whether each is mapped to a column."""
    shape = contract.custom_fields
    arrays = [value_at(row, shape.path) for row in rows]
    if not any(isinstance(array, list) for array in arrays):
        path = ".".join(shape.path)
        yield Finding(not _mapped(contract), "[custom_fields]", f"no row has an array at {path}")
        return
    elements = [e for array in arrays if isinstance(array, list) for e in array]
    seen: Counter[tuple[str, str]] = Counter()
    for element in elements:
        found = value_at(element, (shape.id_member,))
        if isinstance(found, str):
            seen[found, str(value_at(element, (shape.label_member,)))] += 1
    if elements and not seen:
        text = f"no element has a text in `{shape.id_member}`: {short(elements[0])}"
        yield Finding(False, "[custom_fields]", text)
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
