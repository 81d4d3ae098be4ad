"""docs/first-setup.md, typed on a terminal from its first line to its last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pexpect
import pytest

from gateway.sandbox import create_sandbox, generate, make_token
from tests.docs.commands import GATEWAY, Block, Terminal, blocks_of, pattern
from tests.docs.render import ROOT
from tests.docs.test_commands import TRANSCRIPT
from tests.support.live import SECRET, running

_PROMPT = re.compile(r"^ *[^\n]*(?:\]|\(hidden\)):(?: |$)", re.MULTILINE)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    sandbox = create_sandbox(generate(2_000), secret=SECRET)
    with running(sandbox, date_header=False) as upstream:
        yield Terminal(tmp_path, GATEWAY, upstream)


def spawned(terminal: Terminal, command: str) -> Any:
    return pexpect.spawn(
        "/bin/sh",
        ["-c", f"exec {command}"],
        cwd=str(terminal.folder),
        env={**terminal.environment, "TERM": "dumb", "SKILLHABIT_ODATA_PORT": "0"},
        encoding="utf-8",
        timeout=30,
        dimensions=(50, 100),
    )


def answers(shown: str) -> Iterator[tuple[str, str]]:
    """What is asked in a transcript, and what its reader answers; an empty line for a token."""
    for line in shown.splitlines():
        found = _PROMPT.match(line)
        if found is not None:
            yield found[0].strip(), line[found.end() :]


def screen(text: str, terminal: Terminal) -> str:
    """Without the blanks in which a line ends: those of the page are lost to editors."""
    return terminal.as_shown(re.sub(r" *\r?\n", "\n", text))


def asked(terminal: Terminal, block: Block) -> str:
    """The screen of `init`, its questions answered as the page says."""
    ((command, shown),) = block.steps
    assert shown is not None
    child, seen = spawned(terminal, command), ""
    for question, answer in answers(shown):
        child.expect_exact(terminal.as_typed(question))
        seen += child.before + child.after
        hidden = "(hidden)" in question
        child.sendline(make_token(SECRET) if hidden else terminal.as_typed(answer))
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    return screen(seen + child.before, terminal)


def test_the_first_set_up_goes_as_the_page_says(terminal: Terminal) -> None:
    first, *middle, serving, feed, script = blocks_of(ROOT / TRANSCRIPT)
    typed = asked(terminal, first)
    assert pattern(first.steps[0][1] or "").fullmatch(typed), typed
    assert make_token(SECRET) not in typed
    assert [wrong for block in middle for wrong in terminal.run(block)] == []
    ((command, shown),) = serving.steps
    child = spawned(terminal, command)
    child.expect(r"Feed +(http://[0-9.:]+)/odata/v4/")
    there, started = replace(terminal, gateway=child.match[1]), child.before + child.after
    child.expect(r"Sign in .*\n")
    started = screen(started + child.before + child.after, there)
    assert pattern("...\n" + (shown or "")).fullmatch(started), started
    assert [*there.run(feed)] == []
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert [*terminal.run(script)] == []
