"""Workspaces: each has its own data, token, settings and roles; nothing crosses."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.app import create_app
from gateway.config import load_settings
from gateway.errors import ConfigurationProblem
from gateway.sandbox import Dataset, generate, make_token
from tests.support.live import SECRET
from tests.tenancy.support import House, house, sandbox

OURS, THEIRS = generate(60, seed=1), generate(90, seed=2)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        first, second = (stack.enter_context(sandbox(rows)) for rows in (OURS, THEIRS))
        toml = f"""
[workspaces.acme]
upstream = "{second}"
token_file = "TOKEN_FILE"
fresh_for = 7
[workspaces.acme.roles.failures]
rows = "state eq 'FAILED'"
[roles.failures]
rows = "state eq 'FAILED'"
[workspaces.bare]
upstream = "{second}"
"""
        yield stack.enter_context(house(first, toml, data_dir=str(tmp_path / "data")))


def failed(rows: Dataset) -> int:
    return sum(row["state"] == "FAILED" for row in rows.to_rows())


def test_each_workspace_has_its_own_rows_and_roles(two: House) -> None:
    assert two.odata("Results/$count").text == "60"
    assert two.odata("Results/$count", "acme").text == "90"
    assert two.odata("Results/$count", "default/failures").text == str(failed(OURS))
    assert two.odata("Results/$count", "acme/failures").text == str(failed(THEIRS))
    ours = {row["id"] for row in two.feed("Results")}
    assert ours == {row["id"] for row in OURS.to_rows()}


def test_a_link_of_one_workspace_leads_another_nowhere(two: House) -> None:
    page = two.odata("Results", "acme", headers={"Prefer": "maxpagesize=10"})
    link = page.json()["@odata.nextLink"]
    assert two.ask(link, "acme").status_code == 200
    assert two.ask(link).status_code in (400, 410)


def test_a_workspace_without_a_token_does_not_use_anothers(
    monkeypatch: pytest.MonkeyPatch, two: House
) -> None:
    monkeypatch.setenv("SKILLHABIT_ODATA_TOKEN", make_token(SECRET))
    refused = two.odata("Results", "bare")
    assert refused.status_code == 502
    assert "SKILLHABIT_ODATA_TOKEN_BARE" in refused.json()["error"]["message"]


@pytest.mark.parametrize("caller", ["nowhere", "acme/boss", "default/boss"])
def test_credentials_for_what_is_not_there_are_refused(two: House, caller: str) -> None:
    refused = two.odata("Results", caller)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "AccessDenied"


def test_snapshots_lie_in_a_folder_of_the_workspace(two: House, tmp_path: Path) -> None:
    two.feed("Results")
    two.feed("Results", "acme")
    data = tmp_path / "data"
    assert len(list(data.glob("*.duckdb"))) == 1
    assert len(list((data / "workspaces" / "acme").glob("*.duckdb"))) == 1


def test_status_tells_of_the_callers_workspace_alone(two: House) -> None:
    two.feed("Results")
    two.feed("Results", "acme")
    assert [s["rows"] for s in two.ask("/status").json()["snapshots"]] == [60]
    assert [s["rows"] for s in two.ask("/status", "acme").json()["snapshots"]] == [90]


def test_what_has_outlived_its_use_goes_though_nobody_asks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gateway.workspace._TIDY_SECONDS", 0.05)
    lives: dict[str, Any] = dict.fromkeys(("fresh_for", "stale_if_error", "token_lifetime"), 0)
    with sandbox(OURS) as upstream, house(upstream, data_dir=str(tmp_path), **lives) as gateway:
        gateway.feed("Results")
        until = time.monotonic() + 10
        while list(tmp_path.glob("*.duckdb")):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert len(gateway.feed("Results")) == 60


# --- callers with tokens of their own ------------------------------------------------------------


def test_a_callers_token_asks_for_them_alone(two: House) -> None:
    """Two tokens with the same claims, of which the Analytics API takes only one."""
    right, forged = make_token(SECRET), make_token("another secret of thirty-two bytes!")
    assert two.odata("Results/$count", token=right).text == "60"
    two.feed("Results")
    refused = two.odata("Results", token=forged)
    assert refused.status_code == 401
    assert "Skillhabit" in refused.json()["error"]["message"]
    assert two.odata("Results?$top=3", token=right).status_code == 200
    assert forged not in refused.text


def test_a_link_of_one_caller_leads_another_nowhere(two: House) -> None:
    token = make_token(SECRET)
    page = two.odata("Results", token=token, headers={"Prefer": "maxpagesize=10"})
    link = page.json()["@odata.nextLink"]
    assert two.ask(link, token=token).status_code == 200
    assert two.ask(link).status_code == 410


# --- tables that cannot be used ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[roles.a]\nrows = "stat eq 1"', "[roles.a] rows: $filter: a result has no property"),
        ('[roles.a]\nrows = "state eq"', "[roles.a] rows:"),
        ('[roles.a]\nhide = ["mail"]', "[roles.a] hide: there is no column of the results 'mail'"),
        ('[roles.a]\nhide = ["id"]', "'id' tells results apart"),
        ('[roles.a]\nmask = ["updatedAt"]', "'updatedAt' puts results in order"),
        ('[roles.a]\nmask = ["state"]', "'state' is no free text"),
        ('[roles.a]\nmask = ["progress"]', "'progress' is no free text"),
        ('[roles.a]\nmask = ["groupIds"]', "'groupIds' is no free text"),
        ('[roles.a]\nsets = ["User"]', "there is no entity set 'User'; "),
        ('[roles.a]\nhide = ["userId"]\nsets = ["Users"]', "Users cannot be made without"),
        ('[workspaces.b.roles.a]\nhide = ["x"]', "[workspaces.b.roles.a] hide"),
        ('[roles.a]\nmask = ["userName"]', "[roles.a] mask: digests need a secret"),
        ('[entra_group]\ng = "default/boss"', "entra_group g=default/boss: the configuration file"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_at_the_start(toml: str, message: str) -> None:
    settings = load_settings({}, {}, toml)
    with pytest.raises(ConfigurationProblem, match=re.escape(message)):
        create_app(settings)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[roles.a]", "[roles.a] limits nothing"),
        ('[roles.a]\nrow = "x"', "[roles.a] has no 'row'"),
        ("[roles.a]\nrows = 1", "[roles.a] rows: must be a condition"),
        ('[roles.a]\nhide = "x"', "[roles.a] hide: must be a list"),
        ("[roles.a]\nsets = []", "[roles.a] sets: names no entity set"),
        ('[roles."A B"]\nhide = []', "[roles.A B]: a name has at most 63 lower-case letters"),
        ("roles = 1", "[roles] must be a table of tables"),
        ("[workspaces]\na = 1", "[workspaces.a] must be a table"),
        ("[workspaces.default]", "[workspaces.default]: put the settings"),
        ("[workspaces.a]\nport = 1", "[workspaces.a] has no setting 'port'"),
        ("[workspaces.a]\nfresh_for = -1", "[workspaces.a] fresh_for = -1: must be a number"),
    ],
)
def test_a_table_that_is_none_is_told_with_its_name(toml: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        load_settings({}, {}, toml)


def test_a_workspace_has_the_gateways_settings_but_for_whose_data_it_is() -> None:
    toml = 'fresh_for = 9\ntoken_file = "t"\n[workspaces.a]\nstale_for = 3'
    [other] = load_settings({}, {}, toml).others
    assert (other.workspace, other.fresh_for, other.stale_for) == ("a", 9.0, 3.0)
    assert other.token_file is None


def test_roles_and_keys_do_not_show() -> None:
    app = create_app(load_settings({}, {}, "[roles.a]\nrows = \"userEmail eq 'a@b.example'\""))
    assert "a@b.example" not in repr(app.routes)
