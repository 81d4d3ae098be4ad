"""What all commands share: help that teaches, exit codes, completion."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

import gateway
from gateway.cli import main
from gateway.cli.exits import Exit
from tests.cli.conftest import COMMAND, Run

NOTHING = click.Context(main)


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(NOTHING):
        command = group.get_command(NOTHING, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def found_at(path: tuple[str, ...]) -> click.Command:
    command: click.Command | None = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(NOTHING, name)
    assert command is not None
    return command


def examples(path: tuple[str, ...]) -> list[list[str]]:
    """The command lines of a help text, as the shell splits them."""
    lines = re.findall(r"^ +skillhabit-odata (.*)$", found_at(path).help or "", re.MULTILINE)
    return [shlex.split(line.partition(" > ")[0]) for line in lines]


@pytest.mark.parametrize("path", [*commands()], ids=" ".join)
def test_every_help_has_examples_that_can_be_typed(path: tuple[str, ...]) -> None:
    found = examples(path)
    assert found
    for words in found:
        assert tuple(words[: len(path)]) == path
        found_at(path).make_context(path[-1], words[len(path) :]).close()  # or it raises
        assert not any("?=" in word or "&=" in word for word in words)  # eaten by the shell


@pytest.mark.parametrize("path", [(), *commands()], ids=" ".join)
def test_examples_stand_on_lines_of_their_own(run: Run, path: tuple[str, ...]) -> None:
    text = run(*path, "--help").output
    assert "\\b" not in text
    assert re.search(r"^ +skillhabit-odata \w", text, re.MULTILINE)


@pytest.mark.parametrize("line", [["--help"], ["--version"], []], ids=str)
def test_help_and_completion_import_no_service(line: list[str]) -> None:
    code = (
        "import sys\nfrom gateway.cli import main\ntry: main(prog_name='skillhabit-odata')\n"
        "finally: assert not {'duckdb', 'starlette', 'httpx'} & {*sys.modules}"
    )
    words = {"COMP_WORDS": "skillhabit-odata que", "COMP_CWORD": "1"}
    complete = {**words, "_SKILLHABIT_ODATA_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", code, *line],
        env=os.environ if line else {**os.environ, **complete},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "query" in done.stdout or line == ["--version"]


def test_exit_codes_are_told(run: Run) -> None:
    text = run("--help").output
    for code in Exit:
        assert re.search(rf"^ +{code.value}  \w", text, re.MULTILINE)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_completion_is_printed(shell: str) -> None:
    done = completing(f"{shell}_source")
    assert "_SKILLHABIT_ODATA_COMPLETE" in done
    assert "skillhabit-odata" in done


def test_commands_options_and_choices_are_completed() -> None:
    def completed(*words: str) -> set[str]:
        line = {
            "COMP_WORDS": shlex.join(["skillhabit-odata", *words]),
            "COMP_CWORD": str(len(words)),
        }
        told = completing("bash_complete", line)
        return {each.partition(",")[2] for each in told.splitlines()}

    assert completed("ex") == {"explain", "export"}
    assert completed("config", "s") == {"show", "schema"}
    assert "--key-file" in completed("query", "--ke")
    assert completed("query", "--format", "") == {"table", "json", "csv"}


def completing(what: str, line: dict[str, str] | None = None) -> str:
    environment = {**os.environ, **(line or {}), "_SKILLHABIT_ODATA_COMPLETE": what}
    done = subprocess.run(
        [COMMAND], env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    return done.stdout


def test_the_package_runs_as_a_module_and_knows_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"skillhabit-odata, version {gateway.__version__}\n"
