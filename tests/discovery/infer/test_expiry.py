"""The meaning of expiry dates, and states that move by time."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.discovery.infer.expiry import expiry_meaning, states_move_by_time
from tests.support.inferred import USUAL, infer

LATER, EARLIER = "2025-01-01T00:00:00Z", "2023-01-01T00:00:00Z"


def rows(state: str, count: int, date: str | None, **others: Any) -> list[dict[str, Any]]:
    made = {"state": state, "expiryDate": date, "updatedAt": "2024-01-01T00:00:00Z", **others}
    return [{"id": f"{state}-{n}", **made} for n in range(count)]


def approved(date: str | None, count: int = 20) -> list[dict[str, Any]]:
    return rows("APPROVED", count, date, completedAt=EARLIER)


@pytest.mark.parametrize(
    ("sample", "meaning"),
    [
        ([*rows("NOT_STARTED", 20, LATER), *approved(None)], "due"),
        ([*rows("IN_PROGRESS", 20, None), *approved(LATER)], "validity"),
        ([*rows("NOT_STARTED", 20, LATER), *approved(LATER)], "by_state"),
        ([*rows("NOT_STARTED", 20, None), *approved(None)], "unknown"),
        ([*rows("NOT_STARTED", 19, LATER), *approved(LATER)], "unknown"),
        ([*rows("NOT_STARTED", 40, LATER, completedAt=EARLIER), *approved(LATER)], "unknown"),
    ],
)
def test_the_meaning_is_read_from_open_and_approved_results(
    sample: list[dict[str, Any]], meaning: str
) -> None:
    assert expiry_meaning(sample, USUAL.columns).meaning == meaning


@pytest.mark.parametrize(
    ("sample", "expired"),
    [
        (rows("EXPIRED", 20, EARLIER, completedAt=EARLIER), "validity_ended"),
        (rows("EXPIRED", 20, EARLIER), "deadline_missed"),
        (rows("EXPIRED", 19, EARLIER), "unknown"),
        ([*rows("EXPIRED", 9, LATER), *rows("EXPIRED", 11, LATER, completedAt=LATER)], "unknown"),
    ],
)
def test_expired_has_a_meaning_of_its_own(sample: list[dict[str, Any]], expired: str) -> None:
    assert expiry_meaning(sample, USUAL.columns).expired == expired


@pytest.mark.parametrize(
    ("sample", "moves", "is_assumed"),
    [
        (rows("EXPIRED", 20, EARLIER), False, False),
        (rows("EXPIRED", 19, EARLIER), True, True),
        ([*rows("EXPIRED", 20, EARLIER), *rows("EXPIRED", 1, LATER)], True, False),
        ([], True, True),
    ],
)
def test_rows_that_expired_after_their_last_change_show_it(
    sample: list[dict[str, Any]], moves: bool, is_assumed: bool
) -> None:
    found = states_move_by_time(sample, USUAL.columns)
    assert (found.moves, found.is_assumed) == (moves, is_assumed)


def test_rows_are_read_by_the_columns_that_were_found() -> None:
    sample = [
        {"id": n, "status": "approved", "validUntil": 1735689600, "updatedAt": 1704067200}
        for n in range(30)
    ] + [
        {"id": n, "status": "not_started", "validUntil": None, "updatedAt": 1704067200}
        for n in range(30, 60)
    ]
    assert expiry_meaning(sample, infer(sample).columns).meaning == "validity"
