from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from gateway.sandbox import generate

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return generate(3000).to_rows()


def test_equal_seeds_give_equal_bytes_on_every_machine() -> None:
    digest = sha256(generate(1000).to_json()).hexdigest()
    assert digest == "68146d807f534c20a79324552936675f84721471b665bb9cb242bb0e2366edec"
    assert generate(200, seed=8).to_json() != generate(200, seed=9).to_json()


@pytest.mark.parametrize("count", [0, 1, 14, 29, 100, 1001])
def test_any_number_of_rows_with_unique_ids_and_one_per_user_and_content(count: int) -> None:
    rows: Rows = generate(count).to_rows()
    assert len(rows) == count
    assert len({row["id"] for row in rows}) == count
    assert len({(row["user"]["id"], row["content"]["id"]) for row in rows}) == count


def test_every_nullable_member_is_null_somewhere_and_given_elsewhere(rows: Rows) -> None:
    for name in ("startedAt", "completedAt", "expiryDate", "certificateIssuedAt"):
        assert {row[name] is None for row in rows} == {True, False}, name
    for name in ("email", "avatar"):
        assert {row["user"][name] is None for row in rows} == {True, False}, name


def test_custom_fields_are_given_null_and_missing(rows: Rows) -> None:
    fields = [
        {field["customFieldId"]: field["value"] for field in row["user"]["customFields"]}
        for row in rows
    ]
    for field_id in ("cf_department", "cf_region", "cf_job_title"):
        assert any(field.get(field_id) for field in fields)
        assert any(field.get(field_id, "") is None for field in fields)
        assert any(field_id not in field for field in fields)


def test_users_are_in_no_to_four_groups(rows: Rows) -> None:
    assert {len(row["user"]["groups"]) for row in rows} == {0, 1, 2, 3, 4}


def test_names_hold_what_breaks_careless_clients(rows: Rows) -> None:
    names = {row["user"]["name"] for row in rows}
    text = "".join(names)
    assert all(letter in text for letter in "'\"+&%#/\\üß山🚀")
    assert "" in names
    assert any(name != name.strip() for name in names)
    assert max(map(len, names)) > 255


def test_instants_agree_with_the_state(rows: Rows) -> None:
    for row in rows:
        started, completed, updated = row["startedAt"], row["completedAt"], row["updatedAt"]
        assert (started is None) == (row["state"] == "NOT_STARTED")
        assert completed is None or started <= completed <= updated
        assert row["certificateIssuedAt"] is None or (
            completed <= row["certificateIssuedAt"] <= updated
        )
        if row["state"] == "EXPIRED":
            assert row["expiryDate"] <= updated
        if row["state"] in ("APPROVED", "FAILED"):
            assert completed is not None


def test_progress_agrees_with_the_state(rows: Rows) -> None:
    assert all(row["progress"] == 0 for row in rows if row["state"] == "NOT_STARTED")
    assert all(row["progress"] == 100 for row in rows if row["state"] == "APPROVED")
    assert all(0 <= row["progress"] <= 100 for row in rows)
    assert any(row["progress"] % 1 for row in rows)


def test_updates_lie_in_four_years_to_the_millisecond_and_tie(rows: Rows) -> None:
    updates = [row["updatedAt"] for row in rows]
    moments = [
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) for text in updates
    ]
    assert min(moments) >= datetime(2022, 1, 1, tzinfo=UTC)
    assert max(moments) < datetime(2026, 1, 1, tzinfo=UTC)
    assert "2024-02-29T23:59:59.999Z" in updates
    assert max(Counter(updates).values()) > 20
