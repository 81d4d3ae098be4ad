"""Single peculiarities of rows: what is read, what is asked, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from gateway.contract import file
from gateway.discovery.infer.found import Inferred
from tests.support.inferred import infer, read

Row = dict[str, Any]
STATES = ("NOT_STARTED", "IN_PROGRESS", "APPROVED", "FAILED")


def row(number: int, **changes: Any) -> Row:
    made: Row = {
        "id": f"r-{number}",
        "user": {"id": f"u-{number % 10}", "name": f"Ada {number % 10}", "email": "a@example.org"},
        "content": {"id": f"c-{number // 10}", "name": "Safety", "type": "COURSE"},
        "progress": number % 101,
        "state": STATES[number % 4],
        "enrollmentType": "MANDATORY",
        "updatedAt": f"2024-05-{number % 28 + 1:02}T07:08:09.123Z",
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not ...}


def rows(change: Callable[[int], Row], count: int = 120) -> list[Row]:
    return [row(number, **change(number)) for number in range(count)]


def entry(found: Inferred, name: str) -> file.ColumnEntry:
    made = found.column(name)
    assert made is not None
    return made


def test_plain_rows_need_no_steps_and_no_questions() -> None:
    found = infer(rows(lambda _: {}))
    assert not found.questions
    assert all(not column.decode for column in found.columns)
    assert [o.is_usable for o in found.order] == [True]
    assert found.repeated == ("user", "content")


@pytest.mark.parametrize(
    ("column", "change", "expected"),
    [
        ("id", lambda n: {"id": ..., "resultId": n}, "0"),
        ("id", lambda n: {"id": {"$oid": f"{n:024x}"}}, "0" * 24),
        ("id", lambda n: {"id": None if n % 3 else f"r{n}"}, "u-0|c-0"),
        ("id", lambda _: {"id": ...}, "u-0|c-0"),
        ("id", lambda n: {"id": ..., "user": {"email": f"u{n}@example.org"}}, "u0@example.org|c-0"),
        ("userId", lambda n: {"user": ..., "learner": {"ID": n}}, "0"),
        ("userId", lambda n: {"user": n}, "0"),
        ("userName", lambda _: {"user": {"id": 1, "first_name": "Ada", "last_name": "Lovelace"}},
         "Ada Lovelace"),
        ("userName", lambda _: {"user": {"id": 1, "username": "ada", "firstName": "Ada",
         "lastName": None}}, "Ada"),
        ("userName", lambda _: {"user": {"id": 1, "name": {"de": "Adele", "en-GB": "Ada"}}}, "Ada"),
        ("userEmail", lambda _: {"user": ..., "mitarbeiter": {"id": 1, "kontakt": "a@b.example"}},
         "a@b.example"),
        ("contentName", lambda n: {"content": ..., "course_id": n, "course_title": "First aid"},
         "First aid"),
        ("contentId", lambda n: {"content": ..., "course": None if n % 2 else {"id": n},
         "program": {"id": n} if n % 2 else None}, "0"),
        ("state", lambda n: {"state": ["in progress", "approved"][n % 2]}, "IN_PROGRESS"),
        ("state", lambda n: {"state": ..., "x": ["InProgress", "Approved"][n % 2]}, "IN_PROGRESS"),
        ("enrollmentType", lambda _: {"enrollmentType": "not-enrolled"}, "NOT_ENROLLED"),
        ("progress", lambda _: {"progress": "33.33 %"}, 33.33),
        ("progress", lambda _: {"progress": "33,5"}, 33.5),
        ("progress", lambda n: {"progress": "" if n else "7"}, 7.0),
        ("progress", lambda _: {"progress": {"percentage": 12.5, "completed": 1}}, 12.5),
        ("progress", lambda n: {"progress": 0.5, "state": "FAILED"}, 50.0),
        ("updatedAt", lambda _: {"updatedAt": "2024-05-06T09:08:09+02:00"}, 9),
        ("updatedAt", lambda _: {"updatedAt": 1714979289}, 9),
        ("updatedAt", lambda _: {"updatedAt": "1714979289000"}, 9),
        ("updatedAt", lambda _: {"updatedAt": {"$date": "2024-05-06T07:08:09.1234567Z"}}, 9),
        ("updatedAt", lambda _: {"updatedAt": "Mon, 06 May 2024 07:08:09 GMT"}, 9),
        ("updatedAt", lambda _: {"updatedAt": "2024-05-06"}, 0),
        ("groupIds", lambda _: {"groups": [{"id": 7, "title": "A"}, {"id": 8, "title": None}]},
         ["7", "8"]),
        ("groupIds", lambda _: {"group_ids": ["g", "h"]}, ["g", "h"]),
        ("groupIds", lambda _: {"groups": "g-1; g-2"}, ["g-1", "g-2"]),
        ("region", lambda _: {"customFields": [{"field": {"id": 5, "name": "Region"},
         "value": "EMEA"}]}, "EMEA"),
        ("region", lambda _: {"customFields": {"region": "EMEA"}}, "EMEA"),
        ("score", lambda n: {"customFields": {"score": n + 0.5}}, 0.5),
        ("isRemote", lambda n: {"customFields": [{"id": "is_remote", "value": True}]}, True),
        ("skills", lambda _: {"customFields": {"skills": ["a", "b"]}}, ["a", "b"]),
    ],
)  # fmt: skip
def test_values_are_read(column: str, change: Callable[[int], Row], expected: object) -> None:
    made = rows(change)
    found = infer(made)
    got = read(found, made)[0][column]
    if isinstance(got, datetime):
        got = got.second
    assert got == expected


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda n: {"id": ..., "user": None if n == 5 else {"id": n}}, "a person is not"),
        (lambda _: {"id": ..., "user": {"id": 1}, "content": {"id": 1}}, "occur twice"),
        (lambda n: {"id": None if n else "r", "user": {"id": 1}, "content": {"id": 1},
         "startedAt": f"2024-05-06T07:08:{n % 60:02}Z"}, "all but"),
    ],
)  # fmt: skip
def test_rows_without_a_key_are_refused(change: Callable[[int], Row], part: str) -> None:
    found = infer(rows(change))
    assert found.key.kind == "none"
    assert part in found.key.evidence
    assert "key_of" in found.key.advice


def test_attempts_are_told_apart_by_their_numbers() -> None:
    made = rows(lambda n: {"id": ..., "attemptNumber": n, "user": {"id": 1}, "content": {"id": 1}})
    found = infer(made)
    assert found.key.parts == ("userId", "contentId", "attempt")
    assert len({each["id"] for each in read(found, made)}) == len(made)


def test_a_row_that_changed_between_two_pages_repeats_no_key() -> None:
    before = rows(lambda _: {})
    after = row(1, state="FAILED", updatedAt="2024-05-28T07:08:10Z")
    assert infer(before, [after, *before[2:5]]).key.kind == "column"
    assert infer([*before, after]).key.kind != "column"


def test_an_id_of_two_people_is_no_key() -> None:
    first, second = rows(lambda _: {}), rows(lambda _: {"user": {"id": "other"}})
    assert infer(first, second).key.kind != "column"


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        (lambda n: {"state": ["completed", "IN_PROGRESS"][n % 2]}, "state"),
        (lambda n: {"progress": n % 2, "state": "FAILED"}, "progress"),
        (lambda _: {"expiryDate": "03/04/2024"}, "expiryDate"),
        (lambda _: {"groups": "Sales, EMEA"}, "groupIds"),
        (lambda n: {"content": ..., "training": {"id": 1}, "course": {"id": n}}, "contentId"),
    ],
)
def test_what_rows_leave_open_is_asked(change: Callable[[int], Row], subject: str) -> None:
    found = infer(rows(change))
    question = next(each for each in found.questions if each.subject == subject)
    safe = question.options[question.safe]
    assert safe.entry == found.column(subject)
    assert len(question.options) > 1
    for number, option in enumerate(question.options):
        answered = found.answered(subject, number)
        assert answered.column(subject) == option.entry
        assert subject not in [each.subject for each in answered.questions]


def test_words_that_may_mean_approved_stay_as_they_are() -> None:
    made = rows(lambda n: {"state": ["completed", "in_progress"][n % 2]})
    found = infer(made)
    assert "completed" in entry(found, "state").values
    assert read(found, made)[0]["state"] == "completed"
    assert read(found.answered("state", 1), made)[0]["state"] == "APPROVED"


def test_instants_without_an_offset_wait_for_a_zone() -> None:
    made = rows(lambda _: {"updatedAt": "2024-05-06 07:08:09", "startedAt": None})
    found = infer(made)
    assert found.zone_unknown == ("updatedAt", "startedAt")
    zoned = found.with_zone("Europe/Berlin")
    assert not zoned.zone_unknown
    assert read(zoned, made)[0]["updatedAt"] == datetime(2024, 5, 6, 5, 8, 9)  # noqa: DTZ001


def test_rows_without_the_instant_are_counted() -> None:
    found = infer(rows(lambda n: {"updatedAt": None if n < 7 else "2024-05-06T07:08:09Z"}))
    assert [(o.name, o.rows_without, o.is_usable) for o in found.order] == [("updatedAt", 7, False)]


def _same(members: dict[str, Any], _: int) -> dict[str, Any]:
    return members


def test_the_later_of_two_instants_is_the_last_change() -> None:
    seen, changed = "2024-05-06T07:08:09Z", "2024-05-07T07:08:09Z"
    for first in ("lastAccessedAt", "lastModifiedAt"):
        members = {"updatedAt": ..., first: seen, "editedOn": changed}
        found = infer(rows(partial(_same, members)))
        assert entry(found, "updatedAt").path == "editedOn"
        assert [question.subject for question in found.questions] == ["updatedAt"]


def test_claims_lead() -> None:
    made = rows(lambda n: {"changed": "2020-01-01T00:00:00Z", "touchedOn": "2021-01-01T00:00:00Z"})
    assert entry(infer(made, claims={"updatedAt": "changed"}), "updatedAt").path == "changed"


def test_missing_columns_are_named() -> None:
    found = infer(rows(lambda _: {"state": ..., "enrollmentType": ...}))
    assert {"state", "enrollmentType", "expiryDate"} <= set(found.missing)


def test_no_rows_are_refused() -> None:
    found = infer([])
    assert found.key.kind == "none"
    assert "sees no result" in found.key.advice
