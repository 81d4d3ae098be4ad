"""What a measure means: its OData twin on the running gateway against plain Python.

DAX cannot be run here. Each measure's `apply` is the same number as an OData query, which a person
can compare with what Power BI shows; here that number is compared with the rows themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

import pytest

from gateway.connect.analysis import MeasureEntry, load_analysis
from gateway.sandbox import Dataset, generate
from tests.support.flat import FlatRow, flat_row
from tests.tenancy.support import House, house, sandbox

NOW = datetime.now(UTC)
Rows = list[FlatRow]


def count(condition: Callable[[FlatRow], bool]) -> Callable[[Rows], int]:
    return lambda rows: sum(1 for row in rows if condition(row))


def state(name: str) -> Callable[[Rows], int]:
    return count(lambda row: row["state"] == name)


def expiring(days: int) -> Callable[[Rows], int]:
    return count(
        lambda row: (
            row["state"] == "APPROVED"
            and row["expiryDate"] is not None
            and NOW <= row["expiryDate"] < NOW + timedelta(days=days)
        )
    )


def is_mandatory(row: FlatRow) -> bool:
    return bool(row["enrollmentType"] == "MANDATORY")


EXPECTED: dict[str, Callable[[Rows], object]] = {
    "Result count": len,
    "Learners": lambda rows: len({row["userId"] for row in rows}),
    "Active learners": lambda rows: len(
        {row["userId"] for row in rows if row["updatedAt"] >= NOW - timedelta(days=30)}
    ),
    "Contents in use": lambda rows: len({row["contentId"] for row in rows}),
    "Approved": state("APPROVED"),
    "In progress": state("IN_PROGRESS"),
    "Not started": state("NOT_STARTED"),
    "Failed": state("FAILED"),
    "Expired": state("EXPIRED"),
    "Average progress": lambda rows: fmean(
        row["progress"] for row in rows if row["progress"] is not None
    ),
    "Completions": count(lambda row: row["completedAt"] is not None),
    "Mandatory": count(is_mandatory),
    "Mandatory approved": count(lambda row: is_mandatory(row) and row["state"] == "APPROVED"),
    "Overdue": count(
        lambda row: (
            is_mandatory(row)
            and row["state"] != "APPROVED"
            and row["expiryDate"] is not None
            and row["expiryDate"] < NOW
        )
    ),
    "Certificates issued": count(lambda row: row["certificateIssuedAt"] is not None),
    "Expiring in 30 days": expiring(30),
    "Expiring in 60 days": expiring(60),
    "Expiring in 90 days": expiring(90),
    "Latest change": lambda rows: max(row["updatedAt"] for row in rows),
}
_ANALYSIS = load_analysis()


@pytest.fixture(scope="module")
def nested() -> list[dict[str, Any]]:
    """Made-up results, of which some changed lately and some expire soon."""
    rows = [dict(row) for row in generate(600, seed=11).to_rows()]
    for number, row in enumerate(rows[:90]):
        row["updatedAt"] = _ago(days=number)
        row["expiryDate"] = _ago(days=20 - number * 2)
    return rows


def _ago(days: int) -> str:
    moment = NOW - timedelta(days=days, hours=1)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture(scope="module")
def counted(nested: list[dict[str, Any]]) -> Iterator[House]:
    with sandbox(Dataset.from_rows(nested)) as upstream, house(upstream) as found:
        yield found


@pytest.mark.parametrize(
    "measure", [m for m in _ANALYSIS.measures if m.apply], ids=lambda measure: measure.name
)
def test_the_twin_of_a_measure_is_what_the_rows_say(
    counted: House, nested: list[dict[str, Any]], measure: MeasureEntry
) -> None:
    answer = counted.odata("Results", params={"$apply": measure.apply})
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["value"]
    expected = EXPECTED[measure.name]([flat_row(row) for row in nested])
    assert expected
    if isinstance(expected, datetime):
        assert datetime.fromisoformat(row["value"]) == expected
    else:
        assert row["value"] == pytest.approx(expected)


def test_a_measure_without_a_twin_is_a_quotient_of_others() -> None:
    for measure in _ANALYSIS.measures:
        assert bool(measure.apply) != measure.dax.startswith("DIVIDE ( [")


def test_measures_that_the_gateway_counts_too_agree(counted: House) -> None:
    """`Statistics` is as of the moment of its extract, a few seconds ago."""
    (statistics,) = counted.odata("Statistics").json()["value"]
    for name, column in (("Overdue", "overdue"), ("Expiring in 30 days", "expiringSoon")):
        (measure,) = [m for m in _ANALYSIS.measures if m.name == name]
        answer = counted.odata("Results", params={"$apply": measure.apply}).json()
        assert answer["value"][0]["value"] == statistics[column]
