"""Literals: as written -> canonical text, and canonical text <-> Python (ABNF section 7)."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest

from grammar import Literal, LiteralKind, LiteralValue, ODataSyntaxError, parse_expression, unparse
from grammar import literals as convert

K = LiteralKind

LITERALS: dict[str, tuple[LiteralKind, LiteralValue, str]] = {
    "null": (K.NULL, None, "null"),
    "tRUe": (K.BOOLEAN, True, "true"),
    "42": (K.INTEGER, 42, "42"),
    "+42": (K.INTEGER, 42, "42"),
    "-7": (K.INTEGER, -7, "-7"),
    "9223372036854775808": (K.INTEGER, 2**63, "9223372036854775808"),
    "34.95": (K.DECIMAL, Decimal("34.95"), "34.95"),
    "0.0000001": (K.DECIMAL, Decimal("0.0000001"), "0.0000001"),
    "1e-3": (K.DOUBLE, 0.001, "0.001e0"),
    "3.14E2": (K.DOUBLE, 314.0, "314.0e0"),
    "1e+100": (K.DOUBLE, 1e100, "1e100"),
    "INF": (K.DOUBLE, math.inf, "INF"),
    "-INF": (K.DOUBLE, -math.inf, "-INF"),
    "NaN": (K.DOUBLE, math.nan, "NaN"),
    "'O''Neil'": (K.STRING, "O'Neil", "'O''Neil'"),
    "''": (K.STRING, "", "''"),
    "''''": (K.STRING, "'", "''''"),
    "'a b\u00e9\U0001f600'": (K.STRING, "a b\u00e9\U0001f600", "'a b\u00e9\U0001f600'"),
    "2024-02-29": (K.DATE, "2024-02-29", "2024-02-29"),
    "-0001-01-01": (K.DATE, "-0001-01-01", "-0001-01-01"),
    "12024-01-01": (K.DATE, "12024-01-01", "12024-01-01"),
    "07:59": (K.TIME_OF_DAY, "07:59:00", "07:59:00"),
    "07:59:59.120": (K.TIME_OF_DAY, "07:59:59.12", "07:59:59.12"),
    "07:59:59.000": (K.TIME_OF_DAY, "07:59:59", "07:59:59"),
    "2024-01-15T10:30Z": (K.DATE_TIME_OFFSET, "2024-01-15T10:30:00Z", "2024-01-15T10:30:00Z"),
    "2024-01-15t10:30:00.5z": (
        K.DATE_TIME_OFFSET,
        "2024-01-15T10:30:00.5Z",
        "2024-01-15T10:30:00.5Z",
    ),
    "2024-01-15T11:30:00 01:00": (
        K.DATE_TIME_OFFSET,
        "2024-01-15T11:30:00+01:00",
        "2024-01-15T11:30:00+01:00",
    ),
    "2024-01-15T11:30-00:00": (
        K.DATE_TIME_OFFSET,
        "2024-01-15T11:30:00Z",
        "2024-01-15T11:30:00Z",
    ),
    "2016-12-31T23:59:60Z": (
        K.DATE_TIME_OFFSET,
        "2016-12-31T23:59:60Z",
        "2016-12-31T23:59:60Z",
    ),
    "duration'P1DT2H'": (K.DURATION, "P1DT2H", "duration'P1DT2H'"),
    "Duration'-pt0.5s'": (K.DURATION, "-PT0.5S", "duration'-PT0.5S'"),
    "A1B2C3D4-0000-0000-0000-00000000000F": (
        K.GUID,
        "a1b2c3d4-0000-0000-0000-00000000000f",
        "a1b2c3d4-0000-0000-0000-00000000000f",
    ),
    "12345678-1212-1212-1212-123456789012": (
        K.GUID,
        "12345678-1212-1212-1212-123456789012",
        "12345678-1212-1212-1212-123456789012",
    ),
    "50d": (K.DOUBLE, 50.0, "50.0e0"),
    "-2.5F": (K.DOUBLE, -2.5, "-2.5e0"),
    "1e3d": (K.DOUBLE, 1000.0, "1000.0e0"),
    "50m": (K.DECIMAL, Decimal("50.0"), "50.0"),
    "+5.00M": (K.DECIMAL, Decimal("5.00"), "5.00"),
    "1L": (K.INTEGER, 1, "1"),
    "-7l": (K.INTEGER, -7, "-7"),
    "Guid'A1B2C3D4-0000-0000-0000-00000000000F'": (
        K.GUID,
        "a1b2c3d4-0000-0000-0000-00000000000f",
        "a1b2c3d4-0000-0000-0000-00000000000f",
    ),
    "binary'Zm8='": (K.BINARY, "Zm8", "binary'Zm8'"),
    "binary''": (K.BINARY, "", "binary''"),
    "geography'SRID=4326;Point(13.4 52.5)'": (
        K.GEOGRAPHY,
        "SRID=4326;Point(13.4 52.5)",
        "geography'SRID=4326;Point(13.4 52.5)'",
    ),
    "GEOMETRY'SRID=0;MultiPolygon(((1 1,1 1),(1 1,2 2,3 3,1 1)))'": (
        K.GEOMETRY,
        "SRID=0;MultiPolygon(((1 1,1 1),(1 1,2 2,3 3,1 1)))",
        "geometry'SRID=0;MultiPolygon(((1 1,1 1),(1 1,2 2,3 3,1 1)))'",
    ),
    "geography'SRID=0;GeometryCollection(Point(1 2),Collection(LineString(1 2,3 4)))'": (
        K.GEOGRAPHY,
        "SRID=0;GeometryCollection(Point(1 2),Collection(LineString(1 2,3 4)))",
        "geography'SRID=0;GeometryCollection(Point(1 2),Collection(LineString(1 2,3 4)))'",
    ),
}

REFUSED = {
    ".5": "must start with a digit",
    "5.": "must end with a digit",
    "1e999": "out of the range",
    "9" * 401: "at most 400 digits",
    "inf inf": "not an operator",
    "2024-13-01": "month 13",
    "2024-00-01": "month 00",
    "2023-02-29": "no day 29",
    "2024-04-31": "no day 31",
    "02024-01-01": "leading zero",
    "24:00": "hour 24",
    "25:00": "hour 25",
    "10:60": "minute 60",
    "10:00:61": "second 61",
    "10:00:00.1234567890123": "at most 12 digits",
    "2024-01-01T10:00:00+24:00": "offset +24:00",
    "2024-01-01T10:00:00-10:60": "offset -10:60",
    "duration'P1Y'": "not a duration",
    "duration'+P1D'": "not a duration",
    "duration'P'": "not a duration",
    "duration'PT'": "not a duration",
    "binary'Zm9'": "not base64url",
    "binary'Zg==='": "not base64url",
    "binary'Zh'": "not base64url",
    "binary'+/=='": "not base64url",
    "binary'\u00e9'": "not base64url",
    "geography'Point(1 2)'": "SRID is missing",
    "geography'SRID=1'": "not a geo literal",
    "geography'SRID=0;Point(1)'": "not a geo literal",
    "geography'SRID=0;Collection()'": "not a geo literal",
    "geography'SRID=0;Collection(Point(1 2)'": "not a geo literal",
    "geography'SRID=0;Collection(Point(1 2) Point(1 2))'": "not a geo literal",
    "geography'SRID=0;Point(1 2))'": "not a geo literal",
    "N.T'1A'": "not a list of enumeration members",
    "datetime'2024-01-01'": "not an OData 4 literal",
    "guid'A1B2C3D4'": "not an OData 4 literal",
    "1e3m": "has no exponent",
    "5.5L": "neither point nor exponent",
    "1e3L": "neither point nor exponent",
    "1e999d": "out of the range",
    "X'00'": "not an OData 4 literal",
    "foo'bar'": "not an OData 4 literal",
}


@pytest.mark.parametrize(("text", "expected"), LITERALS.items())
def test_literal(text: str, expected: tuple[LiteralKind, LiteralValue, str]) -> None:
    kind, value, canonical = expected
    tree = parse_expression(text)
    assert tree == Literal(kind, value)
    assert unparse(tree) == canonical
    assert parse_expression(canonical) == tree


def test_enumeration_has_a_type_name() -> None:
    tree = parse_expression("N.T'A, B,-1'")
    assert tree == Literal(K.ENUM, "A,B,-1", "N.T")
    assert unparse(tree) == "N.T'A,B,-1'"


@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_refused_literal(text: str, message: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_expression(text)
    assert message in caught.value.message


def test_to_date_and_time() -> None:
    assert convert.to_date("2024-02-29") == date(2024, 2, 29)
    assert convert.to_time("07:59:00.1234567") == time(7, 59, 0, 123456)
    assert convert.to_time("07:59:00") == time(7, 59)
    with pytest.raises(ValueError, match="Invalid isoformat"):
        convert.to_date("-0001-01-01")


def test_to_datetime_is_the_instant_in_utc() -> None:
    assert convert.to_datetime("2024-03-01T00:30:00+01:00") == datetime(
        2024, 2, 29, 23, 30, tzinfo=UTC
    )
    assert convert.to_datetime("2024-01-01T00:00:00.5Z").microsecond == 500_000
    assert convert.to_datetime("2016-12-31T23:59:60Z") == datetime(2017, 1, 1, tzinfo=UTC)
    assert convert.to_datetime("2024-01-01T00:00:00-02:30").hour == 2


@pytest.mark.parametrize("text", ["x", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00"])
def test_to_datetime_out_of_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        convert.to_datetime(text)


def test_durations() -> None:
    assert convert.to_timedelta("-P1DT2H3M4.5S") == -timedelta(1, 7384, 500_000)
    assert convert.to_timedelta("P1D") == timedelta(1)
    with pytest.raises(ValueError, match="not a duration"):
        convert.to_timedelta("1 day")
    with pytest.raises(ValueError, match="too long"):
        convert.to_timedelta("P9999999999D")


def test_bytes() -> None:
    assert convert.to_bytes("Zm8") == b"fo"
    assert convert.from_bytes(b"fo") == "Zm8"


def test_from_python() -> None:
    berlin = timezone(timedelta(hours=1))
    assert convert.from_date(date(2024, 2, 29)) == "2024-02-29"
    assert convert.from_time(time(7, 59, 0, 120_000)) == "07:59:00.12"
    assert convert.from_time(time(0, 0)) == "00:00:00"
    assert (
        convert.from_datetime(datetime(2024, 3, 1, 0, 30, tzinfo=berlin)) == "2024-02-29T23:30:00Z"
    )
    assert convert.from_timedelta(timedelta()) == "PT0S"
    assert convert.from_timedelta(timedelta(1)) == "P1D"
    assert convert.from_timedelta(-timedelta(1, 7384, 500_000)) == "-P1DT2H3M4.5S"
    assert convert.from_timedelta(timedelta(minutes=5)) == "PT5M"
    assert convert.from_decimal(Decimal(5)) == "5.0"
