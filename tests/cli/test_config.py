"""`skillhabit-odata config`, and the schema that editors check the file by."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema_rs
import pytest

from gateway.config import SETTINGS, load_settings
from gateway.config.schema import json_schema
from tests.cli.conftest import Run

VALIDATOR = jsonschema_rs.validator_for(json_schema())


def test_each_value_is_shown_with_its_origin(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text("port = 1\nfresh_for = 7\n[roles.hr]\nhide = ['userEmail']\n", "utf-8")
    done = run(
        *("config", "show", "--json", "--config", str(config), "--port", "5"),
        environment={"SKILLHABIT_ODATA_WORKERS": "3"},
    )
    told = json.loads(done.stdout)
    assert {*told["settings"]} == {setting.name for setting in SETTINGS}
    assert told["settings"]["port"] == {"value": 5, "from": "--port"}
    assert told["settings"]["workers"] == {"value": 3, "from": "SKILLHABIT_ODATA_WORKERS"}
    assert told["settings"]["fresh_for"] == {"value": 7.0, "from": f"{config}, line 2"}
    assert told["settings"]["stale_for"]["from"] == "default"
    assert told["roles"] == ["hr"]
    table = run("config", "show", "--config", str(config)).stdout
    assert "fresh_for" in table
    assert "[roles.hr]" in table


def test_secrets_are_hidden(run: Run) -> None:
    url = {"SKILLHABIT_ODATA_REDIS": "redis://:sesame@localhost"}
    for form in ([], ["--json"]):
        done = run("config", "show", *form, environment=url)
        assert "(hidden)" in done.output
        assert "sesame" not in done.output


def test_a_file_that_cannot_be_used_is_told_with_its_line(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text("port = 1\n\nfrsh_for = 7\n", "utf-8")
    done = run("config", "show", "--config", str(config))
    assert done.exit_code == 2
    assert f"{config}, line 3: there is no setting 'frsh_for'; did you mean fresh_for?" in (
        " ".join(done.stderr.split())
    )


def test_the_printed_schema_is_one(run: Run) -> None:
    printed = json.loads(run("config", "schema").stdout)
    assert printed == json_schema()
    jsonschema_rs.meta.validate(printed)


GOOD = (
    "",
    'port = 0\nhost = "::"\nearly_pages = false\nfresh_for = 0.5\ntrusted_proxies = ["10.0.0.1"]',
    'upstream = "http://a:1/b"\nredis = "rediss://a"\ncustom_field = {a = "b"}',
    "[roles.hr]\nrows = \"state eq 'FAILED'\"\nhide = ['a']\nmask = ['b']\nsets = ['Users']",
    "[workspaces.a]\ntoken_file = 't'\nfresh_for = 1\n[workspaces.a.roles.b]\nhide = ['x']",
)
BAD = (
    "prot = 1",
    "port = 70000",
    "port = true",
    "workers = 1.5",
    "fresh_for = -1",
    "upstream_timeout = 0",
    'upstream = "api.example.com"',
    'redis = "http://a"',
    'host = ""',
    "custom_field = 5",
    "[roles.hr]",
    "[roles.HR]\nhide = ['x']",
    "[roles.hr]\nrow = 'x'",
    "[roles.hr]\nsets = []",
    "[roles.hr]\nhide = 'x'",
    "[workspaces.a]\nport = 1",
    "workspaces = 1",
)


@pytest.mark.parametrize("text", GOOD)
def test_what_the_gateway_takes_the_schema_takes(text: str) -> None:
    load_settings({}, {}, text)
    assert VALIDATOR.is_valid(tomllib.loads(text))


@pytest.mark.parametrize("text", BAD)
def test_what_the_gateway_refuses_the_schema_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"line [12]"):
        load_settings({}, {}, text)
    assert not VALIDATOR.is_valid(tomllib.loads(text))


def test_defaults_are_values_that_the_schema_takes() -> None:
    schema = json_schema()["properties"]
    for setting in SETTINGS:
        form = schema[setting.name]
        if "default" in form:
            assert jsonschema_rs.is_valid(form, form["default"])
            assert setting.convert(form["default"]) == setting.default
