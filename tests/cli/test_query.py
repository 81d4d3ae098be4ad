"""`skillhabit-odata query URL`: the same rows from a gateway made here and from one that runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from gateway.sandbox import create_sandbox, generate, make_token
from tests.cli.conftest import COMMAND, Run
from tests.support.live import FIELDS, SECRET, Bridge, bridge, running
from tests.support.process import started

FAILED = "Results?filter=state eq 'FAILED'&select=id,userName,progress,groupIds"


@pytest.fixture(scope="module")
def gateway(sandbox_rows: list[dict[str, Any]]) -> Iterator[Bridge]:
    with bridge(sandbox_rows) as found:
        yield found


@pytest.fixture
def here(upstream: str, token_file: Path) -> tuple[str, ...]:
    """What makes a gateway in the command's own process."""
    fields = (part for name, field in FIELDS for part in ("--custom-field", f"{name}={field}"))
    return ("--upstream", upstream, "--token-file", str(token_file), *fields)


def rows_of(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    "question",
    [FAILED, "Users?orderby=name", "Results?apply=groupby((state),aggregate($count as n))"],
)
def test_the_rows_are_those_of_the_feed(
    run: Run, here: tuple[str, ...], gateway: Bridge, question: str
) -> None:
    bare = {"Accept": "application/json;odata.metadata=none"}
    wanted = gateway.feed(question.replace(" ", "%20"), bare)
    asked_here = run("query", question, "--format", "json", "--limit", "0", *here)
    asked_there = run("query", gateway.root + question, "--format", "json", "--limit", "0")
    assert asked_here.exit_code == asked_there.exit_code == 0, asked_here.output
    assert rows_of(asked_here.stdout) == rows_of(asked_there.stdout) == wanted


def test_next_links_are_followed_up_to_the_limit(run: Run, here: tuple[str, ...]) -> None:
    done = run("query", "Results", "--format", "json", "--limit", "7", *here)
    assert len(rows_of(done.stdout)) == 7
    assert "more than 7 rows" in done.stderr
    done = run("query", "Results?top=7", "--format", "json", "--limit", "7", *here)
    assert len(rows_of(done.stdout)) == 7
    assert "more than" not in done.stderr  # progress may be there, on a slow machine


def test_pages_of_a_gateway_are_followed(run: Run, sandbox_rows: list[dict[str, Any]]) -> None:
    with bridge(sandbox_rows, settings={"page_size": 50, "max_page_size": 50}) as paged:
        done = run("query", f"{paged.root}Results", "--format", "json", "--limit", "0")
    assert len({row["id"] for row in rows_of(done.stdout)}) == len(sandbox_rows)


def test_a_table_tells_null_from_an_empty_text(run: Run, gateway: Bridge) -> None:
    question = "Statistics?compute=null as no,'' as text&select=no,text"
    done = run("query", gateway.root + question)
    assert [line.split() for line in done.stdout.splitlines()] == [["no", "text"], ["''"]]


def test_csv_tells_null_from_an_empty_text(run: Run, gateway: Bridge) -> None:
    done = run("query", gateway.root + FAILED, "--format", "csv", "--limit", "0")
    read = [*csv.DictReader(io.StringIO(done.stdout))]
    wanted = gateway.feed(FAILED.replace(" ", "%20"))
    assert [row["id"] for row in read] == [row["id"] for row in wanted]
    assert [json.loads(row["groupIds"]) for row in read] == [row["groupIds"] for row in wanted]
    empty = run("query", f"{gateway.root}Statistics?compute=null as no,'' as text&select=no,text",
                "--format", "csv")  # fmt: skip
    assert empty.stdout_bytes in (b'no,text\r\n,""\r\n', b'no,text\n,""\n'), empty.output


def test_what_is_no_feed_is_printed_as_it_is(run: Run, gateway: Bridge) -> None:
    assert run("query", f"{gateway.root}Results/$count").stdout == "300\n"
    assert run("query", f"{gateway.root}$metadata").stdout.startswith("<?xml")
    key = gateway.feed("Results?$top=1")[0]["id"]
    done = run("query", f"{gateway.root}Results('{key}')", "--format", "json")
    assert [row["id"] for row in rows_of(done.stdout)] == [key]


def test_a_table_in_a_pipe_is_whole_and_on_a_terminal_fits(gateway: Bridge, run: Run) -> None:
    question = f"{gateway.root}Results?top=3"
    piped = run("query", question).stdout.splitlines()
    longest = max((row["userEmail"] or "" for row in gateway.feed("Results?$top=3")), key=len)
    assert len(piped) == 4
    assert any(longest in line for line in piped)
    child = pexpect.spawn(COMMAND, ["query", question], dimensions=(24, 60), encoding="utf-8")
    child.expect(pexpect.EOF, timeout=20)
    shown = str(child.before)
    lines = [line for line in shown.splitlines() if "\x1b[2K" not in line]
    assert any("…" in line for line in lines)
    assert any("not shown: " in line for line in lines)
    assert longest not in shown


def test_nothing_in_the_data_steers_the_terminal(run: Run) -> None:
    row: dict[str, Any] = generate(1).to_rows()[0]
    row["content"]["name"] = "\x1b[2J\x07boo\r\nid"
    with bridge([row]) as found:
        done = run("query", f"{found.root}Results?select=contentName")
    assert done.stdout == "contentName\n\ufffd[2J\ufffdboo\ufffd\ufffdid\n"


@pytest.mark.parametrize("there", [True, False], ids=["asked there", "asked here"])
def test_a_refusal_shows_the_place_and_ends_with_1(
    run: Run, here: tuple[str, ...], gateway: Bridge, *, there: bool
) -> None:
    question = "Results?filter=progress > 50"
    done = run("query", gateway.root + question) if there else run("query", question, *here)
    assert done.exit_code == 1
    assert done.stdout == ""
    head, text, caret = done.stderr.splitlines()[:3]
    assert head.startswith("400 InvalidSyntax: $filter:")
    assert text[caret.index("^")] == ">"


def test_who_cannot_answer_now_is_told_by_3(run: Run, token_file: Path) -> None:
    nobody = "http://127.0.0.1:1"
    assert run("query", f"{nobody}/odata/v4/Results").exit_code == 3
    here = ("--upstream", nobody, "--token-file", str(token_file))
    environment = {"SKILLHABIT_ODATA_RETRY_BUDGET": "0"}
    done = run("query", "Results", *here, environment=environment)
    assert done.exit_code == 3
    assert done.stderr.startswith("503 UpstreamUnavailable")


def test_a_key_opens_and_is_sent_nowhere_else(
    run: Run, sandbox_rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    """The links of a gateway with another public address are asked where the first page was."""
    key_file = tmp_path / "key"
    key_file.write_text("open sesame\n", "utf-8")
    settings = {
        "access_key_file": str(key_file),
        "public_url": "http://127.0.0.1:1/elsewhere",
        "max_page_size": 100,
        "page_size": 100,
    }
    with bridge(sandbox_rows, settings=settings) as locked:
        question = (f"{locked.root}Results?select=id", "--limit", "0", "--format", "json")
        assert run("query", *question).exit_code == 1
        for done in (
            run("query", *question, "--key-file", str(key_file)),
            run("query", *question, environment={"SKILLHABIT_ODATA_KEY": "open sesame"}),
        ):
            assert len(rows_of(done.stdout)) == 300, done.stderr
            assert "sesame" not in done.output
    far = run("query", "http://gateway.invalid/odata/v4/Results", "--key-file", str(key_file))
    assert "not encrypted" in far.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (
            ["http://a.example/odata/v4/Results", "--gateway", "http://b.example"],
            "not to --gateway",
        ),
        (["http://a.example/odata/v4/Results", "--role", "hr"], "its key determines both"),
        (["Results", "--gateway", "b.example"], "is not a URL"),
        (["Results", "--workspace", "acme"], "known names: default"),
        (["Results", "--role", "hr"], "known names: none"),
        (["Results?$format=csv"], "use --format instead"),
        (["Results", "--gateway", "http://b.example", "--key-file", "/nowhere"], "--key-file"),
    ],
)
def test_what_does_not_go_together_ends_with_2(run: Run, arguments: list[str], word: str) -> None:
    done = run("query", *arguments)
    assert done.exit_code == 2
    assert word in done.stderr


def test_a_role_sees_what_it_may(run: Run, here: tuple[str, ...], tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        "[roles.coach]\nrows = \"state eq 'FAILED'\"\nhide = ['userEmail']\n", "utf-8"
    )
    arguments = ("query", "Results", "--config", str(config), "--format", "json", *here)
    rows = rows_of(run(*arguments, "--role", "coach", "--limit", "0").stdout)
    assert {row["state"] for row in rows} == {"FAILED"}
    assert "userEmail" not in rows[0]
    assert run(*arguments, "--role", "other").exit_code == 2


def test_kept_rows_are_not_asked_for_again(
    run: Run, token_file: Path, tmp_path: Path, sandbox_rows: list[dict[str, Any]]
) -> None:
    sandbox = create_sandbox(sandbox_rows, secret=SECRET)
    with running(sandbox, date_header=False) as upstream:
        arguments = ["--upstream", upstream, "--token-file", str(token_file)]
        arguments += ["--data-dir", str(tmp_path / "snapshots"), "--limit", "0"]
        assert run("query", "Users", *arguments).exit_code == 0
        asked = len(sandbox.received)
        assert run("query", "Contents", *arguments).exit_code == 0
        assert len(sandbox.received) == asked


def test_a_refused_token_is_2_with_its_place_and_no_line_of_a_server(
    upstream: str, tmp_path: Path
) -> None:
    token = tmp_path / "old-token"
    token.write_text(make_token("another secret of thirty-two bytes"), "utf-8")
    command = [COMMAND, "query", "Results", "--upstream", upstream, "--token-file", str(token)]
    with started(command, cwd=tmp_path) as process:
        process.wait_for(f"renew the token in ({token})")
        assert process.stop(0) == 2
    assert process.output.startswith("502 UpstreamRejectedToken: ")
