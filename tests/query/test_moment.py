"""now() is one moment in all of a request (URL Conventions 5.1.1.8.9)."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery
from gateway.query.tree.render import render_expr
from tests.query.asking import SCHEMA, filtered, refusal

NOON = datetime(2024, 2, 29, 12, 0, 0, 5, tzinfo=UTC)


def at_noon(query: str, path: str = "Results") -> BoundQuery:
    raw = quote(query, safe="$&=@").encode()
    found = bind(parse_request(path.encode(), raw), SCHEMA, NOON)
    assert isinstance(found, BoundQuery)
    return found


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("updatedAt lt now()", "updatedAt lt 2024-02-29T12:00:00.000005Z"),
        ("updatedAt ge NOW() sub duration'P7D'", "updatedAt ge 2024-02-22T12:00:00.000005Z"),
        ("year(updatedAt) eq year(now())", "year(updatedAt) eq 2024"),
        ("month(updatedAt) eq month(now())", "month(updatedAt) eq 2"),
        ("day(updatedAt) eq day(now())", "day(updatedAt) eq 29"),
        ("hour(updatedAt) eq hour(now())", "hour(updatedAt) eq 12"),
        ("minute(updatedAt) eq minute(now())", "minute(updatedAt) eq 0"),
        ("second(updatedAt) eq second(now())", "second(updatedAt) eq 0"),
        ("date(updatedAt) ge date(now()) sub duration'P30D'", "date(updatedAt) ge 2024-01-30"),
        ("now() eq now()", "true"),
    ],
)
def test_now_is_a_constant(written: str, meant: str) -> None:
    query = at_noon(f"$filter={written}")
    assert query.filter is not None
    assert render_expr(query.filter) == meant
    assert query.moment == NOON


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("$orderby=updatedAt sub now()", "Results"),
        ("$compute=now() as at", "Results"),
        ("$compute=now() as at", "Results('x')"),
        ("$filter=updatedAt lt @t&@t=now()", "Results/$count"),
    ],
)
def test_the_query_says_that_it_depends_on_the_moment(query: str, path: str) -> None:
    assert at_noon(query, path).moment == NOON


def test_a_query_without_now_has_no_moment() -> None:
    assert at_noon("$filter=updatedAt lt 2024-01-01T00:00:00Z&@unused=now()").moment is None


def test_without_a_clock_there_is_no_now() -> None:
    assert refusal("$filter=updatedAt lt now()").status == 501
    assert filtered("updatedAt lt maxdatetime()")
