"""A masked key is a digest wherever the key is: in rows, links, orders and what is made of it."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from gateway.sandbox import generate
from tests.support.flat import FlatRow, flat_rows
from tests.tenancy.support import House, house, sandbox

RULE = "contentType eq 'COURSE' or progress gt 40"
TOML = f"""
[roles.all]
mask = ["id", "userId", "userName", "userEmail"]
[roles.some]
rows = "{RULE}"
mask = ["id", "userId", "userName", "userEmail"]
"""
DATA = generate(400, seed=6)
ROLES = ("all", "some")


@pytest.fixture(scope="module")
def gateway() -> Iterator[House]:
    with sandbox(DATA) as upstream, house(upstream, TOML, page_size=30) as found:
        yield found


@pytest.fixture(scope="module")
def rows() -> list[FlatRow]:
    return flat_rows(DATA)


def _newest_first(row: dict[str, Any]) -> tuple[Any, ...]:
    return (-datetime.fromisoformat(row["updatedAt"]).timestamp(), row["id"])


def _unmasked(row: dict[str, Any]) -> str:
    return repr([row[name] for name in ("updatedAt", "contentId", "state", "progress")])


@pytest.mark.parametrize("role", ROLES)
def test_rows_are_in_the_order_of_the_digests(gateway: House, role: str) -> None:
    """Many rows of the sandbox have the instant of another."""
    caller = f"default/{role}"
    found = gateway.feed("Results", caller)
    true = gateway.feed("Results" if role == "all" else f"Results?$filter={quote(RULE)}")
    assert len({row["updatedAt"] for row in found}) < len(found)
    assert len({row["id"] for row in found}) == len(found) == len(true)
    assert all(re.fullmatch("[0-9a-f]{16}", row["id"]) for row in found)
    assert found == sorted(found, key=_newest_first)
    assert gateway.feed("Results?$orderby=updatedAt desc,id", caller) == found
    assert gateway.feed("Results?$orderby=updatedAt desc", caller) == found
    by_id = gateway.feed("Results?$orderby=id", caller)
    assert by_id == sorted(found, key=lambda row: row["id"])
    by_state = gateway.feed("Results?$orderby=state", caller)
    assert by_state == sorted(found, key=lambda row: (row["state"], row["id"]))
    assert sorted(map(_unmasked, found)) == sorted(map(_unmasked, true))


@pytest.mark.parametrize("role", ROLES)
def test_a_result_is_found_by_its_digest_alone(gateway: House, role: str) -> None:
    caller = f"default/{role}"
    row = gateway.feed("Results", caller)[17]
    assert gateway.odata(f"Results('{row['id']}')", caller).json()["updatedAt"] == row["updatedAt"]
    for true in gateway.feed("Results")[:5]:
        assert gateway.odata(f"Results('{quote(true['id'], safe='')}')", caller).status_code == 404


@pytest.mark.parametrize("role", ROLES)
def test_no_answer_has_a_true_key(gateway: House, rows: list[FlatRow], role: str) -> None:
    keys = {str(row["id"]) for row in rows} | {str(row["userId"]) for row in rows}
    guids = {str(uuid.UUID(hashlib.md5(key.encode()).hexdigest())) for key in keys}
    caller = f"default/{role}"
    whole = gateway.ask("/odata/v4/ResultRows?$top=400").text
    assert any(guid in whole for guid in guids)  # it is what Guids are made of, without a mask
    for path in (
        *("Results", "ResultRows", "Users?$expand=results", "UserStatistics", "GroupMembers"),
        *("Results?$format=csv", "ResultRows?$format=csv", "Results?$expand=user"),
        *("Results?$apply=groupby((id))", "Results?$search=usr", "Contents?$expand=results"),
    ):
        answer = gateway.odata(path, caller, headers={"Prefer": "maxpagesize=1000"})
        assert answer.status_code == 200, answer.text
        assert not [key for key in keys if f'"{key}"' in answer.text or f"\n{key}," in answer.text]
        assert not [guid for guid in guids if guid in answer.text.lower()]
        assert "usr-" not in answer.text


def test_changes_are_told_by_digests(gateway: House) -> None:
    first = gateway.odata(
        "Results", "default/some", headers={"Prefer": "odata.track-changes"}
    ).json()
    while "@odata.nextLink" in first:
        first = gateway.ask(first["@odata.nextLink"], "default/some").json()
    answer = gateway.ask(first["@odata.deltaLink"], "default/some")
    assert (answer.status_code, answer.json()["value"]) == (200, [])
