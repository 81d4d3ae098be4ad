"""`skillhabit-odata export URL`: a file that is whole, or none."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.ipc
import pyarrow.parquet
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from gateway.cli.exits import Exit
from tests.cli.conftest import Run
from tests.support.live import Bridge, bridge, running

QUESTION = "Results?filter=state ne 'APPROVED'&orderby=userName,id"


@pytest.fixture(scope="module")
def gateway(sandbox_rows: list[dict[str, Any]]) -> Iterator[Bridge]:
    with bridge(sandbox_rows) as found:
        yield found


def wanted(gateway: Bridge, media: str) -> bytes:
    answer = gateway.get(QUESTION.replace(" ", "%20"), {"Accept": media})
    assert answer.status_code == 200
    return answer.content


def test_the_file_is_what_the_gateway_sends(run: Run, gateway: Bridge, tmp_path: Path) -> None:
    output = tmp_path / "rows.csv"
    done = run("export", gateway.root + QUESTION, "-o", str(output))
    assert done.exit_code == 0, done.output
    assert output.read_bytes() == wanted(gateway, "text/csv")
    assert f"{output.stat().st_size:,} bytes" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def test_files_made_here_have_all_rows_and_types(
    run: Run, upstream: str, token_file: Path, tmp_path: Path, gateway: Bridge
) -> None:
    ids = [row["id"] for row in gateway.feed(QUESTION.replace(" ", "%20"))]
    settings = ("--upstream", upstream, "--token-file", str(token_file))
    for name, arguments in (("a.parquet", ()), ("b", ("--format", "arrow"))):
        output = tmp_path / name
        done = run("export", QUESTION, "-o", str(output), *arguments, *settings)
        assert done.exit_code == 0, done.output
        if name == "b":
            table = pyarrow.ipc.open_stream(output.read_bytes()).read_all()
        else:
            table = pyarrow.parquet.read_table(output)
        assert table["id"].to_pylist() == ids
        assert str(table.schema.field("updatedAt").type) == "timestamp[us, tz=UTC]"


def test_nothing_is_overwritten_unless_forced(run: Run, gateway: Bridge, tmp_path: Path) -> None:
    output = tmp_path / "rows.csv"
    output.write_text("dear", "utf-8")
    question = ("export", gateway.root + QUESTION, "-o", str(output))
    done = run(*question)
    assert done.exit_code == 2
    assert "--force" in done.stderr
    assert output.read_text("utf-8") == "dear"
    assert run(*question, "--force").exit_code == 0
    assert output.read_bytes() == wanted(gateway, "text/csv")


@contextmanager
def breaking() -> Iterator[str]:
    """A gateway that goes away in the middle of a file."""

    async def answer(request: Request) -> StreamingResponse:
        async def parts() -> Any:
            yield b"id\r\n" * 1_000
            raise ConnectionAbortedError

        return StreamingResponse(parts(), media_type="text/csv")

    with running(Starlette(routes=[Route("/odata/v4/Results", answer)])) as base:
        yield f"{base}/odata/v4/Results"


@pytest.mark.parametrize("before", [None, "dear"])
def test_a_file_that_is_not_whole_is_none(run: Run, tmp_path: Path, before: str | None) -> None:
    output = tmp_path / "rows.csv"
    if before is not None:
        output.write_text(before, "utf-8")
    with breaking() as url:
        done = run("export", url, "-o", str(output), "--force")
    assert done.exit_code == Exit.LATER, done.output
    assert [path.name for path in tmp_path.iterdir()] == (["rows.csv"] if before else [])
    assert before is None or output.read_text("utf-8") == before


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["Results", "-o", "rows.txt"], 2, "give --format"),
        (["Results?$format=csv", "-o", "rows.csv"], 2, "use --format instead"),
        (["Results", "-o", "nowhere/rows.csv"], 2, "No such file"),
        (["Results?filter=x", "-o", "rows.csv"], 1, "400 UnknownName"),
        (["Results?count=true", "-o", "rows.csv"], 1, "400 OptionNotAllowed"),
        (["Results/$count", "-o", "rows.csv"], 1, "406 NotAcceptable"),
        (["$metadata", "-o", "rows.csv"], 1, "406 NotAcceptable"),
    ],
)
def test_what_has_no_file_is_refused(
    run: Run,
    gateway: Bridge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    word: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("export", *arguments, "--gateway", gateway.root)
    assert done.exit_code == code, done.output
    assert word in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_json_is_no_file(run: Run, tmp_path: Path) -> None:

    assert run("export", "Results", "-o", str(tmp_path / "a"), "--format", "json").exit_code == 2
