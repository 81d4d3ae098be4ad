"""Answers in any format -> the values in them, and whether these are the right ones."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from tests.fuzz.truth import ANYTHING, One, Perhaps, Refused, Rows, Truth, Undecided, Value
from tests.support.oracle_values import Duration, Instant, duration_of, instant_of, value_of

_RELATIVE = 1e-9
"""Sums and averages depend on the order of adding in their last digits."""
_FORMULAS = "=+-@\t\r"
"""CSV has an apostrophe before a text that begins with one of these."""
_SPECIAL = {"INF": math.inf, "-INF": -math.inf, "NaN": math.nan}


def complaint(truth: Truth, pages: list[httpx.Response], format_: str) -> str:
    """Return what is wrong with an answer, given as its pages; empty when it is right."""
    status = pages[0].status_code
    if status == 501 and isinstance(truth, Perhaps):
        return ""
    answer = truth.answer if isinstance(truth, Perhaps) else truth
    match answer:
        case Undecided():
            return "" if status in (200, 204, 400) else f"status {status} instead of 200 or 400"
        case Refused(wanted):
            return "" if status == wanted else f"status {status} instead of {wanted}"
    refused = next((page for page in pages if page.status_code != 200), None)
    if refused is not None:
        return f"status {refused.status_code}: {refused.text[:300]}"
    return _check(answer, pages, format_)


def _check(answer: Rows | One | Value, pages: list[httpx.Response], format_: str) -> str:
    match answer:
        case Rows(rows, count):
            found = [row for page in pages for row in _rows(page, format_)]
            if format_ in ("csv", "arrow", "parquet"):
                return compared_tables(found, rows, is_text=format_ == "csv")
            body = json.loads(pages[0].text)
            told = body.get("@odata.count", body.get("@count"))
            if (None if told is None else int(told)) != count:
                return f"count {told} instead of {count}"
            return compared(found, rows)
        case One(row):
            return compared([json.loads(pages[0].text, parse_float=Decimal)], [row])
        case Value(value, raw=True):
            text = pages[0].content.decode("utf-8")
            return "" if same_text(text, value) else f"{text!r} instead of {value!r}"
        case Value(value):
            found_value = json.loads(pages[0].text, parse_float=Decimal)["value"]
            right = same(found_value, value)
            return "" if right else f"{found_value!r} instead of {value!r}"


def _rows(page: httpx.Response, format_: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]]
    match format_:
        case "csv":
            text = page.content.decode("utf-8-sig")
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        case "arrow":
            with pa.ipc.open_stream(page.content) as reader:
                rows = reader.read_all().to_pylist()
        case "parquet":
            rows = pq.read_table(io.BytesIO(page.content)).to_pylist()
        case _:
            rows = json.loads(page.content.decode("utf-8"), parse_float=Decimal)["value"]
    return rows


def compared(found: list[Any], wanted: list[dict[str, Any]]) -> str:
    """Return the first difference of rows of JSON from the right ones."""
    if len(found) != len(wanted):
        return f"{len(found)} rows instead of {len(wanted)}: {found[:3]} instead of {wanted[:3]}"
    for row, right in zip(found, wanted, strict=True):
        if not same(row, right):
            return f"{row} instead of {right}"
    return ""


def compared_tables(found: list[Any], wanted: list[dict[str, Any]], *, is_text: bool) -> str:
    """Return the first difference of rows of a file, where a column that is missing is null."""
    if len(found) != len(wanted):
        return f"{len(found)} rows instead of {len(wanted)}"
    alike = same_text if is_text else same
    for row, right in zip(found, wanted, strict=True):
        names = {*row, *right}
        if not all(alike(row.get(name), right.get(name)) for name in names):
            return f"{row} instead of {right}"
    return ""


def same_text(found: str | None, wanted: Any) -> bool:
    """True if a text of CSV or of `/$value` says the value; nothing and empty text are alike."""
    match wanted:
        case None | "":
            return not found
        case bool():
            return found == str(wanted).lower()
        case list():
            return found is not None and same(json.loads(found), wanted)
        case int() | float() | Decimal():
            return found is not None and same(_number_in(found), wanted)
        case str():
            return found in (wanted, f"'{wanted}" if wanted[0] in _FORMULAS else wanted)
        case _:
            return same(found, wanted)


def _number_in(text: str) -> Any:
    special = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
    return special.get(text.lower(), text)


def same(found: Any, wanted: Any) -> bool:
    """True if a value of JSON or Arrow is the right one."""
    wanted = value_of(wanted)
    match wanted:
        case _ if wanted is ANYTHING:
            return True
        case None:
            return found is None
        case bool() | str():
            return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)
        case Mapping():
            return isinstance(found, Mapping) and _same_members(found, wanted)
        case list():
            return (
                isinstance(found, list)
                and len(found) == len(wanted)
                and all(map(same, found, wanted))
            )
        case Instant(seconds):
            return _seconds(found) == _cut(seconds)
        case Duration(seconds):
            return isinstance(found, str) and duration_of(found).seconds == seconds
        case date():
            return bool(found in (wanted, wanted.isoformat()))
        case _:
            return _same_number(found, wanted)


def _same_members(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Control information is left out, but for counts."""
    own = {_plain(name): value for name, value in found.items() if _is_own(name)}
    return own.keys() == wanted.keys() and all(same(own[n], wanted[n]) for n in own)


def _is_own(name: str) -> bool:
    return "@" not in name or (name.endswith("count") and not name.startswith("@"))


def _plain(name: str) -> str:
    return name.replace("@odata.count", "@count")


def _seconds(found: Any) -> Fraction | None:
    match found:
        case datetime():
            instant = value_of(found)
            return _cut(instant.seconds) if isinstance(instant, Instant) else None
        case str() if found[4:5] == "-" and "T" in found:
            return _cut(instant_of(found).seconds)
        case str() if found[4:5] == "-" and " " in found:
            return _cut(instant_of(found.replace(" ", "T")).seconds)
    return None


def _cut(seconds: Fraction) -> Fraction:
    """Microseconds are kept."""
    return Fraction(math.floor(seconds * 1_000_000), 1_000_000)


def _same_number(found: Any, wanted: Any) -> bool:
    if isinstance(found, bool) or found is None:
        return False
    if isinstance(found, str):
        found = _SPECIAL[found] if found in _SPECIAL else Decimal(found)
    if isinstance(wanted, int) and not isinstance(found, float):
        return Decimal(found) == wanted
    ours, right = float(found), float(wanted)
    return (math.isnan(ours) and math.isnan(right)) or math.isclose(
        ours, right, rel_tol=_RELATIVE, abs_tol=1e-300
    )
