"""`query` on a terminal shows the columns that a person reads, and says what it leaves out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.output import GAP_CHARACTERS
from gateway.cli.row_table import _INSTANTS, _Kind, fit
from tests.cli.conftest import COMMAND, Run
from tests.support.live import Bridge
from tests.support.process import clean_environment

Screen = Callable[..., tuple[list[str], str]]
COLUMNS = st.lists(st.tuples(st.sampled_from(_Kind), st.integers(1, 60)), min_size=1, max_size=25)


@pytest.fixture
def screen(tmp_path: Path) -> Screen:
    """Return the lines of the table on a terminal, and what is noted apart from it."""

    def show(question: str, width: int = 80) -> tuple[list[str], str]:
        child = pexpect.spawn(
            "/bin/sh",
            ["-c", f"exec {COMMAND} query '{question}' 2>notes"],
            cwd=str(tmp_path),
            dimensions=(50, width),
            encoding="utf-8",
            env={**clean_environment(), "TERM": "xterm", "LANG": "C.UTF-8", "COLUMNS": ""},
            timeout=30,
        )
        child.expect(pexpect.EOF)
        plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", str(child.before))
        noted = (tmp_path / "notes").read_text("utf-8")
        return plain.splitlines(), " ".join(noted.split())

    return show


def test_80_columns_show_who_what_how_far_and_when(live: Bridge, screen: Screen) -> None:
    lines, said = screen(f"{live.root}Results?top=5")
    heads = lines[0].split()
    assert {"userName", "contentName", "state", "progress", "updatedAt"} <= {*heads}
    assert {"id", "userId", "groupIds"}.isdisjoint(heads)
    assert all(len(line) <= 80 for line in lines)
    rows = live.feed("Results?$top=5&$select=userName,progress,updatedAt")
    for row, line in zip(rows, lines[1:], strict=True):
        assert f" {row['progress']:g} " in line.replace(".0 ", " ")
        assert row["updatedAt"][:10] in line
    every = {*live.feed("Results?$top=1")[0]}
    named = re.search(r"(\d+) of (\d+) columns are not shown: ([\w, ]+?) for everything", said)
    assert named is not None
    assert {*named[3].replace(" ", "").split(",")} == every - {*heads}
    assert (int(named[1]), int(named[2])) == (len(every - {*heads}), len(every))
    assert "use --format csv or json; to choose columns, add select=NAME,NAME" in said


def test_columns_that_the_query_chooses_stay_in_their_order(live: Bridge, screen: Screen) -> None:
    lines, said = screen(f"{live.root}Results?top=2&select=id,userId,userName")
    assert lines[0].split() == ["id", "userId", "userName"]
    assert said == ""
    lines, said = screen(f"{live.root}Results?top=2&select=id,userId,userName", 32)
    assert lines[0].split()[0] == "id"
    assert [line for line in lines if len(line.rstrip()) > 32] == []
    assert "columns are not shown: userName" in said


def test_the_number_of_cut_values_is_that_of_the_marks(live: Bridge, screen: Screen) -> None:
    lines, said = screen(f"{live.root}Results?top=20&select=id,userName,contentName,updatedAt", 60)
    found = re.search(r"(\d+) values are cut", said)
    assert found is not None
    assert int(found[1]) == "".join(lines[1:]).count("…")


def test_in_a_pipe_nothing_is_cut(run: Run, live: Bridge) -> None:
    done = run("query", f"{live.root}Results?top=3")
    assert "…" not in done.stdout
    assert done.stderr == ""
    assert done.stdout.split()[: len(live.feed("Results?$top=1")[0])] == [
        *json.loads(live.get("Results?$top=1").text)["value"][0]
    ]


@given(COLUMNS, st.integers(1, 200), st.booleans())
def test_a_layout_fits_and_wastes_no_place(
    columns: list[tuple[_Kind, int]], available: int, is_chosen: bool
) -> None:
    kinds, wide = [kind for kind, _ in columns], [full for _, full in columns]
    found = fit(kinds, wide, available, is_chosen=is_chosen)
    total = sum(found.widths) + GAP_CHARACTERS * (len(found.widths) - 1)
    assert total <= available
    assert len(found.shown) == len(found.widths) >= 1
    assert [*found.shown] == sorted({*found.shown})
    is_cut = any(
        w < wide[n] and kinds[n] not in _INSTANTS
        for n, w in zip(found.shown, found.widths, strict=True)
    )
    assert total == available or not is_cut
    if sum(wide) + GAP_CHARACTERS * (len(wide) - 1) <= available:
        assert found.shown == (*range(len(wide)),)
    if len(found.shown) > 1:
        for n, given_width in zip(found.shown, found.widths, strict=True):
            assert given_width == wide[n] or kinds[n] not in (_Kind.NUMBER, _Kind.WORD)
    if is_chosen:
        assert found.shown == (*range(len(found.shown)),)


@pytest.mark.parametrize("available", [20, 40, 80])
def test_a_better_kind_is_not_left_out_for_a_worse_one(available: int) -> None:
    kinds = [_Kind.ID, _Kind.NAME, _Kind.TEXT, _Kind.NUMBER]
    shown = fit(kinds, [30, 30, 30, 3], available, is_chosen=False).shown
    assert {1} <= {*shown}
    assert 0 not in shown or len(shown) == 4
