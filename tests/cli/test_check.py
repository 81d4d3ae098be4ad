"""`skillhabit-odata check`: what an owner of a real token reads to correct the contract file."""

from __future__ import annotations

import json
import re
import socket
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from gateway.contract.loader import built_in_contract
from gateway.sandbox import Faults, create_sandbox, generate, make_token
from tests.cli.conftest import Run
from tests.support.live import FIELDS, SECRET, running

ALL_FIELDS = [part for name, field in FIELDS for part in ("--custom-field", f"{name}={field}")]


def lines_about(output: str, subject: str) -> list[str]:
    return [line for line in output.splitlines() if subject in line]


def test_a_contract_that_fits_ends_with_0(run: Run, upstream: str, token_file: Path) -> None:
    done = run("check", "--upstream", upstream, "--token-file", str(token_file), *ALL_FIELDS)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "the contract file matches"
    for subject in ("[response] total", "[response] rows", "column id", "column groupIds"):
        assert lines_about(done.output, subject)[0].startswith("ok")
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
    (line,) = lines_about(done.output, "column progress ")
    assert line.startswith("DIFFER")
    assert "missing" in line


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ('total = "total"', 'total = "count"', "[response] total"),
        ('rows = "results"', 'rows = "items"', "[response] rows"),
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
        ('orderBy = "${order.field}"', 'sortBy = "${order.field}"', "POST /analyse/results"),
        ('path = "/analyse/results"', 'path = "/analyze/results"', "POST /analyze/results"),
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
    assert lines_about(done.output, subject)[0].startswith("DIFFER")
    assert re.search(r"^\d+ to correct$", done.output, re.MULTILINE)


@pytest.mark.parametrize("shape", ["envelope", "no-total", "array", "types", "html"])
def test_an_answer_of_another_shape_is_a_difference(
    run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path, shape: Any
) -> None:
    faults = Faults(wrong_shape_next=9, wrong_shape=shape)
    sandbox = create_sandbox(sandbox_rows[:20], secret=SECRET, faults=faults)
    with running(sandbox, date_header=False) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 1, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_an_upstream_with_smaller_pages_is_found(
    run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path
) -> None:
    sandbox = create_sandbox(sandbox_rows, secret=SECRET, page_limit=500)
    with running(sandbox, date_header=False) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 1, done.output
    (line,) = lines_about(done.output, "options.limit")
    assert line.startswith("DIFFER")
    assert "<= 500" in line


def answering(status: int, body: str) -> AbstractContextManager[str]:
    """An upstream that always gives this answer; `{authorization}` stands for the header."""

    async def answer(request: Request) -> Response:
        said = body.replace("{authorization}", request.headers["authorization"])
        return Response(said, status, media_type="application/json")

    return running(Starlette(routes=[Route("/analyse/results", answer, methods=["POST"])]))


def test_an_upstream_that_cuts_pages_silently_is_found(
    run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path
) -> None:
    body = json.dumps({"total": 300, "results": sandbox_rows[:100]}, default=str)
    with answering(200, body) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 1, done.output
    (line,) = lines_about(done.output, "[pages] largest")
    assert line.endswith("100 came; set largest = 100")


@pytest.mark.parametrize("before", [0, 200, 290])
def test_a_token_that_the_upstream_repeats_is_not_shown(
    run: Run, token_file: Path, before: int
) -> None:
    with answering(400, "x" * before + " {authorization}") as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert "answered 400" in done.output
    assert "eyJ" not in done.output


def test_check_only_reads_a_page_two_totals_and_the_statistics(
    run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path
) -> None:
    sandbox = create_sandbox(sandbox_rows, secret=SECRET)
    with running(sandbox, date_header=False) as upstream:
        run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert [request.path for request in sandbox.received] == [
        *["/analyse/results"] * 3,
        "/analyse/statistics",
    ]


def statistics_findings(done: Result) -> dict[str, str]:
    """Table -> `ok` or `DIFFER`."""
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
    assert statistics_findings(done) == {f"[statistics.{name}]": "ok" for name in names}
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
    assert statistics_findings(done)[f"[statistics.{table}]"] == "DIFFER"


def test_statistics_that_cannot_be_compared_are_no_difference(
    run: Run, sandbox_rows: list[dict[str, Any]], token_file: Path
) -> None:
    moment = sandbox_rows[0]["updatedAt"]
    rows = [{**row, "id": str(n), "updatedAt": moment} for n, row in enumerate(sandbox_rows * 4)]
    with running(create_sandbox(rows, secret=SECRET), date_header=False) as upstream:
        done = run("check", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 0, done.output
    assert "too many rows have the same instant" in lines_about(done.output, "[statistics]")[0]


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (make_token(SECRET, expires_in_seconds=-60), "401", 2),
        (make_token("another secret of thirty-two bytes"), "401", 2),
        (make_token(SECRET, access=False), "403", 1),
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
