"""One URL has one answer: instants that are finer upstream than here, and those of no year here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import eq, ge, gt, le, lt, ne
from random import Random
from typing import Any
from urllib.parse import quote

import pytest

from gateway.sandbox.instants import to_nanoseconds
from tests.support.examples import sparse
from tests.support.live import Bridge, bridge

_BORDER = datetime(2025, 1, 1, tzinfo=UTC)
_OUTSIDE = ("0000-06-01T00:00:00Z", "10000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00")
_AT_THE_ENDS = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z")
_OPERATORS = {"eq": eq, "ne": ne, "lt": lt, "le": le, "gt": gt, "ge": ge}
_YEARS = (to_nanoseconds("0001-01-01T00:00:00Z"), to_nanoseconds("10000-01-01T00:00:00Z"))


def drawn(random: Random) -> str:
    """An instant at or near the border of two years, with 0 to 9 digits."""
    whole = _BORDER + timedelta(milliseconds=random.choice((-1000, -1, 0, 0, 0, 1, 2, 90_000)))
    digits = random.randrange(10)
    tail = random.choice(("9" * 9, "0" * 9, "000000001", "000000999", "000500000", "999999499"))
    milli = f"{whole.microsecond // 1000:03}"
    fraction = random.choice((tail, milli + tail[3:]))[:digits]
    offset = random.choice(("Z", "+00:00", "+05:30", "-11:00"))
    hours = (
        timedelta()
        if offset == "Z"
        else timedelta(hours=int(offset[:3]), minutes=int(offset[0] + offset[4:]))
    )
    text = (whole + hours).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}{'.' * bool(fraction)}{fraction}{offset}"


def row(number: int, updated: str, expires: str | None) -> dict[str, Any]:
    return {
        "id": f"r{number:03}",
        "state": "APPROVED",
        "enrollmentType": "OPTIONAL",
        "progress": 1.0,
        "updatedAt": updated,
        "expiryDate": expires,
        "user": {"id": "u", "name": "U", "groups": []},
        "content": {"id": "c", "name": "C", "type": "COURSE"},
    }


def rows() -> list[dict[str, Any]]:
    random = Random(13)
    expiries = [*(drawn(random) for _ in range(60)), None, None, *_OUTSIDE, *_AT_THE_ENDS]
    return [row(number, drawn(random), expiry) for number, expiry in enumerate(expiries)]


ROWS = rows()


def kept(text: str | None) -> int | None:
    """Whole microseconds, cut; null outside of our years."""
    nanoseconds = None if text is None else to_nanoseconds(text)
    if nanoseconds is None or not _YEARS[0] <= nanoseconds < _YEARS[1]:
        return None
    return nanoseconds // 1000


@dataclass(frozen=True)
class Question:
    filter: str
    ids: list[str]


def compared(random: Random) -> Question:
    """A comparison of a column with an instant, and the rows that pass it."""
    column, operator = random.choice(("updatedAt", "expiryDate")), random.choice([*_OPERATORS])
    literal = random.choice((drawn(random), *_AT_THE_ENDS))
    wanted = to_nanoseconds(literal)

    def passes(row: dict[str, Any]) -> bool:
        value = kept(row[column])
        if value is None:
            return operator == "ne"
        return bool(_OPERATORS[operator](value * 1000, wanted))

    text = f"{column} {operator} {literal}"
    return Question(text, [row["id"] for row in ROWS if passes(row)])


def combined(random: Random) -> Question:
    """One or two comparisons, negated now and then; a null makes `not` null, too."""
    one = compared(random)
    if random.random() < 0.5:
        return one
    other = compared(random)
    operator, combine = random.choice((("and", set.intersection), ("or", set.union)))
    ids = combine(set(one.ids), set(other.ids))
    return Question(f"({one.filter}) {operator} ({other.filter})", sorted(ids))


QUESTIONS = [combined(Random(seed)) for seed in range(120)]
BORDERS = [
    "date(expiryDate) eq 2024-12-31",
    "date(expiryDate) le 2024-12-31",
    "date(expiryDate) gt 2024-12-31",
    "year(expiryDate) eq 2024",
    "year(expiryDate) ge 2025",
    "year(updatedAt) lt 2025",
    "updatedAt in (2025-01-01T00:00:00Z,2024-12-31T23:59:59.999999Z)",
    "not (updatedAt le 2025-01-01T00:00:00Z)",
    "expiryDate ge 2025-01-01T00:00:00Z",
    "expiryDate lt 2025-01-01T00:00:00Z",
    "expiryDate ne null",
]


@pytest.fixture(scope="module")
def cold() -> Iterator[Bridge]:
    """Nothing that was read answers a second question."""
    with bridge(ROWS, settings={"fresh_for": 0}) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def warm() -> Iterator[Bridge]:
    with bridge(ROWS, settings={"fresh_for": 3600}) as gateway:
        gateway.get("Results?$orderby=progress")
        yield gateway


def answers(gateway: Bridge, filter_: str) -> tuple[list[str], list[str], int, int]:
    """Ids of the feed, of a window, its count, and `$count`."""
    text = quote(filter_)
    ids = [found["id"] for found in gateway.feed(f"Results?$filter={text}&$select=id")]
    page = gateway.get(f"Results?$filter={text}&$top=3&$count=true&$select=id").json()
    number = gateway.get(f"Results/$count?$filter={text}").text
    return ids, [found["id"] for found in page["value"]], page["@odata.count"], int(number)


@pytest.mark.parametrize("question", sparse(QUESTIONS), ids=[q.filter for q in QUESTIONS])
def test_a_comparison_has_one_answer_cold_and_from_a_snapshot(
    cold: Bridge, warm: Bridge, question: Question
) -> None:
    found = answers(warm, question.filter)
    assert sorted(found[0]) == question.ids
    assert (found[1], found[2], found[3]) == (found[0][:3], len(found[0]), len(found[0]))
    assert answers(cold, question.filter) == found


@pytest.mark.parametrize("filter_", BORDERS)
def test_other_ways_to_ask_for_a_range_have_one_answer(
    cold: Bridge, warm: Bridge, filter_: str
) -> None:
    assert answers(cold, filter_) == answers(warm, filter_)


@pytest.mark.parametrize(
    "path",
    [
        "Results/$count?$filter=expiryDate ge 2025-01-01T00:00:00Z",
        "Results?$filter=expiryDate ge 2025-01-01T00:00:00Z&$top=80&$count=true&$select=id",
        "Results?$apply=filter(expiryDate ge 2025-01-01T00:00:00Z)/aggregate($count as n)",
    ],
)
def test_the_first_question_of_all_does_not_count_what_is_outside(path: str, warm: Bridge) -> None:
    url = quote(path, safe="/?$=&(),")
    with bridge(ROWS) as fresh:
        first = fresh.get(url)
    assert first.status_code == 200
    for key in ("value", "@odata.count"):
        if path.startswith("Results?"):
            assert first.json().get(key) == warm.get(url).json().get(key)
    assert first.text == warm.get(url).text or path.startswith("Results?")


def test_a_row_before_the_border_stays_before_it() -> None:
    fine = [row(1, "2024-12-31T23:59:59.9999999Z", "2024-12-31T23:59:59.9999999Z")]
    with bridge(fine) as gateway:
        [shown] = gateway.feed("Results")
        for name in ("expiryDate", "updatedAt"):
            assert shown[name] == "2024-12-31T23:59:59.999999Z"
            for operator, number in (("ge", 0), ("lt", 1)):
                text = quote(f"{name} {operator} 2025-01-01T00:00:00Z")
                assert len(gateway.feed(f"Results?$filter={text}")) == number


def test_what_is_outside_is_null_and_the_feed_goes_on(warm: Bridge) -> None:
    shown = {found["id"]: found["expiryDate"] for found in warm.feed("Results")}
    for found in ROWS:
        assert (shown[found["id"]] is None) == (kept(found["expiryDate"]) is None)
