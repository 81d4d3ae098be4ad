"""`skillhabit-odata check`: what an owner of a real token reads to correct the contract file."""

from __future__ import annotations

import json
import os
import re
import socket
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from gateway.cli.files import locked_folder
from gateway.contract.loader import built_in_contract, load_contract
from gateway.sandbox import Faults, create_sandbox, generate, make_token
from gateway.service.schema_log import SchemaLog
from tests.cli.conftest import Run
from tests.support.capped import Upstream
from tests.support.live import FIELDS, SECRET, running

ALL_FIELDS = [part for name, field in FIELDS for part in ("--custom-field", f"{name}={field}")]


def lines_about(output: str, subject: str) -> list[str]:
    """The lines of the table on a subject, or whose text has it."""
    marks = ("holds", "DIFFERS", "untested")
    return [line for line in output.splitlines() if subject in line and line.startswith(marks)]


def test_a_contract_that_fits_ends_with_0(run: Run, upstream: str, token_file: Path) -> None:
    done = run("check", "--upstream", upstream, "--token-file", str(token_file), *ALL_FIELDS)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "the contract file matches"
    for subject in ("[pages]", "[response]", "column id", "column groupIds", "[filters.states]"):
        assert lines_about(done.output, subject)[0].startswith("holds"), done.output
    for name, field in FIELDS:
        assert f"is the column {name}" in lines_about(done.output, field)[0]


def test_custom_fields_that_are_not_mapped_are_offered(
    run: Run, upstream: str, token_file: Path
) -> None:
    done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 0, done.output
    (line,) = lines_about(done.output, "cf_department")
    assert "Department" in line
    assert "--custom-field NAME=cf_department" in line


def test_a_mapped_field_that_no_row_has_is_a_difference(
    run: Run, upstream: str, token_file: Path
) -> None:
    mapping = ["--custom-field", "costCentre=cf_cost_centre"]
    done = run("check", "--upstream", upstream, "--token-file", str(token_file), *mapping)
    assert done.exit_code == 1
    assert lines_about(done.output, "cf_cost_centre")[0].startswith("DIFFER")


@pytest.mark.parametrize(
    ("change", "subject", "word"),
    [
        ({"progress": None}, "column progress", "fits"),
        ({"state": "ARCHIVED"}, "column state", "ARCHIVED"),
        ({"updatedAt": None}, "column updatedAt", "null"),
        ({"contentless": 1}, "column contentName", "fits"),
    ],
)
def test_values_are_compared_column_by_column(
    run: Run,
    sandbox_rows: list[dict[str, Any]],
    token_file: Path,
    change: dict[str, object],
    subject: str,
    word: str,
) -> None:
    rows = [{**row, **change} for row in sandbox_rows[:20]]
    with running(create_sandbox(rows, secret=SECRET), date_header=False) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    (line,) = lines_about(done.output, f"{subject} ")
    assert word in line
    assert (done.exit_code, line.startswith("DIFFER")) == (
        (0, False) if word == "fits" else (1, True)
    )


def test_a_member_that_is_missing_is_named(
    run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path
) -> None:
    rows = [
        {name: value for name, value in row.items() if name != "progress"} for row in sandbox_rows
    ]
    with running(create_sandbox(rows, secret=SECRET), date_header=False) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 1
    line = lines_about(done.output, "column progress ")[0]
    assert line.startswith("DIFFER")
    assert "missing" in line


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ('total = "total"', 'total = "count"', "[response]"),
        ('rows = "results"', 'rows = "items"', "[response]"),
        ('path = "user.name"', 'path = "user.fullName"', "column userName"),
        ('path = "user.groups[].id"', 'path = "user.groups[].key"', "column groupIds"),
        (
            'name = "contentName"\npath = "content.name"\ntype = "Edm.String"',
            'name = "contentName"\npath = "content.name"\ntype = "Edm.Double"',
            "column contentName",
        ),
        ('path = "/analyse/statistics"', 'path = "/analyse/stats"', "POST /analyse/stats"),
        ('member = "users"', 'member = "people"', "[statistics.users]"),
        ('column = "userId"\nexact', 'column = "id"\nexact', "[statistics.users]"),
        ('member = "states"\ncolumn', 'member = "byState"\ncolumn', "[statistics.states]"),
        ('column = "certificateIssuedAt"', 'column = "startedAt"', "[statistics.certificates]"),
        (
            'orderBy = "${order.field}"',
            'sortBy = "${order.field}"',
            "[request.body] options.sortBy",
        ),
        ('path = "/analyse/results"', 'path = "/analyze/results"', "[endpoints.results]"),
    ],
)
def test_a_wrong_line_of_the_contract_file_is_found(
    run: Run, upstream: str, token_file: Path, tmp_path: Path, old: str, new: str, subject: str
) -> None:
    contract = tmp_path / "contract.toml"
    contract.write_text(built_in_contract().replace(old, new), "utf-8")
    done = run(
        "check",
        *("--upstream", upstream, "--token-file", str(token_file), "--contract", str(contract)),
    )
    assert done.exit_code == 1, done.output
    assert lines_about(done.output, subject)[0].startswith("DIFFERS"), done.output
    assert re.search(r"^\d+ to correct$", done.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("shape", "code"), [("envelope", 1), ("no-total", 1), ("array", 1), ("types", 1), ("html", 2)]
)
def test_an_answer_of_another_shape_is_a_difference(
    run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path, shape: Any, code: int
) -> None:
    faults = Faults(wrong_shape_next=9_999, wrong_shape=shape)
    sandbox = create_sandbox(sandbox_rows, secret=SECRET, faults=faults)
    with running(sandbox, date_header=False) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_an_upstream_with_smaller_pages_is_found(
    run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path
) -> None:
    sandbox = create_sandbox(sandbox_rows, secret=SECRET, page_limit=200)
    with running(sandbox, date_header=False) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 1, done.output
    (line,) = lines_about(done.output, "[pages]")
    assert line.startswith("DIFFERS")
    assert "largest = 1000 is in force, largest = 200 was seen" in line


def answering(status: int, body: str) -> AbstractContextManager[str]:
    """An upstream that always gives this answer; `{authorization}` stands for the header."""

    async def answer(request: Request) -> Response:
        said = body.replace("{authorization}", request.headers["authorization"])
        return Response(said, status, media_type="application/json")

    return running(Starlette(routes=[Route("/analyse/results", answer, methods=["POST"])]))


def cut_pages(body: dict[str, Any]) -> None:
    options = body.setdefault("options", {})
    options["limit"] = min(options.get("limit", 20), 100)


def test_an_upstream_that_cuts_pages_silently_is_found(run: Run, token_file: Path) -> None:
    with running(Upstream(generate(300), asked=cut_pages).app()) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 1, done.output
    line = lines_about(done.output, "[pages]")[0]
    assert "largest = 1000 is in force, largest = 100 was seen" in line


@pytest.mark.parametrize("before", [0, 200, 290])
def test_a_token_that_the_upstream_repeats_is_not_shown(
    run: Run, token_file: Path, before: int
) -> None:
    with answering(400, "x" * before + " {authorization}") as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert "answered 400" in done.output
    assert "eyJ" not in done.output


def test_check_only_reads(run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path) -> None:
    sandbox = create_sandbox(sandbox_rows, secret=SECRET)
    with running(sandbox, date_header=False) as upstream:
        run("check", "--upstream", upstream, "--token-file", str(token_file))
    asked = [request.path for request in sandbox.received]
    assert set(asked) == {"/analyse/results", "/analyse/statistics"}
    assert asked.count("/analyse/statistics") == 1
    assert len(asked) <= 70


def statistics_findings(done: Result) -> dict[str, str]:
    """Table -> `holds` or `DIFFERS`."""
    lines = lines_about(done.output, "[statistics")
    return {line.split()[1]: line.split()[0] for line in lines}


@pytest.mark.parametrize("numbers", [300, 1_700])
def test_statistics_are_compared_with_rows(
    run: Run, token_file: Path, tmp_path: Path, numbers: int
) -> None:
    sandbox = create_sandbox(generate(numbers), secret=SECRET)
    with running(sandbox, date_header=False) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 0, done.output
    names = ("total", "users", "contents", "certificates", "progress", "states", "enrollment_types")
    assert statistics_findings(done) == {f"[statistics.{name}]": "holds" for name in names}
    assert "no query uses it" in lines_about(done.output, "[statistics.progress]")[0]


@pytest.mark.parametrize(
    ("fault", "table"), [("ignores the filter", "total"), ("names no users", "users")]
)
def test_statistics_of_other_rows_are_found(
    run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path, fault: str, table: str
) -> None:
    sandbox = create_sandbox(sandbox_rows, secret=SECRET)

    async def statistics(request: Request) -> Response:
        transport = httpx.ASGITransport(app=sandbox)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            asked = {} if fault == "ignores the filter" else await request.json()
            authorization = {"Authorization": request.headers["authorization"]}
            answer = await client.post("/analyse/statistics", json=asked, headers=authorization)
        told = answer.json()
        if fault == "names no users":
            del told["users"]
        return JSONResponse(told)

    routes = [Route("/analyse/statistics", statistics, methods=["POST"]), Mount("/", sandbox)]
    with running(Starlette(routes=routes), date_header=False) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 1, done.output
    assert statistics_findings(done)[f"[statistics.{table}]"] == "DIFFERS"


def test_what_cannot_be_tested_is_no_proof(
    run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path
) -> None:
    moment = sandbox_rows[0]["updatedAt"]
    rows = [{**row, "id": str(n), "updatedAt": moment} for n, row in enumerate(sandbox_rows * 4)]
    with running(create_sandbox(rows, secret=SECRET), date_header=False) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 1, done.output
    assert "too many rows have the same instant" in lines_about(done.output, "[statistics]")[0]
    for subject in ("[order]", "[extract]", "[filters.updated_at]"):
        assert lines_about(done.output, subject)[0].startswith("untested"), done.output
    assert "relies on what could not be tested" in done.output.splitlines()[-1]


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (make_token(SECRET, expires_in_seconds=-60), "401", 2),
        (make_token("another secret of thirty-two bytes"), "401", 2),
        (make_token(SECRET, access=False), "403", 2),
    ],
    ids=["expired", "forged", "no access"],
)
def test_a_refused_token_is_told_and_not_shown(
    run: Run, upstream: str, tmp_path: Path, token: str, status: str, code: int
) -> None:
    path = tmp_path / "token"
    path.write_text(token, "utf-8")
    done = run("check", "--upstream", upstream, "--token-file", str(path))
    assert done.exit_code == code
    assert f"answered {status}" in done.output
    assert (f"the token was rejected: renew {path}" in done.output) == (status == "401")
    assert token not in done.output


def test_an_upstream_that_is_not_there_is_told(run: Run, token_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = f"http://127.0.0.1:{listener.getsockname()[1]}"
    done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 3
    assert f"{upstream} cannot be reached (refused)" in done.output
    assert "DIFFER" not in done.output


def test_without_a_token_nobody_is_asked(run: Run, upstream: str, tmp_path: Path) -> None:
    for extra in ([], ["--token-file", str(tmp_path / "nowhere")]):
        done = run("check", "--upstream", upstream, *extra)
        assert done.exit_code == 2
        assert "--token-file" in done.output


def test_a_contract_file_that_is_none_ends_with_2(
    run: Run, upstream: str, token_file: Path, tmp_path: Path
) -> None:
    contract = tmp_path / "contract.toml"
    for text, word in (("format = 3", "contract"), ("=", "contract"), (None, "cannot be read")):
        contract.unlink(missing_ok=True)
        if text is not None:
            contract.write_text(text, "utf-8")
        done = run(
            "check",
            *("--upstream", upstream, "--token-file", str(token_file)),
            *("--contract", str(contract)),
        )
        assert done.exit_code == 2
        assert word in done.output


@pytest.fixture
def written(run: Run, upstream: str, token_file: Path, tmp_path: Path) -> Path:
    """A contract file that `init` has written for the sandbox."""
    done = run(
        *("init", "--non-interactive", "--upstream", upstream, "--token-file", str(token_file)),
        *("--output", str(tmp_path / "gateway.toml")),
    )
    assert done.exit_code == 0, done.output
    return tmp_path / "contract.toml"


def fixed(run: Run, upstream: str, token_file: Path, contract: Path, *fixes: str) -> Result:
    given = ("--upstream", upstream, "--token-file", str(token_file), "--contract", str(contract))
    return run("check", *given, *(part for fix in fixes for part in fix.split()))


@pytest.mark.parametrize(
    ("old", "new", "entry"),
    [
        ("largest = 1000", "largest = 4000  # pages", "pages"),
        ('path = "progress"', 'path = "percent"', "columns.progress"),
        ('total = "total"', 'total = "count"', "response"),
        ('rows = "results"', 'rows = "items"', "response"),
        ('descending = "DESC"', 'descending = "down"', "order"),
        ('skip = "${skip}"', 'offset = "${skip}"', "request.body"),
        ('states = "${states}"', 'status = "${states}"', "request.body"),
        ('"/analyse/results"', '"/analyze/results"', "endpoints.results"),
        (
            'path = "content.name"\ntype = "Edm.String"',
            'path = "content.name"\ntype = "Edm.Int32"',
            "columns.contentName",
        ),
    ],
)
def test_what_differs_is_written_in_place(
    run: Run, upstream: str, token_file: Path, tmp_path: Path, old: str, new: str, entry: str
) -> None:
    """A file that was not written here, in which no entry is the owner's."""
    contract = tmp_path / "contract.toml"
    text = built_in_contract()
    assert old in text
    contract.write_text(text.replace(old, new, 1), "utf-8")
    done = fixed(run, upstream, token_file, contract, "--fix")
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.output.splitlines() if line.startswith("wrote ")]
    assert entry in line
    assert fixed(run, upstream, token_file, contract).exit_code == 0
    kept = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in kept if line not in contract.read_text("utf-8")] == []


def test_what_was_changed_by_hand_is_written_only_by_name(
    run: Run, upstream: str, token_file: Path, written: Path
) -> None:
    before = written.read_text("utf-8")
    changed = before.replace('path = "progress"', 'path = "percent"')
    written.write_text(changed, "utf-8")
    done = fixed(run, upstream, token_file, written, "--fix")
    assert done.exit_code == 1, done.output
    assert "--fix columns.progress" in done.output
    assert written.read_text("utf-8") == changed
    done = fixed(run, upstream, token_file, written, "--fix columns.progress")
    assert done.exit_code == 0, done.output
    assert 'path = "progress"' in written.read_text("utf-8")
    assert fixed(run, upstream, token_file, written, "--fix").exit_code == 0


def test_an_entry_of_the_owner_is_written_only_by_name(
    run: Run, upstream: str, token_file: Path, tmp_path: Path
) -> None:
    contract = tmp_path / "contract.toml"
    text = built_in_contract().replace("largest = 1000", "largest = 4000")
    table = text[text.index("[pages]") : text.index("[order]")]
    mine = table.replace('source = "assumed"', 'source = "owner"')
    contract.write_text(text.replace(table, mine), "utf-8")
    assert fixed(run, upstream, token_file, contract, "--fix").exit_code == 1
    assert "largest = 4000" in contract.read_text("utf-8")
    assert fixed(run, upstream, token_file, contract, "--fix pages").exit_code == 0
    assert "largest = 1000" in contract.read_text("utf-8")


@pytest.mark.parametrize(
    ("fixes", "word"), [("--fix columns.nothing", "no such entry differs"), ("--fix", "--contract")]
)
def test_a_fix_that_cannot_be_made_ends_with_2(
    run: Run, upstream: str, token_file: Path, written: Path, fixes: str, word: str
) -> None:
    given = ("--upstream", upstream, "--token-file", str(token_file))
    own = () if word == "--contract" else ("--contract", str(written))
    done = run("check", *given, *own, *fixes.split())
    assert done.exit_code == 2, done.output
    assert word in done.output


def test_json_has_the_state_of_each_entry(run: Run, upstream: str, token_file: Path) -> None:
    done = run("check", "--json", "--upstream", upstream, "--token-file", str(token_file))
    found = json.loads(done.stdout)
    assert found["fits"] is True
    assert {finding["state"] for finding in found["findings"]} <= {"holds", "untested"}
    assert all(
        finding.keys() == {"fits", "state", "subject", "text"} for finding in found["findings"]
    )


@pytest.mark.parametrize("change", [{}, {"progress": None}, {"updatedAt": None}, {"state": "GONE"}])
def test_no_line_holds_a_value_of_a_person(
    run: Run,
    sandbox_rows: list[dict[str, Any]],
    token_file: Path,
    tmp_path: Path,
    change: dict[str, object],
) -> None:
    """Each text of a person has a mark, in a feed that fits and in feeds that do not."""
    rows = [marked({**row, **change}) for row in sandbox_rows[:60]]
    contract = tmp_path / "contract.toml"
    with running(create_sandbox(rows, secret=SECRET), date_header=False) as upstream:
        given = ("--upstream", upstream, "--token-file", str(token_file))
        shown = run("check", *given).output + run("check", "--json", *given).output
        init = ("init", "--non-interactive", "--output", str(tmp_path / "gateway.toml"))
        shown += run(*init, *given).output
    assert "zqm" not in shown.lower()
    assert not contract.exists() or "zqm" not in contract.read_text("utf-8").lower()


def marked(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in which the key and each text of its person have a mark."""
    user = {n: f"ZQM{v}" if isinstance(v, str) else v for n, v in row["user"].items()}
    fields = [{**f, "value": f"ZQM{f['value']}"} for f in row["user"]["customFields"]]
    groups = [{n: f"ZQM{v}" for n, v in group.items()} for group in row["user"]["groups"]]
    user |= {"customFields": fields, "groups": groups}
    return {**row, "id": f"ZQM{row['id']}", "user": user}


def test_a_second_fix_names_the_first(
    run: Run, upstream: str, token_file: Path, written: Path
) -> None:
    with locked_folder(written):
        done = fixed(run, upstream, token_file, written, "--fix")
    assert done.exit_code == 2, done.output
    assert f"process {os.getpid()}" in done.output
    assert fixed(run, upstream, token_file, written, "--fix").exit_code == 0
    suffixes = {path.suffix for path in written.parent.iterdir()}
    assert suffixes == {".toml", "", ".json", ".lock"}  # of the proofs


def test_a_column_that_serve_would_remove_is_named_before_it_is_gone(
    run: Run, upstream: str, token_file: Path, tmp_path: Path
) -> None:
    served = load_contract(built_in_contract(), FIELDS).schema
    data = tmp_path / "data"
    data.mkdir()
    SchemaLog(data / "schema.json").record({"": served}, datetime.now(UTC))
    before = (data / "schema.json").read_bytes()
    config = tmp_path / "gateway.toml"
    config.write_text(f'data_dir = "{data}"\n[custom_field]\nunit = "cf_department"\n', "utf-8")
    given = ["check", "--config", str(config), "--upstream", upstream]
    done = run(*given, "--token-file", str(token_file))
    assert done.exit_code == 0, done.output
    assert "warning: Results.department is gone: reports that use it fail" in done.stderr
    assert "Users.unit" not in done.stderr
    kept = run(*given, "--token-file", str(token_file), "--column-alias", ALIAS, "--json")
    warnings = json.loads(kept.stdout)["warnings"]
    assert not any("department" in line for line in warnings), warnings
    assert any("region" in line for line in warnings)
    assert (data / "schema.json").read_bytes() == before


ALIAS = "department=unit@2999-12-31"
