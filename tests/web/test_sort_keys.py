"""Every function and operator as a sort key, in every place that sorts.

What a key is worth in each row is asked for by $compute; plain Python then sorts by it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from urllib.parse import quote

import pytest

from gateway.query.bind.functions import FUNCTIONS
from gateway.query.tree.expressions import ArithmeticOperator, CompareOperator
from gateway.sandbox import generate
from tests.support.apply_oracle import applied
from tests.support.live import Bridge, bridge
from tests.support.oracle import ordered
from tests.support.oracle_values import duration_of

LENGTH = "length(concat(contentName,state))"
CONSTANTS = ("mindatetime()", "maxdatetime()", "now()", "null", "'text'", "isof(state,Edm.String)")
NUMBERS = (
    *(f"{LENGTH} {operator} 3" for operator in ArithmeticOperator),
    *(f"progress {operator} ({LENGTH} sub 100)" for operator in ArithmeticOperator),
    *(f"7 {operator} ({LENGTH} sub 100)" for operator in ("div", "divby", "mod")),
    *(f"{LENGTH} {operator} 2.5" for operator in ArithmeticOperator),
    *(LENGTH, "indexof(contentName,'a')", "round(progress)", "floor(progress div 7)"),
    *("ceiling(progress div 7)", f"round({LENGTH})", f"-{LENGTH}", "-progress"),
    *(f"{part}(updatedAt)" for part in ("year", "month", "day", "hour", "minute", "second")),
    *("fractionalseconds(updatedAt)", "totaloffsetminutes(updatedAt)"),
    *("totalseconds(now() sub updatedAt)", "cast(progress,Edm.Int32)", "cast(progress,Edm.Int64)"),
    *("case(progress gt 50:1,true:0)", "groupIds/$count", "user/results/$count"),
    *("user/memberships/$count", "user/results/$count($filter=7 div length(state) ge 0)"),
)
OTHERS = (
    *(f"{LENGTH} {operator} 20" for operator in CompareOperator),
    *(f"7 div {LENGTH} {operator} 0" for operator in ("eq", "lt")),
    *("progress gt 50 and state eq 'FAILED'", "progress gt 50 or state eq 'FAILED'"),
    *("not (state eq 'FAILED')", "state in ('FAILED','APPROVED')", "contains(contentName,'a')"),
    *("startswith(contentName,'A')", "endswith(contentName,'s')"),
    *("matchesPattern(contentName,'[aeiou]{2}')", "concat(state,contentName)"),
    *("substring(contentName,1)", "substring(contentName,1,1)", f"substring(state,{LENGTH} sub 9)"),
    *(f"substring(contentName,2,{LENGTH})", "tolower(contentName)", "toupper(contentName)"),
    *("trim(contentName)", "date(updatedAt)", "time(updatedAt)", "now() sub updatedAt"),
    *("updatedAt add duration'P1D'", "date(updatedAt) sub duration'P1D'"),
    *("cast(progress,Edm.String)", "cast(contentName,Edm.Date)", "cast(updatedAt,Edm.Date)"),
    *("case(state eq 'FAILED':contentName)", "content/name"),
    *("groupIds/any(g:g eq 'grp-01')", "groupIds/all(g:7 div length(g) gt 0)", "user/name"),
    *("user/results/any(r:7 div length(r/state) gt 1)", "substring(user/name,1,1)"),
    *CONSTANTS,
)
SEQUENCES = (
    "orderby({0} desc,id)/skip(70)",
    "bottomcount(5,{0})",
    "groupby((state),topcount(1,{0}))",
    "groupby((state),orderby({0} desc)/skip(1))",
    "concat(orderby({0})/top(3),topcount(2,{0}))",
    "groupby((rollup(state,enrollmentType)),orderby({0})/top(1))",
    "groupby((state),groupby((enrollmentType),concat(topcount(1,{0}),orderby({0}))))",
)
SUMS = (
    "topsum(90,{0})",
    "bottompercent(33,{0})",
    "groupby((state),bottomsum(20,{0}))",
    "groupby((state),toppercent(50,{0}))",
)
SHOWN = ("id", "state", "enrollmentType", "n")


@pytest.fixture(scope="module")
def few() -> Iterator[Bridge]:
    with bridge(generate(80, seed=3)) as gateway:
        gateway.feed("Results")
        yield gateway


def read(value: Any) -> Any:
    """A JSON value as one that Python sorts as the service must."""
    if not isinstance(value, str):
        return value
    if value in ("INF", "-INF"):
        return math.inf if value == "INF" else -math.inf
    if re.fullmatch(r"-?P\d.*[DHMS]", value):
        return duration_of(value)
    if value[2:3] == ":" and value[5:6] == ":":
        return time.fromisoformat(value)
    if value[4:5] == value[7:8] == "-":
        return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    return value


def ask(few: Bridge, path: str, query: str) -> list[dict[str, Any]]:
    return few.feed(f"{path}?{quote(query, safe='$&=')}", {"Prefer": "maxpagesize=1000"})


def rows_with(few: Bridge, key: str) -> list[dict[str, Any]]:
    rows = ask(few, "Results", f"$compute={key} as x&$select=id,userId,state,enrollmentType,x")
    return [{name: read(v) if name == "x" else v for name, v in row.items()} for row in rows]


def shown(rows: Any) -> list[dict[str, Any]]:
    return [{name: row[name] for name in SHOWN if name in row} for row in rows]


@pytest.mark.parametrize("key", [*NUMBERS, *OTHERS])
def test_a_key_sorts_everywhere(few: Bridge, key: str) -> None:
    rows = rows_with(few, key)
    by_key = rows if key in CONSTANTS else sorted(rows, key=lambda row: row["id"])
    for direction in ("", " desc"):
        found = ask(few, "Results", f"$orderby={key}{direction}&$select=id")
        assert [row["id"] for row in found] == [
            row["id"] for row in ordered(by_key, f"x{direction}")
        ]
    for sequence in (*SEQUENCES, *(SUMS if key in NUMBERS else ())):
        found = ask(few, "Results", f"$apply={sequence.format(key)}")
        assert shown(found) == shown(applied(sequence.format("x"), rows)), sequence


@pytest.mark.parametrize("key", [*NUMBERS, *OTHERS])
def test_a_key_sorts_rows_that_come_along(few: Bridge, key: str) -> None:
    rows = ordered(rows_with(few, key), "x desc")
    deep = f"user($select=id;$expand=results($orderby={key} desc;$select=id;$top=3))"
    for row in ask(few, "Results", f"$select=userId&$expand={deep}"):
        own = [{"id": other["id"]} for other in rows if other["userId"] == row["userId"]]
        assert row["user"]["results"] == own[:3]


def test_rows_that_are_filtered_out_need_no_key(few: Bridge) -> None:
    size = len(few.feed("Results?$top=1")[0]["contentName"])
    inner = f"$filter=length(contentName) ne {size};$orderby=7 div (length(contentName) sub {size})"
    assert ask(few, "Users", f"$expand=results({inner})")
    refused = few.get(f"Users?$expand=results({inner.split(';', 1)[1]})")
    assert refused.status_code == 400


def test_no_function_or_operator_is_left_out() -> None:
    text = " ".join((*NUMBERS, *OTHERS)).lower()
    assert [name for name in FUNCTIONS if f"{name}(" not in text] == []
