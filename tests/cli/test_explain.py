"""`skillhabit-odata explain URL`: what a question asks of the Analytics API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.contract.loader import built_in_contract
from tests.cli.conftest import Run

QUESTION = "Results?$filter=state eq 'FAILED' and contains(userName,'a')&$top=5"


def test_it_tells_what_goes_and_what_stays(run: Run) -> None:
    done = run("explain", QUESTION)
    assert done.exit_code == 0, done.output
    labels = [line.partition(":")[0] for line in done.output.splitlines() if ":" in line]
    assert labels[0]
    assert "POST /analyse/results" in done.output
    assert '"states": [' in done.output
    assert "contains" in done.output


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/odata/v4/Results?$filter=state%20eq%20'FAILED'",
        "https://bi.example.com/bi/odata/v4/Results?$filter=state eq 'FAILED'",
        "/odata/v4/Results?$filter=state eq 'FAILED'",
        "Results?$filter=state eq 'FAILED'",
        "Results?$filter=state eq 'FAILED'#fragment",
    ],
)
def test_a_url_may_be_pasted_in_any_form(run: Run, url: str) -> None:
    done = run("explain", "--json", url)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["payload"]["states"] == ["FAILED"]


@pytest.mark.parametrize("url", ["Results?$top=0", "Results?$filter=false", "", "$metadata"])
def test_what_asks_nobody_has_no_payload(run: Run, url: str) -> None:
    assert json.loads(run("explain", "--json", url).output)["payload"] is None
    assert "no request is sent" in run("explain", url).output


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("Results?$filter=state eq", "400 InvalidSyntax"),
        ("Results?$filter=stat eq 'FAILED'", "400 UnknownName"),
        ("Results?$apply=nest(identity as n)", "501 NotImplemented"),
        ("NoSuch", "404 NotFound"),
    ],
)
def test_a_refused_question_ends_with_1_and_the_reason(run: Run, url: str, status: str) -> None:
    done = run("explain", url)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith(status)


@pytest.mark.parametrize("url", ["http://[", "https://[::1/odata/v4/Results"])
def test_what_is_no_url_ends_with_2(run: Run, url: str) -> None:
    done = run("explain", url)
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    assert f"{url!r} is not a URL" in done.stderr


def test_custom_fields_come_from_option_environment_or_file_in_this_order(
    run: Run, tmp_path: Path
) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('custom_field = {department = "from_file"}', "utf-8")
    variable = {"SKILLHABIT_ODATA_CUSTOM_FIELD": "department=from_environment"}
    option = ["--custom-field", "department=from_option"]
    question = ["explain", "--json", "Results?$filter=department eq 'R%26D'"]

    def asked(*arguments: str, environment: dict[str, str] | None = None) -> object:
        done = run(*question, *arguments, environment=environment)
        assert done.exit_code == 0, done.output
        return json.loads(done.output)["payload"]["customFields"][0]["customFieldId"]

    assert asked("--config", str(config)) == "from_file"
    assert asked(environment={"SKILLHABIT_ODATA_CONFIG": str(config)}) == "from_file"
    assert asked("--config", str(config), environment=variable) == "from_environment"
    assert asked("--config", str(config), *option, environment=variable) == "from_option"


def test_a_mapping_without_an_id_is_refused_before_the_question(run: Run) -> None:
    for mapping in ("department", "=cf", "department="):
        done = run("explain", "Results", "--custom-field", mapping)
        assert done.exit_code == 2, done.output
        assert "must be NAME=ID" in done.output


@pytest.mark.parametrize(
    ("mapping", "column"),
    [
        (("Cost centre=cf",), "Cost_centre"),
        (("a=cf", "A=cf2"), "A_2"),
        (("department=cf",), "department_2"),
    ],
)
def test_columns_are_named_after_fields(
    run: Run, tmp_path: Path, mapping: tuple[str, ...], column: str
) -> None:
    contract = tmp_path / "contract.toml"
    field = '\n[[custom_fields.mapped]]\nid = "cf_1"\nname = "Department"\n'
    contract.write_text(built_in_contract() + field, "utf-8")
    options = [part for text in mapping for part in ("--custom-field", text)]
    question = f"Results?$filter={column} eq 'x'"
    done = run("explain", question, "--contract", str(contract), *options, "--json")
    assert done.exit_code == 0, done.output
    [asked] = json.loads(done.output)["payload"]["customFields"]
    assert asked["customFieldId"] == mapping[-1].partition("=")[2]


def test_the_caret_stands_below_the_place(run: Run) -> None:
    shown = run("explain", "Results?$filter=progress > 50")
    text, caret = shown.stderr.splitlines()[1:3]
    assert text[caret.index("^")] == ">"


def test_a_percent_sign_may_be_typed_beside_blanks(run: Run) -> None:
    shown = run("explain", "Results?$filter=userName like '%Noor%'")
    assert "like" in shown.stderr
    assert "contains" in shown.stderr
    assert run("explain", "Results?$filter=userName eq '100% sure'").exit_code == 0
