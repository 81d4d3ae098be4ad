"""`skillhabit-odata keys`: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.auth.key_file import read_keys
from gateway.auth.keys import parse_expiry
from gateway.cli import main
from tests.support.access import change_key, make_key
from tests.support.process import clean_environment

KEY = r"sho_[0-9a-f]{12}_[a-z2-7]{52}"
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
Run = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def run(file: Path) -> Run:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["keys", *arguments, "--keys-file", str(file)])

    return invoke


def test_a_key_is_shown_once_and_alone_and_kept_as_a_digest(run: Run, file: Path) -> None:
    done = run("create", "--name", "Anna", "--role", "hr", "--expires", "90d")
    assert done.exit_code == 0
    assert re.fullmatch(KEY, done.stdout.strip())
    secret = done.stdout.strip().rpartition("_")[2]
    assert "It opens workspace default as role hr and works until" in done.stderr
    assert "are not checked: give --config FILE" in done.stderr
    assert secret not in done.stderr
    assert secret not in file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for command in (("list",), ("list", "--json")):
        assert secret not in run(*command).output
        assert "Anna" in run(*command).output


def test_all_that_is_known_of_a_key_is_shown(run: Run) -> None:
    made = json.loads(run("create", "--name", "B", "--workspace", "acme", "--json").stdout)
    assert re.fullmatch(KEY, made.pop("key"))
    shown = json.loads(run("show", made["id"], "--json").stdout)
    assert shown == made
    assert shown["standing"] == "good"
    assert (shown["workspace"], shown["role"], shown["expires"]) == ("acme", None, None)
    assert "acme" in run("show", made["id"]).stdout
    (listed,) = json.loads(run("list", "--json").stdout)
    assert listed == made


def test_a_revoked_key_stays_in_the_list_with_its_first_moment(run: Run, file: Path) -> None:
    _, key_id = make_key(file)
    first: dict[str, Any] = json.loads(run("revoke", key_id, "--json").stdout)
    assert first["standing"] == "revoked"
    change_key(file, key_id, revoked=NOW)
    assert run("revoke", key_id).exit_code == 0
    assert json.loads(run("show", key_id, "--json").stdout)["revoked"] == "2026-07-01T12:00:00Z"
    assert "revoked" in run("list").stdout


def test_what_is_not_there_cannot_be_revoked_and_leaves_nothing(run: Run, file: Path) -> None:
    listed, revoked = run("list"), run("revoke", "000000000000")
    assert revoked.exit_code == 2
    assert revoked.stderr.splitlines()[-1] == listed.stderr.splitlines()[-1]
    assert "No such file" in revoked.stderr
    assert [*file.parent.iterdir()] == []


def test_the_list_has_a_head_and_columns_however_long_a_name_is(run: Run, file: Path) -> None:
    for name in ("A", "a very long name of somebody " * 3, "B\x1b[2J"):
        run("create", "--name", name, "--role", "r" * len(name))
    run("create", "--name", "D", "--expires", "90d")
    head, *lines = run("list").stdout.splitlines()
    assert head.split() == ["id", "standing", "opens", "expires", "name"]
    assert len({line.index(" good ") for line in lines}) == 1
    assert all(line[head.index("name") - 1] == " " for line in lines)
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "--name", " "),
        ("create", "--name", "x", "--role", ""),
        ("create", "--name", "x", "--workspace", ""),
        ("create", "--name", "x", "--expires", "soon"),
        ("create", "--name", "x", "--expires", "2020-01-01"),
        ("create", "--name", "x", "--expires", "99999y"),
        ("create", "--name", "x", "--expires", "9999-12-31"),
        ("create", "--name", "x", "--expires", "0d"),
        ("create",),
        ("revoke", "000000000000"),
        ("show", "000000000000"),
    ],
)
def test_what_cannot_be_done_ends_with_2_and_changes_nothing(
    run: Run, file: Path, arguments: tuple[str, ...]
) -> None:
    make_key(file)
    before = file.read_bytes()
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert file.read_bytes() == before


def test_a_file_must_be_named_and_read(run: Run, file: Path, tmp_path: Path) -> None:
    assert run("list").exit_code == 2  # not there yet
    unset = {"SKILLHABIT_ODATA_KEYS_FILE": None, "SKILLHABIT_ODATA_CONFIG": None}
    assert "--keys-file" in CliRunner().invoke(main, ["keys", "list"], env=unset).output
    given = {**unset, "SKILLHABIT_ODATA_KEYS_FILE": str(file)}
    file.touch()
    empty = CliRunner().invoke(main, ["keys", "list"], env=given)
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert run("create", "--name", "x").exit_code == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"role"', '"rule"'),
        lambda text: text.replace('"version": 1', '"version": 2'),
        lambda text: re.sub(r'"sha256": ".', '"sha256": "X', text),
        lambda text: text.replace('"keys": [', '"keys": [' + text[text.index("{", 2) : -20] + ","),
        lambda text: "[]",
        lambda text: "\xff",
    ],
)
def test_a_damaged_file_is_told_and_left_alone(
    run: Run, file: Path, damage: Callable[[str], str]
) -> None:
    make_key(file)
    file.write_text(damage(file.read_text("utf-8")), "latin-1")
    before = file.read_bytes()
    for command in (("list",), ("create", "--name", "x")):
        done = run(*command)
        assert done.exit_code == 2
        assert str(file) in done.stderr
    assert file.read_bytes() == before


def test_commands_at_the_same_time_lose_nothing(file: Path, tmp_path: Path) -> None:
    """Processes of their own, each of which makes several keys."""
    code = (
        "import sys; from pathlib import Path; from tests.support.access import make_key\n"
        "for _ in range(8): print(make_key(Path(sys.argv[1]))[1])"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(file)],
            env={**clean_environment(), "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    made = [line for writer in writers for line in writer.communicate(timeout=60)[0].split()]
    assert len(made) == 24
    assert set(read_keys(file.read_bytes())) == set(made)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {file.name, f"{file.name}.lock"}


@pytest.mark.parametrize(
    ("text", "lasts"),
    [
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("8w", timedelta(weeks=8)),
        ("1y", timedelta(days=365)),
        ("2026-07-01", timedelta(hours=12)),  # to the end of that day
    ],
)
def test_a_key_lasts_as_long_as_was_said(text: str, lasts: timedelta) -> None:
    assert parse_expiry(text, NOW) == NOW + lasts


@pytest.mark.parametrize("command", ["create", "limit"])
def test_unknown_sets_are_refused_with_the_known_ones_without_a_configuration(
    run: Run, file: Path, command: str
) -> None:
    made = json.loads(run("create", "--name", "A", "--sets", "Results,Users", "--json").stdout)
    before = file.read_bytes()
    target = [made["id"]] if command == "limit" else ["--name", "B"]
    for sets in ("Nope", "Results,Nope", "results"):
        done = run(command, *target, "--sets", sets)
        assert done.exit_code == 2
        assert "--sets" in done.stderr
        assert "Results, " in done.stderr
        assert "give --config FILE" in done.stderr
    assert file.read_bytes() == before
    assert run(command, *target, "--sets", "Users").exit_code == 0
