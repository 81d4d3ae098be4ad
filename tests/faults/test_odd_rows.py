"""Rows as real workspaces hold them: kept, counted, and the tables made of them consistent."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from random import Random
from typing import Any

import httpx
import pytest

from gateway.contract.texts import text_of
from tests.support.live import FIELDS, served
from tests.support.odd_upstream import OddUpstream, Row, odd_upstream

NAMES = {field_id: name for name, field_id in FIELDS}
Spoil = Callable[[Row], object]


def sound(number: int) -> Row:
    """A row without anything strange."""
    user, content = number % 3, number % 2
    return {
        "id": f"r{number}",
        "user": {
            "id": f"u{user}", "name": f"User {user}", "email": f"u{user}@example.com",
            "groups": [{"id": f"g{user}", "name": f"Group {user}"}, {"id": "g9", "name": "All"}],
            "customFields": [
                {"customFieldId": "cf_department", "name": "Department", "value": f"D{user}"},
                {"customFieldId": "cf_other", "name": "Other", "value": "x"},
            ],
        },
        "content": {"id": f"c{content}", "name": f"Content {content}", "type": "course"},
        "progress": 50,
        "state": ["APPROVED", "FAILED", "IN_PROGRESS"][user],
        "enrollmentType": "MANDATORY",
        "updatedAt": f"2024-05-{number % 28 + 1:02}T10:00:{number % 60:02}Z",
    }  # fmt: skip


def put(*path: str | int, to: Any) -> Spoil:
    def spoil(row: Row) -> None:
        node: Any = row
        for step in path[:-1]:
            node = node[step]
        if isinstance(path[-1], int) and not isinstance(node, list):
            raise TypeError
        node[path[-1]] = to

    spoil.__name__ = f"{'.'.join(map(str, path))} = {json.dumps(to)[:60]}"
    return spoil


def drop(*path: str) -> Spoil:
    def spoil(row: Row) -> None:
        node: Any = row
        for step in path[:-1]:
            node = node[step]
        del node[path[-1]]

    spoil.__name__ = f"without {'.'.join(path)}"
    return spoil


def field(value: Any) -> Spoil:
    return put("user", "customFields", 0, "value", to=value)


FIELD = {"customFieldId": "cf_department", "value": "second"}
KEPT: list[Spoil] = [
    put("user", to=None), put("content", to=None), drop("user"), drop("content"),
    put("user", to=[]), put("content", to={}), put("user", to={}),
    *(drop("user", name) for name in ("id", "name", "email", "groups", "customFields")),
    *(drop("content", name) for name in ("id", "name", "type")),
    *(put("user", name, to=None) for name in ("id", "name", "email", "groups", "customFields")),
    *(put("content", name, to=None) for name in ("id", "name", "type")),
    put("user", "name", to=7), put("content", "name", to=2024), put("content", "type", to=["a"]),
    put("user", "avatar", to={"url": "x"}), put("user", "email", to=False),
    *(put("state", to=value) for value in (None, "approved", "ARCHIVED", "")), drop("state"),
    *(put("enrollmentType", to=value) for value in (None, "mandatory")), drop("enrollmentType"),
    *(put("progress", to=value) for value in (None, 150, -1, 33.3, 1e300)), drop("progress"),
    put("user", "groups", to=[]), put("user", "groups", to=[None]), put("user", "groups", to=[{}]),
    put("user", "groups", to={}), put("user", "groups", to=[{"id": None, "name": "x"}]),
    put("user", "groups", to=[{"name": "x"}, {"id": "g9"}, {"id": "g9", "name": None}]),
    put("user", "groups", 0, to={"id": "g0", "name": 5}), put("user", "customFields", to=[]),
    put("user", "customFields", to=[None, {}, {"customFieldId": None}, {"customFieldId": 5}, 3]),
    put("user", "customFields", to={}), put("user", "customFields", to={"cf_department": "x"}),
    *(field(v) for v in (None, 5, 5.5, True, ["a", 1], {"b": [1], "a": "ü"}, "", [], "5")),
    put("user", "customFields", 1, "value", to=5), put("user", "customFields", 1, to=FIELD),
    *(drop(name) for name in ("enrollmentType",)), put("startedAt", to=None),
]  # fmt: skip
REFUSED: list[tuple[Spoil, str]] = [
    (put("progress", to="50"), r"results\[\d\]\.progress"),
    (put("progress", to=True), r"results\[\d\]\.progress"),
    (put("progress", to=[50]), r"results\[\d\]\.progress"),
    (put("user", "id", to=5), r"results\[\d\]\.user\.id"),
    (put("content", "id", to=5), r"results\[\d\]\.content\.id"),
    (put("state", to=5), r"results\[\d\]\.state"),
    (put("user", to="u1"), r"results\[\d\]\.user"),
    (put("user", "groups", to="g1"), r"results\[\d\]\.user\.groups"),
    (put("user", "groups", to=[{"id": 5}]), r"results\[\d\]\.user\.groups"),
    (put("startedAt", to=1714557600), r"results\[\d\]\.startedAt"),
    (put("id", to=None), r"id of row \d of a page"),
    (drop("id"), r"id of row \d of a page"),
    (put("updatedAt", to=None), r"updatedAt of row \d of a page"),
    (drop("updatedAt"), r"updatedAt of row \d of a page"),
]


@contextmanager
def gateway(upstream: OddUpstream, **settings: object) -> Iterator[Callable[[str], Any]]:
    """Asks a gateway in front of it that keeps nothing of what was asked before."""
    with (
        served(upstream.url, {"fresh_for": 0, "retry_budget": 0, **settings}) as root,
        httpx.Client(timeout=30) as client,
    ):
        yield lambda path: client.get(root + path)


# --- the same in plain Python ---------------------------------------------------------------------


def at(row: Any, *path: str) -> Any:
    for step in path:
        row = row.get(step) if isinstance(row, dict) else None
    return row


def flat(row: Row) -> dict[str, Any]:
    def text(*path: str) -> Any:
        found = at(row, *path)
        return None if found is None else text_of(found)

    groups = at(row, "user", "groups")
    named = [g for g in groups if at(g, "id") is not None] if isinstance(groups, list) else []
    fields = at(row, "user", "customFields")
    found: dict[str, Any] = {}
    for each in fields if isinstance(fields, list) else ():
        if isinstance(at(each, "customFieldId"), str):
            found.setdefault(each["customFieldId"], each.get("value"))
    progress = at(row, "progress")
    return {
        "id": row["id"], "userId": at(row, "user", "id"), "userName": text("user", "name"),
        "userEmail": text("user", "email"), "userAvatar": text("user", "avatar"),
        "contentId": at(row, "content", "id"), "contentName": text("content", "name"),
        "contentType": text("content", "type"), "progress": progress,
        "state": at(row, "state"), "enrollmentType": at(row, "enrollmentType"),
        "groupIds": [g["id"] for g in named],
        "names": {g["id"]: None if g.get("name") is None else text_of(g["name"]) for g in named},
        **{
            name: None if found.get(field_id) is None else text_of(found[field_id])
            for field_id, name in NAMES.items()
        },
    }  # fmt: skip


def check_tables(rows: list[Row], ask: Callable[[str], Any]) -> None:
    """Compare every table with what plain Python makes of the rows."""
    flattened = sorted((flat(row) for row in rows), key=lambda row: row["id"])

    def table(path: str) -> list[dict[str, Any]]:
        answer = ask(path)
        assert answer.status_code == 200, (path, answer.text)
        value: list[dict[str, Any]] = answer.json()["value"]
        return value

    got = table("Results?$orderby=id")
    shown = [{k: v for k, v in row.items() if k != "names"} for row in flattened]
    assert [{name: row[name] for name in shown[0]} for row in got] == shown
    copies = table("ResultRows?$orderby=id")
    assert [row["id"] for row in copies] == [row["id"] for row in flattened]
    assert all(row["partitionDay"] and row["partitionDigest"] and row["rowId"] for row in copies)
    users = {row["userId"] for row in flattened} - {None}
    contents = {row["contentId"] for row in flattened} - {None}
    groups = {group for row in flattened for group in row["groupIds"]}
    assert {row["id"] for row in table("Users")} == users
    assert {row["id"] for row in table("Contents")} == contents
    assert {row["id"] for row in table("Groups")} == groups
    members = {(row["userId"], row["groupId"]) for row in table("GroupMembers")}
    assert members == {
        (row["userId"], group)
        for user in users
        for row in [max((r for r in rows_of(flattened, rows) if r["userId"] == user), key=newest)]
        for group in row["groupIds"]
    }
    for name, column, keys in (
        ("UserStatistics", "userId", users), ("ContentStatistics", "contentId", contents),
    ):  # fmt: skip
        found = {row[column]: row for row in table(name)}
        assert found.keys() == keys
        for key, row in found.items():
            own = [each for each in flattened if each[column] == key]
            assert row["results"] == len(own)
            assert row["approved"] == sum(each["state"] == "APPROVED" for each in own)
    by_group = {row["groupId"]: row["results"] for row in table("GroupStatistics")}
    assert by_group == Counter(g for row in flattened for g in set(row["groupIds"]))
    (whole,) = table("Statistics")
    assert (whole["results"], whole["users"]) == (len(flattened), len(users))
    by_state = table("Results?$apply=groupby((state),aggregate($count as n))")
    assert {row["state"]: row["n"] for row in by_state} == Counter(r["state"] for r in flattened)
    way = table("Results?$expand=user($select=id),content($select=id)&$orderby=id")
    assert [(at(r, "user", "id"), at(r, "content", "id")) for r in way] == [
        (r["userId"], r["contentId"]) for r in flattened
    ]
    lacking = [row["id"] for row in flattened if row["userId"] is None]
    for condition in ("user eq null", "userId eq null", "not (user ne null)"):
        found_ids = [row["id"] for row in table(f"Results?$filter={condition}&$orderby=id")]
        assert found_ids == lacking


def rows_of(flattened: list[dict[str, Any]], rows: list[Row]) -> Iterator[dict[str, Any]]:
    instants = {row["id"]: row["updatedAt"] for row in rows}
    for row in flattened:
        yield {**row, "at": instants[row["id"]]}


def newest(row: dict[str, Any]) -> tuple[str, list[int]]:
    return row["at"], [-ord(letter) for letter in row["id"]]


# --- each alone, and many together ----------------------------------------------------------------


@pytest.mark.parametrize("first", range(0, len(KEPT), 8))
def test_a_strange_row_is_kept_and_all_tables_are_of_it(first: int) -> None:
    rows = [sound(number) for number in range(12)]
    for row, spoil in zip(rows[1:], KEPT[first : first + 8], strict=False):
        spoil(row)
    with odd_upstream(rows) as upstream, gateway(upstream) as ask:
        check_tables(rows, ask)


@pytest.mark.parametrize(("spoil", "words"), REFUSED, ids=lambda v: getattr(v, "__name__", ""))
def test_what_would_make_a_number_wrong_is_refused_by_its_row(spoil: Spoil, words: str) -> None:
    rows = [sound(number) for number in range(4)]
    spoil(rows[1])
    with odd_upstream(rows) as upstream, gateway(upstream) as ask:
        answer = ask("Results")
        assert answer.status_code == 502, answer.text
        assert re.search(words, answer.json()["error"]["message"]), answer.text


def test_many_strange_rows_together() -> None:
    random = Random(13)
    for count in (1, 12, 60, 130):
        rows = [sound(number) for number in range(count)]
        for row in rows:
            for spoil in random.sample(KEPT, random.choice([0, 0, 1, 2])):
                mended = deepcopy(row)
                try:
                    spoil(mended)
                except (KeyError, TypeError, IndexError):
                    continue  # what it would spoil is gone already
                row.clear()
                row.update(mended)
        with odd_upstream(rows) as upstream, gateway(upstream) as ask:
            check_tables(rows, ask)


# --- what is told of them -------------------------------------------------------------------------


def test_strange_rows_are_counted_in_log_status_and_metrics(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = [sound(number) for number in range(30)]
    put("user", to=None)(rows[1])
    put("user", to=None)(rows[2])
    put("state", to="ARCHIVED")(rows[3])
    field(5)(rows[4])
    caplog.set_level(logging.WARNING, "gateway")
    with odd_upstream(rows) as upstream, gateway(upstream, fresh_for=600) as ask:
        assert ask("Results?$orderby=id").status_code == 200  # needs the whole extract
        status = ask("../../status").json()["snapshots"][0]["odd"]
        url = str(ask("../../status").request.url)
        html = httpx.get(url, headers={"Accept": "text/html"}).text
        metrics = ask("../../metrics").text
    told = {(each["column"], each["reason"]): each["rows"] for each in status}
    assert told["userId", "no value"] == 2
    assert told["state", "a value that is not among `values`"] == 1
    assert told["department", "a value that is not a text, made a text"] == 1
    assert told["region", "no row has a value; check its ID or path"] == 0
    assert told.keys() - {
        (name, "no row has a value; check its ID or path") for name in NAMES.values()
    } == {
        ("userId", "no value"),
        ("state", "a value that is not among `values`"),
        ("department", "a value that is not a text, made a text"),
    }
    assert "userId: 2 rows with no value" in caplog.text
    assert "userId: 2 rows with no value" in html
    assert 'odd_rows_total{column="userId",reason="no value"} 2.0' in metrics
    assert "u1@" not in caplog.text


def test_mapped_fields_that_no_row_has_are_told_and_the_feed_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = [sound(number) for number in range(30)]
    for row in rows:
        row["customFields"] = row["user"].pop("customFields")
    caplog.set_level(logging.WARNING, "gateway")
    with odd_upstream(rows) as upstream, gateway(upstream) as ask:
        found = ask("Results").json()["value"]
    assert {row["department"] for row in found} == {None}
    for name in NAMES.values():
        assert f"{name}: no row has a value" in caplog.text


def test_a_member_that_no_row_has_is_refused_as_a_wrong_contract() -> None:
    rows = [sound(number) for number in range(30)]
    for row in rows:
        row["content"]["title"] = row["content"].pop("name")
    with odd_upstream(rows) as upstream, gateway(upstream) as ask:
        answer = ask("Results")
    assert answer.status_code == 502
    assert "content.name" in answer.json()["error"]["message"]
    assert "contentName" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "condition",
    [
        "department eq '5'", "department eq 'D1'", "department ne 'D1'", "department in ('D1','5')",
        "department eq null", "state eq 'ARCHIVED'", "state eq 'approved'", "state ne 'APPROVED'",
        "state in ('APPROVED','ARCHIVED')", "state eq null", "userId eq 'u1'", "userId ne 'u1'",
        "groupIds/any(g:g eq 'g9')", "groupIds/any()", "enrollmentType ne 'OPTIONAL'",
        "not (state eq 'FAILED')", "state ne null", "updatedAt ge 2024-05-03T00:00:00Z",
    ],
)  # fmt: skip
def test_one_url_has_one_answer_cold_and_from_a_snapshot(
    cold: Callable[[str], Any], warm: Callable[[str], Any], condition: str
) -> None:
    for path in (f"Results?$filter={condition}&$orderby=id", f"Results/$count?$filter={condition}"):
        one, other = cold(path), warm(path)
        assert (one.status_code, other.status_code) == (200, 200), one.text
        assert _answer(one) == _answer(other)


def _answer(response: httpx.Response) -> object:
    if "json" not in response.headers["content-type"]:
        return response.text
    return response.json()["value"]


@pytest.fixture(scope="module")
def odd() -> Iterator[OddUpstream]:
    rows = [sound(number) for number in range(20)]
    spoilt = [field(5), field(["D1", "x"]), put("user", to=None), put("state", to="ARCHIVED"),
              put("state", to=None), put("state", to="approved"), drop("user", "groups"),
              field("5"), put("enrollmentType", to=None), put("user", "groups", to=[{}])
    ]  # fmt: skip
    for row, spoil in zip(rows[3:], spoilt, strict=False):
        spoil(row)
    with odd_upstream(rows) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def warm(odd: OddUpstream) -> Iterator[Callable[[str], Any]]:
    with gateway(odd, fresh_for=3600) as ask:
        assert ask("Results").status_code == 200
        yield ask


@pytest.fixture(scope="module")
def cold(odd: OddUpstream) -> Iterator[Callable[[str], Any]]:
    with gateway(odd) as ask:
        yield ask
