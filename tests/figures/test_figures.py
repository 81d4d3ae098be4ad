"""Each figure equals a count in Python that shares nothing with its definition but its meaning."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import fmean, median, quantiles
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import InvalidValue
from gateway.figures.definitions import (
    AVERAGE_PROGRESS,
    BY_STATE,
    DUE,
    FIGURES,
    TIME_TO_COMPLETE,
    VALIDITY,
    Figure,
)
from gateway.figures.period import Period, usual_periods
from gateway.figures.queries import (
    days_to_complete,
    grouped,
    people,
    people_behind,
    rows_condition,
    totals,
)
from gateway.figures.spread import spread_of
from gateway.figures.terms import Terms, columns_of, figures_of, values_of
from gateway.pages.feed import encoded_options
from gateway.query.unlisted import find_unlisted
from gateway.sandbox import generate
from grammar import parse_filter
from tests.support.examples import examples
from tests.support.live import Bridge, bridge

Row = dict[str, Any]
STATES = {"APPROVED", "FAILED", "EXPIRED", "NOT_STARTED", "IN_PROGRESS"}
ENROLLMENTS = {"MANDATORY", "OPTIONAL"}
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


DAY, NONE, EVER = timedelta(days=1), timedelta(), timedelta(days=36_500)
Test = Callable[[Row, str], bool]


def overdue(row: Row, meaning: str) -> bool:
    return required(row) and not met(row, meaning) and is_past(row)


def is_required(row: Row, meaning: str) -> bool:
    return required(row)


def is_enrolled(row: Row, meaning: str) -> bool:
    return enrolled(row)


def in_state(state: str) -> Test:
    return lambda row, _: enrolled(row) and row["state"] == state


def active(days: int) -> Test:
    return lambda row, _: datetime.fromisoformat(row["updatedAt"]) > NOW - days * DAY


def expiring(days: int) -> Test:
    return lambda row, m: met(row, m) and between(row, "expiryDate", NONE, days * DAY)


COUNTS: dict[str, tuple[Test, Test | None]] = {
    "compliance": (lambda r, m: required(r) and met(r, m), is_required),
    "people": (lambda r, m: required(r) and met(r, m), is_required),
    "completion": (met, is_enrolled),
    "overdue": (overdue, is_required),
    "overduePeople": (overdue, is_required),
    "atRisk": (
        lambda r, m: required(r) and not met(r, m) and between(r, "expiryDate", NONE, 30 * DAY),
        is_required,
    ),
    "fallingDue": (
        lambda r, m: required(r) and not met(r, m) and between(r, "expiryDate", NONE, EVER),
        is_required,
    ),
    "expired": (
        lambda r, _: r["state"] == "APPROVED" and is_past(r),
        lambda r, m: (r["state"] == "APPROVED" and is_past(r)) or met(r, m),
    ),
    "expiring30": (expiring(30), met),
    "expiring60": (expiring(60), met),
    "expiring90": (expiring(90), met),
    "ending": (lambda r, m: met(r, m) and between(r, "expiryDate", NONE, EVER), None),
    "stateExpired": (lambda r, _: r["state"] == "EXPIRED", None),
    "failed": (
        in_state("FAILED"),
        lambda r, _: enrolled(r) and r["state"] in {"FAILED", "APPROVED"},
    ),
    "notStarted": (in_state("NOT_STARTED"), is_enrolled),
    "inProgress": (in_state("IN_PROGRESS"), is_enrolled),
    "stalled": (
        lambda r, _: (
            r["state"] == "IN_PROGRESS" and datetime.fromisoformat(r["updatedAt"]) < NOW - 30 * DAY
        ),
        lambda r, _: r["state"] == "IN_PROGRESS",
    ),
    "completed": (
        lambda r, m: in_state("APPROVED")(r, m) and between(r, "completedAt", -EVER, NONE),
        None,
    ),
    "certificates": (lambda r, _: between(r, "certificateIssuedAt", -EVER, NONE), None),
    "active7": (active(7), None),
    "active30": (active(30), None),
    "inNoRate": (lambda r, _: not enrolled(r), None),
}
DATES = {
    "overdue": "expiryDate",
    "overduePeople": "expiryDate",
    "fallingDue": "expiryDate",
    "expired": "expiryDate",
    "ending": "expiryDate",
    "completed": "completedAt",
    "certificates": "certificateIssuedAt",
    "timeToComplete": "completedAt",
}
"""The date that a period means; figures of the present have none."""
PERIODS = [
    Period(),
    Period(date(2025, 3, 1), date(2025, 3, 31)),
    Period(date(2025, 5, 20), date(2025, 8, 1)),
    Period(last=date(2025, 1, 31)),
    Period(first=date(2025, 6, 2)),
]


def in_period(row: Row, name: str, period: Period) -> bool:
    column = DATES.get(name)
    if not period or column is None:
        return name != "certificates" or between(row, "certificateIssuedAt", -30 * DAY, NONE)
    moment = at(row, column)
    if moment is None:
        return False
    day = moment.astimezone(UTC).date()
    return (period.first or date.min) <= day <= (period.last or date.max)


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


def terms(meaning: str, period: Period = PERIODS[0]) -> Terms:
    return Terms.of(meaning, NOW, COLUMNS, period)


def of_all(figure: Figure) -> str:
    return terms("unknown").of_all(figure) or "true"


def of_results(meaning: str, period: Period = PERIODS[0]) -> list[Figure]:
    return [f for f in figures_of(RESULTS, meaning, period) if not f.people]


def of_people(meaning: str, period: Period = PERIODS[0]) -> list[Figure]:
    return [f for f in figures_of(RESULTS, meaning, period) if f.people]


def counted(
    figure: Figure, rows: list[Row], meaning: str, period: Period = PERIODS[0]
) -> tuple[int, int | None]:
    counts, of = COUNTS[figure.name]
    chosen = [row for row in rows if in_period(row, figure.name, period)]
    number = sum(counts(row, meaning) for row in chosen)
    return number, None if of is None else sum(of(row, meaning) for row in chosen)


def counted_people(
    figure: Figure, rows: list[Row], meaning: str, period: Period
) -> tuple[set[str], set[str] | None]:
    """The ids of the people that a figure counts, and of those that it is a part of."""
    counts, of = COUNTS[figure.name]
    results: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        is_of = of is None or of(row, meaning)
        if row["userId"] is not None and is_of and in_period(row, figure.name, period):
            results[row["userId"]].append(row)
    test = all if figure.people == "all" else any
    found = {one for one, own in results.items() if test(counts(row, meaning) for row in own)}
    return found, None if of is None else {*results}


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("meaning", MEANINGS)
def test_figures_are_what_they_say(
    gateway: Bridge, rows: list[Row], meaning: str, period: Period
) -> None:
    figures = of_results(meaning, period)
    (found,) = asked(gateway, apply=totals(figures, terms(meaning, period)))
    assert found["results"] == len(rows)
    for figure in figures:
        number, of = counted(figure, rows, meaning, period)
        assert found[figure.name] == number, figure.name
        assert found.get(f"{figure.name}Of") == of, figure.name
        assert of is None or number <= of


@pytest.mark.parametrize("period", PERIODS[:3], ids=str)
@pytest.mark.parametrize("meaning", MEANINGS)
def test_people_are_counted_by_their_results(
    gateway: Bridge, rows: list[Row], meaning: str, period: Period
) -> None:
    figures, where = of_people(meaning, period), "progress ne 100 or region ne 'EMEA'"
    chosen = [row for row in rows if row["progress"] != 100 or row["region"] != "EMEA"]
    (found,) = asked(gateway, apply=people(figures, terms(meaning, period), where))
    assert found["results"] == len({row["userId"] for row in chosen} - {None})
    for figure in figures:
        number, of = counted_people(figure, chosen, meaning, period)
        assert (found[figure.name] or 0) == len(number), figure.name
        assert found.get(f"{figure.name}Of") == (None if of is None else len(of)), figure.name
        behind = people_behind(figure, terms(meaning, period), ["userName"], where)
        assert {row["userId"] for row in asked(gateway, apply=behind)} == number


@pytest.mark.parametrize("period", PERIODS[:2], ids=str)
@pytest.mark.parametrize("meaning", MEANINGS)
def test_the_rows_behind_a_figure_are_as_many(
    gateway: Bridge, meaning: str, period: Period
) -> None:
    figures = of_results(meaning, period)
    where = "department eq 'R&D' or contains(contentName,'+')"
    (found,) = asked(gateway, apply=totals(figures, terms(meaning, period), where))
    for figure in figures:
        condition = rows_condition(figure, terms(meaning, period), where)
        assert len(asked(gateway, filter=condition, select="id")) == found[figure.name]


def test_figures_by_department_are_those_of_each(gateway: Bridge, rows: list[Row]) -> None:
    figures = of_results("unknown")
    found = asked(gateway, apply=grouped(figures, terms("unknown"), ["department"]))
    by_department: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        by_department[row["department"]].append(row)
    assert {row["department"] for row in found} == set(by_department)
    for row in found:
        for figure in figures:
            number, _ = counted(figure, by_department[row["department"]], "unknown")
            assert row[figure.name] == number


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("where", ["", "enrollmentType eq 'MANDATORY'"])
def test_the_time_to_complete_is_the_median_of_whole_days(
    gateway: Bridge, rows: list[Row], period: Period, where: str
) -> None:
    days = []
    for row in rows:
        start, end = at(row, "startedAt"), at(row, "completedAt")
        is_chosen = (not where or required(row)) and in_period(row, "timeToComplete", period)
        if row["state"] == "APPROVED" and start and end and end >= start and is_chosen:
            days.append((end - start).days)
    found = asked(gateway, apply=days_to_complete(terms("unknown", period), where))
    spread = spread_of((row["days"], row["results"]) for row in found)
    assert spread is not None
    lower, middle, upper = quantiles(days, n=4, method="inclusive")
    assert (spread.count, spread.median) == (len(days), median(days)) == (len(days), middle)
    assert (spread.lower, spread.upper) == (lower, upper)


def test_the_average_progress_is_that_of_enrolled_results(gateway: Bridge, rows: list[Row]) -> None:
    numbers = [row["progress"] for row in rows if enrolled(row) and row["progress"] is not None]
    (found,) = asked(gateway, apply=totals([AVERAGE_PROGRESS], terms("unknown")))
    assert found["averageProgress"] == len(numbers)
    assert found["averageProgressMean"] == pytest.approx(fmean(numbers))


@examples(200)
@given(st.lists(st.integers(0, 400), max_size=60))
def test_a_spread_is_that_of_the_standard_library(numbers: list[int]) -> None:
    spread = spread_of(Counter(numbers).items())
    if not numbers:
        assert spread is None
        return
    assert spread is not None
    assert (spread.count, spread.median) == (len(numbers), median(numbers))
    if len(numbers) > 1:
        lower, _, upper = quantiles(numbers, n=4, method="inclusive")
        assert (spread.lower, spread.upper) == (lower, upper)


@given(st.dates(date(1900, 2, 1), date(2998, 1, 1)))
def test_usual_periods_are_whole_months_and_years(today: date) -> None:
    found = usual_periods(today)
    assert found["thisMonth"].first <= today <= found["thisMonth"].last  # type: ignore[operator]
    months = [found[name] for name in ("lastMonth", "thisMonth", "nextMonth")]
    for month, following in pairwise(months):
        assert month.last is not None
        assert month.last + DAY == following.first
    assert all(month.first is not None and month.first.day == 1 for month in months)


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("2025-02-30", "", "from"),
        ("", "2025-1-1", "to"),
        ("0001-01-01", "", "from"),
        ("", "9999-12-31", "to"),
        ("'2025-01-01'", "", "from"),
        ("2025-01-02", "2025-01-01", "to"),
    ],
)
def test_what_is_no_period_is_refused(first: str, last: str, name: str) -> None:
    with pytest.raises(InvalidValue, match=f"^{name}: "):
        Period.parse(first, last)


def test_a_figure_needs_its_columns_and_a_meaning_of_the_date() -> None:
    some = PERIODS[1]
    names = {m: {f.name for f in figures_of(RESULTS, m, some)} for m in MEANINGS}
    assert names["unknown"] == names[VALIDITY]
    of_due = {"overdue", "overduePeople", "atRisk", "fallingDue"}
    assert of_due == names[DUE] - names[VALIDITY]
    assert "expired" not in names[DUE]
    assert names[BY_STATE] == names[DUE] | names[VALIDITY] == {f.name for f in FIGURES}
    every = {f.name for f in figures_of(RESULTS, BY_STATE)}
    assert names[BY_STATE] - every == {"fallingDue", "ending"}
    assert all(columns_of(figure) <= COLUMNS for figure in FIGURES)
    assert set(COUNTS) == {figure.name for figure in FIGURES}
    assert columns_of(AVERAGE_PROGRESS) == {"enrollmentType", "progress"}


def test_a_period_means_the_date_of_the_figure_and_no_change_of_a_row() -> None:
    figures = (*FIGURES, TIME_TO_COMPLETE, AVERAGE_PROGRESS)
    assert {f.name: f.dated for f in figures if f.dated} == DATES
    assert "updatedAt" not in DATES.values()


@pytest.mark.parametrize("meaning", MEANINGS)
def test_the_values_of_a_figure_are_those_of_its_conditions(meaning: str) -> None:
    """Only these are compared with the lists of the contract file."""
    for figure in (*FIGURES, TIME_TO_COMPLETE, AVERAGE_PROGRESS):
        for name, values in (("state", STATES), ("enrollmentType", ENROLLMENTS)):
            for text in values:
                other = Property(name, PrimitiveType.STRING, known_values=("other",))
                listed = replace(other, known_values=(*(values - {text}), "other"))
                tree = parse_filter(f"({terms(meaning).counts(figure)}) or ({of_all(figure)})")
                found = find_unlisted(tree, [listed])
                assert (found is not None) == ((name, text) in values_of(figure)), figure.name
