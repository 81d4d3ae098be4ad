"""Each figure equals a count in Python that shares nothing with its definition but its meaning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.contract.loader import built_in_contract, load_contract
from gateway.figures.definitions import (
    BY_STATE,
    DUE,
    FIGURES,
    VALIDITY,
    Figure,
    Terms,
    columns_of,
    figures_of,
)
from gateway.figures.queries import grouped, people, rows_condition, totals
from gateway.pages.feed import encoded_options
from gateway.sandbox import generate
from tests.support.live import Bridge, bridge

Row = dict[str, Any]
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
"""In the middle of the sandbox's dates, so that every figure has rows on both sides."""
RESULTS = load_contract(built_in_contract()).schema.entity_sets[0].entity_type
COLUMNS = frozenset(prop.name for prop in RESULTS.properties)
MEANINGS = ["unknown", VALIDITY, DUE, BY_STATE]


def at(row: Row, name: str) -> datetime | None:
    text = row[name]
    return None if text is None else datetime.fromisoformat(text)


def required(row: Row) -> bool:
    return bool(row["enrollmentType"] == "MANDATORY")


def enrolled(row: Row) -> bool:
    return row["enrollmentType"] in {"MANDATORY", "OPTIONAL"}


def met(row: Row, meaning: str) -> bool:
    if not enrolled(row):
        return False
    end = at(row, "expiryDate")
    if meaning == DUE:
        return bool(row["state"] == "APPROVED")
    is_valid = end is not None and end > NOW
    if row["certificateIssuedAt"] is not None and is_valid:
        return True
    return row["state"] == "APPROVED" and (end is None or is_valid)


def between(row: Row, name: str, after: timedelta, until: timedelta) -> bool:
    moment = at(row, name)
    return moment is not None and NOW + after < moment <= NOW + until


def is_past(row: Row) -> bool:
    end = at(row, "expiryDate")
    return end is not None and end <= NOW


DAY, NONE = timedelta(days=1), timedelta()
Test = Callable[[Row, str], bool]
COUNTS: dict[str, tuple[Test, Test | None]] = {
    "compliance": (lambda r, m: required(r) and met(r, m), lambda r, _: required(r)),
    "completion": (met, lambda r, _: enrolled(r)),
    "overdue": (
        lambda r, m: required(r) and not met(r, m) and is_past(r),
        lambda r, _: required(r),
    ),
    "atRisk": (
        lambda r, m: required(r) and not met(r, m) and between(r, "expiryDate", NONE, 30 * DAY),
        lambda r, _: required(r),
    ),
    "expired": (
        lambda r, _: r["state"] == "APPROVED" and is_past(r),
        lambda r, m: (r["state"] == "APPROVED" and is_past(r)) or met(r, m),
    ),
    "expiring30": (lambda r, m: met(r, m) and between(r, "expiryDate", NONE, 30 * DAY), met),
    "expiring60": (lambda r, m: met(r, m) and between(r, "expiryDate", NONE, 60 * DAY), met),
    "expiring90": (lambda r, m: met(r, m) and between(r, "expiryDate", NONE, 90 * DAY), met),
    "stateExpired": (lambda r, _: r["state"] == "EXPIRED", None),
    "failed": (
        lambda r, _: enrolled(r) and r["state"] == "FAILED",
        lambda r, _: enrolled(r) and r["state"] in {"FAILED", "APPROVED"},
    ),
    "notStarted": (
        lambda r, _: enrolled(r) and r["state"] == "NOT_STARTED",
        lambda r, _: enrolled(r),
    ),
    "inProgress": (
        lambda r, _: enrolled(r) and r["state"] == "IN_PROGRESS",
        lambda r, _: enrolled(r),
    ),
    "stalled": (
        lambda r, _: (
            r["state"] == "IN_PROGRESS" and datetime.fromisoformat(r["updatedAt"]) < NOW - 30 * DAY
        ),
        lambda r, _: r["state"] == "IN_PROGRESS",
    ),
    "certificates": (lambda r, _: between(r, "certificateIssuedAt", -30 * DAY, NONE), None),
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Bridge]:
    with bridge(generate(3_000, seed=5)) as running:
        yield running


@pytest.fixture(scope="module")
def rows(gateway: Bridge) -> list[Row]:
    return gateway.feed("Results")


def asked(gateway: Bridge, **options: str) -> list[Row]:
    query = encoded_options({f"${name}": text for name, text in options.items()})
    return gateway.feed(f"Results?{query}")


def terms(meaning: str) -> Terms:
    return Terms.of(meaning, NOW, COLUMNS)


def counted(figure: Figure, rows: list[Row], meaning: str) -> tuple[int, int | None]:
    counts, of = COUNTS[figure.name]
    number = sum(counts(row, meaning) for row in rows)
    return number, None if of is None else sum(of(row, meaning) for row in rows)


@pytest.mark.parametrize("meaning", MEANINGS)
def test_figures_are_what_they_say(gateway: Bridge, rows: list[Row], meaning: str) -> None:
    figures = figures_of(RESULTS, meaning)
    (found,) = asked(gateway, apply=totals(figures, terms(meaning)))
    assert found["results"] == len(rows)
    for figure in figures:
        number, of = counted(figure, rows, meaning)
        assert found[figure.name] == number, figure.name
        assert found.get(f"{figure.name}Of") == of, figure.name
        assert of is None or number <= of


@pytest.mark.parametrize("meaning", MEANINGS)
def test_the_rows_behind_a_figure_are_as_many(gateway: Bridge, meaning: str) -> None:
    figures = figures_of(RESULTS, meaning)
    where = "department eq 'R&D' or contains(contentName,'+')"
    (found,) = asked(gateway, apply=totals(figures, terms(meaning), where))
    for figure in figures:
        condition = rows_condition(figure, terms(meaning), where)
        assert len(asked(gateway, filter=condition, select="id")) == found[figure.name]


def test_figures_by_department_are_those_of_each(gateway: Bridge, rows: list[Row]) -> None:
    figures = figures_of(RESULTS, "unknown")
    found = asked(gateway, apply=grouped(figures, terms("unknown"), ["department"]))
    by_department: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        by_department[row["department"]].append(row)
    assert {row["department"] for row in found} == set(by_department)
    for row in found:
        for figure in figures:
            number, _ = counted(figure, by_department[row["department"]], "unknown")
            assert row[figure.name] == number


@pytest.mark.parametrize("meaning", MEANINGS)
def test_people_are_compliant_if_nothing_is_missing(
    gateway: Bridge, rows: list[Row], meaning: str
) -> None:
    of_person: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        if row["userId"] is not None and required(row):
            of_person[row["userId"]].append(met(row, meaning))
    (found,) = asked(gateway, apply=people(terms(meaning)))
    assert (found["people"], found["compliant"] or 0) == (
        len(of_person),
        sum(map(all, of_person.values())),
    )


def test_a_figure_needs_its_columns_and_a_meaning_of_the_date() -> None:
    names = {meaning: {f.name for f in figures_of(RESULTS, meaning)} for meaning in MEANINGS}
    assert names["unknown"] == names[VALIDITY]
    assert {"overdue", "atRisk"} == names[DUE] - names[VALIDITY]
    assert "expired" not in names[DUE]
    assert names[BY_STATE] == names[DUE] | names[VALIDITY] == {f.name for f in FIGURES}
    assert all(columns_of(figure) <= COLUMNS for figure in FIGURES)
    assert set(COUNTS) == {figure.name for figure in FIGURES}
