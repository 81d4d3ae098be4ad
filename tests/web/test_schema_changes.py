"""Changes of published columns: kept beside the snapshots, shown to operators, warned of."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.changes import ChangeKind, compare
from gateway.sandbox import generate
from gateway.service.schema_log import SchemaLog
from tests.tenancy.support import House, house, sandbox

ROLE = """
[roles.narrow]
hide = ["region"]
"""
FIELDS = ["department=cf_department", "region=cf_region"]
HTML = {"Accept": "text/html", "User-Agent": "Mozilla/5.0"}
NAMES = st.sampled_from("abcd")
OUTLINES = st.dictionaries(NAMES, st.dictionaries(NAMES, st.sampled_from(["x", "y"])))


@given(old=OUTLINES, new=OUTLINES)
def test_the_changes_make_the_new_model_of_the_old_one(
    old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]
) -> None:
    made = {table: dict(columns) for table, columns in old.items()}
    for change in compare(old, new):
        if not change.column and change.kind is ChangeKind.REMOVED:
            del made[change.table]
        elif not change.column:
            made[change.table] = dict(new[change.table])
        elif change.kind is ChangeKind.REMOVED:
            assert made[change.table].pop(change.column) == change.was
        else:
            assert made[change.table].get(change.column, "") == change.was
            made[change.table][change.column] = change.now
    assert made == new


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with sandbox(generate(40, seed=5)) as url:
        yield url


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings about columns since the last call."""
    found = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    caplog.clear()
    return [line for line in found if "reports" in line or "old name" in line]


def page(gateway: House, caller: str = "") -> tuple[int, str]:
    answer = gateway.ask("/schema", caller, headers=HTML)
    return answer.status_code, answer.text


def test_a_change_is_warned_of_once_and_stays_on_the_page(
    upstream: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with house(upstream, ROLE, data_dir=str(tmp_path), custom_field=FIELDS) as gateway:
        assert "None since" in page(gateway)[1]
    assert lines(caplog) == []
    renamed = ["unit=cf_department", *FIELDS[1:]]
    for expected in (True, False):
        with house(upstream, ROLE, data_dir=str(tmp_path), custom_field=renamed) as gateway:
            found = lines(caplog)
            status, text = page(gateway)
            assert status == 200
            assert "<code>Results.department</code>" in text
            assert "<code>Users.unit</code>" in text
            assert page(gateway, "default/narrow")[0] == 403
        assert any(line.startswith("Results.department is gone: reports") for line in found) == (
            expected
        )
        assert not any("(role narrow)" in line for line in found), "it is not the role's alone"
    kept = (tmp_path / "schema.json").read_text("utf-8")
    assert (tmp_path / "schema.json").stat().st_mode & 0o077 == 0
    assert "cf_department" not in kept


def test_a_role_that_loses_a_column_alone_is_named(
    upstream: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with house(upstream, ROLE, data_dir=str(tmp_path), custom_field=FIELDS):
        pass
    caplog.clear()
    narrower = ROLE.replace('"region"', '"region", "department"')
    with house(upstream, narrower, data_dir=str(tmp_path), custom_field=FIELDS):
        found = lines(caplog)
    assert found
    assert all(line.endswith("(role narrow)") for line in found)


def test_an_alias_that_ends_soon_or_has_ended_is_warned_of(
    upstream: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    today = datetime.now(UTC).date()
    days = {"soon": 3, "later": 300, "over": -3}
    aliases = [f"{name}=state@{today + timedelta(days=n)}" for name, n in days.items()]
    with house(upstream, data_dir=str(tmp_path), column_alias=aliases):
        found = lines(caplog)
    about = {line.split(",")[0] for line in found}
    assert about == {
        f"{table}.{n}" for table in ("Results", "ResultRows") for n in ("soon", "over")
    }


def test_the_file_is_bounded(tmp_path: Path) -> None:
    log = SchemaLog(tmp_path / "schema.json")
    text, now = built_in_contract(), datetime(2026, 1, 1, tzinfo=UTC)
    schemas = [load_contract(text, ((name, "f"),)).schema for name in ("a", "b")]
    for number in range(250):
        log.record({"": schemas[number % 2]}, now + timedelta(days=number))
    [audience] = SchemaLog(tmp_path / "schema.json").audiences().values()
    assert len(audience.versions) == 200
    assert audience.versions[-1].at == now + timedelta(days=249)
    assert {c.column for c in audience.versions[-1].changes} == {"a", "b"}


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 2, "audiences": {}}', b"[]"])
def test_a_file_that_cannot_be_read_is_reported_and_replaced(
    tmp_path: Path, content: bytes
) -> None:
    path, said = tmp_path / "schema.json", list[str]()
    path.write_bytes(content)
    schema = load_contract(built_in_contract()).schema
    log = SchemaLog(path, said.append)
    assert log.record({"": schema}, datetime(2026, 1, 1, tzinfo=UTC)) == {}
    assert said
    assert SchemaLog(path).audiences()[""].version
