"""The made-up company: dates that can be, and the stories that the pages should tell."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.sandbox import Dataset
from gateway.sandbox.company import generate_company

TODAY = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def company() -> Dataset:
    return generate_company(12_000, TODAY)


@pytest.fixture(scope="module")
def rows(company: Dataset) -> list[Row]:
    return company.to_rows()


def department(row: Row) -> str:
    return str(row["user"]["customFields"][0]["value"])


def at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def share(rows: list[Row], matches: Any) -> float:
    return float(sum(map(matches, rows)) / len(rows))


def test_it_is_the_same_each_time_and_of_any_size(company: Dataset) -> None:
    assert len(company) == 12_000
    assert generate_company(12_000, TODAY).to_json() == company.to_json()
    assert [len(generate_company(n, TODAY)) for n in (0, 1, 7, 500)] == [0, 1, 7, 500]


def test_every_history_can_be(rows: list[Row]) -> None:
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        started, completed, updated, certificate = (
            at(row[name])
            for name in ("startedAt", "completedAt", "updatedAt", "certificateIssuedAt")
        )
        known = [moment for moment in (started, completed, updated) if moment is not None]
        assert known == sorted(known)
        assert known[-1] <= TODAY
        assert certificate is None or certificate == completed
        assert (row["state"] == "NOT_STARTED") == (started is None)
        assert row["state"] != "EXPIRED" or (at(row["expiryDate"]) or TODAY) <= TODAY


def test_the_stories_are_there(rows: list[Row]) -> None:
    required = [row for row in rows if row["enrollmentType"] == "MANDATORY"]
    done = {
        name: share([r for r in required if department(r) == name], _is_approved)
        for name in ("Logistics", "Finance")
    }
    assert done["Logistics"] < 0.7 < 0.85 < done["Finance"]
    security = [r for r in required if r["content"]["name"] == "Information security"]
    soon = TODAY + timedelta(days=41)
    assert share(security, lambda r: TODAY < (at(r["expiryDate"]) or TODAY) < soon) > 0.7
    exam = [r for r in required if r["content"]["name"] == "Sales certification exam"]
    assert share(exam, lambda r: r["state"] == "FAILED") > 0.3
    new = [r for r in required if any(g["name"] == "New joiners" for g in r["user"]["groups"])]
    assert share(new, lambda r: r["state"] == "NOT_STARTED") == 1
    months = Counter(str(row["completedAt"])[:7] for row in rows if row["completedAt"])
    assert len(months) >= 12


def _is_approved(row: Row) -> bool:
    return bool(row["state"] == "APPROVED")
