"""Hidden columns are not there by any way; of masked ones a digest is all that can be had."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from gateway.sandbox import generate
from tests.support.flat import FlatRow, flat_rows
from tests.tenancy.support import House, house, sandbox

TOML = """
[roles.people-unknown]
hide = ["userEmail", "userName", "userAvatar", "department"]
[roles.masked]
mask = ["userEmail", "userName", "userId"]
[roles.no-state]
hide = ["state"]
[roles.no-people]
hide = ["userId"]
[roles.totals]
sets = ["Statistics", "ContentStatistics"]
"""
DATA = generate(300, seed=5)


@pytest.fixture(scope="module")
def gateway() -> Iterator[House]:
    with sandbox(DATA) as upstream, house(upstream, TOML) as found:
        yield found


@pytest.fixture(scope="module")
def rows() -> list[FlatRow]:
    return flat_rows(DATA)


@pytest.mark.parametrize(
    "question",
    [
        "Results?$filter=userEmail eq 'a'",
        "Results?$filter=contains(userName,'a')",
        "Results?$orderby=userEmail",
        "Results?$select=userEmail",
        "Results?$compute=tolower(userEmail) as x",
        "Results?$apply=groupby((userEmail))",
        "Results?$apply=aggregate(userEmail with countdistinct as n)",
        "Results?$apply=groupby((user/email))",
        "Results?$apply=aggregate(user/email with countdistinct as n)",
        "GroupMembers?$apply=aggregate(user/results/userEmail with max as m)",
        "Results?$apply=filter(userEmail ne null)/aggregate($count as n)",
        "Results?$expand=user($select=email)",
        "Results?$filter=user/email eq 'a'",
        "Results?$filter=user/results/any(r:r/userEmail eq 'a')",
        "Users?$filter=email ne null",
        "Users('usr-000000')/email",
        "Users('usr-000000')/name/$value",
        "UserStatistics?$select=userName",
        "ResultRows?$filter=userEmail gt 'a'",
        "Results?$filter=department eq 'x'",
        "Users?$select=department",
    ],
)
def test_a_hidden_column_has_no_name(gateway: House, question: str) -> None:
    refused = gateway.odata(question, "default/people-unknown")
    assert refused.status_code in (400, 404), refused.text
    assert refused.json()["error"]["code"] in ("UnknownName", "NotFound", "InvalidValue")
    assert gateway.odata(question).status_code == 200


def test_a_hidden_column_is_in_no_answer(gateway: House, rows: list[FlatRow]) -> None:
    secrets = {row[name] for row in rows for name in ("userEmail", "userAvatar")}
    told = ""
    for path in (
        *("Results", "Users?$expand=results", "UserStatistics", "ResultRows", "$metadata"),
        *("Results?$format=csv", "Results?$search=example", "Results?$expand=user"),
        "$metadata?$format=json",
    ):
        answer = gateway.odata(path, "default/people-unknown")
        assert answer.status_code == 200
        told += answer.text
    told += gateway.ask("/openapi.json", "default/people-unknown").text
    assert not [secret for secret in secrets if secret and f'"{secret}"' in told]
    assert not re.search(r"userEmail|userName|userAvatar|department", told)


def test_a_search_does_not_look_at_what_is_hidden(gateway: House) -> None:
    assert gateway.feed("Results?$search=example")
    assert gateway.feed("Results?$search=example", "default/people-unknown") == []


def test_a_masked_column_is_the_same_digest_wherever_it_is(gateway: House) -> None:
    true = {row["id"]: row for row in gateway.feed("Results")}
    masked = {row["id"]: row for row in gateway.feed("Results", "default/masked")}
    assert true.keys() == masked.keys()
    for name in ("userEmail", "userName", "userId"):
        pairs = {(true[key][name], masked[key][name]) for key in true}
        assert len(pairs) == len({p[0] for p in pairs}) == len({p[1] for p in pairs})
        digests = [digest for value, digest in pairs if value is not None]
        assert all(re.fullmatch("[0-9a-f]{16}", digest) for digest in digests)
    people = gateway.feed("Users?$expand=results($select=id)", "default/masked")
    assert {user["id"] for user in people} == {row["userId"] for row in masked.values()}
    for user in people:
        for result in user["results"]:
            assert masked[result["id"]]["userId"] == user["id"]
            assert masked[result["id"]]["userEmail"] == user["email"]


def test_a_masked_column_can_be_asked_by_its_digest_alone(gateway: House) -> None:
    row = gateway.feed("Results?$top=1", "default/masked")[0]
    true = gateway.odata(f"Results('{quote(row['id'])}')").json()
    for value, found in ((row["userEmail"], True), (true["userEmail"], False)):
        rows = gateway.feed(f"Results?$filter=userEmail eq '{quote(value)}'", "default/masked")
        assert bool(rows) is found
    assert gateway.odata(f"Users('{row['userId']}')", "default/masked").status_code == 200
    assert gateway.odata(f"Users('{quote(true['userId'])}')", "default/masked").status_code == 404


def test_what_is_counted_by_a_hidden_column_is_gone(gateway: House) -> None:
    row = gateway.odata("Statistics", "default/no-state").json()["value"][0]
    assert {"results", "users", "mandatory"} <= row.keys()
    assert not {"approved", "failed", "overdue", "expiringSoon"} & row.keys()
    whole = gateway.odata("Statistics").json()["value"][0]
    assert {name: whole[name] for name in row if not name.startswith("@")} == {
        name: value for name, value in row.items() if not name.startswith("@")
    }


def test_sets_and_ways_that_need_a_hidden_column_are_gone(gateway: House) -> None:
    names = {s["name"] for s in gateway.odata("", "default/no-people").json()["value"]}
    assert {"Results", "Contents", "Groups", "ResultRows"} <= names
    assert not {"Users", "UserStatistics", "GroupMembers"} & names
    assert gateway.odata("Results?$expand=user", "default/no-people").status_code == 400
    assert gateway.odata("Users", "default/no-people").status_code == 404
    metadata = gateway.odata("$metadata", "default/no-people").content
    text = metadata.decode()
    ElementTree.fromstring(metadata)
    assert "Users" not in text
    assert "userId" not in text


def test_a_role_of_totals_sees_no_row_of_a_person(gateway: House) -> None:
    names = [s["name"] for s in gateway.odata("", "default/totals").json()["value"]]
    assert sorted(names) == ["ContentStatistics", "Statistics"]
    for path in ("Results", "Users", "Results('x')", "$entity?$id=Results('x')"):
        assert gateway.odata(path, "default/totals").status_code == 404
    assert gateway.feed("ContentStatistics", "default/totals") == gateway.feed("ContentStatistics")
    assert gateway.odata("$all", "default/totals").status_code == 501


def test_files_hold_what_the_role_sees(gateway: House) -> None:
    text = gateway.odata("Results?$format=csv", "default/people-unknown").text
    header = next(csv.reader(io.StringIO(text)))
    assert "contentName" in header
    assert not {"userEmail", "userName", "department"} & set(header)


def test_changes_are_the_roles(gateway: House) -> None:
    first = gateway.odata(
        "Results", "default/people-unknown", headers={"Prefer": "odata.track-changes"}
    ).json()
    while "@odata.nextLink" in first:
        first = gateway.ask(first["@odata.nextLink"], "default/people-unknown").json()
    link = first["@odata.deltaLink"]
    assert gateway.ask(link, "default/people-unknown").status_code == 200
    assert gateway.ask(link, "default/masked").status_code == 400
    assert gateway.ask(link).status_code == 400


def test_another_secret_makes_other_pages_of_the_same_snapshot(tmp_path: Path) -> None:
    """After a restart a client must not be told that the digests which it has are still right.

    The public URL is fixed, because links are part of a page and its ETag.
    """
    found = []
    with sandbox(DATA) as upstream:
        for secret in (
            "a secret of forty letters, and some more",
            "another one of forty letters at all",
        ):
            kept = {
                "data_dir": str(tmp_path),
                "mask_key": secret,
                "public_url": "https://b.example",
            }
            with house(upstream, TOML, **kept) as gateway:
                answer = gateway.odata("Users?$top=5", "default/masked")
                snapshots = gateway.ask("/status").json()["snapshots"]
                found.append((snapshots[0]["id"], answer.headers["etag"], answer.json()["value"]))
    first, second = found
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert first[2] != second[2]
