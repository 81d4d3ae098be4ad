"""Every command of the documents is run as it stands there, or is named here with a reason."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.cli import main
from gateway.sandbox import generate, make_token
from tests.docs.commands import Block, Terminal, blocks_of
from tests.docs.render import README, ROOT
from tests.support.live import SECRET, Bridge, bridge

_SERVES = "serves until it is ended; tests/cli/test_serve.py runs it"
_OWN = "test_the_rehearsal_of_the_operators_page_works runs it"
_ACCESS = "tests/docs/test_access_page.py walks it"
NOT_RUN = {
    "CONTRIBUTING.md: make check": "runs all checks and tests, this one too",
    "CONTRIBUTING.md: python3 -m venv": "installs from a package index",
    "README.md: pipx install": "installs from a package index; tests/packaging builds the wheel",
    "README.md: docker compose up": "needs a container engine; tests/packaging runs its parts",
    "README.md: skillhabit-odata demo": "serves until it is ended; tests/cli/test_demo.py runs it",
    "README.md: skillhabit-odata init": "prompts; test_first_setup.py types the answers",
    "README.md: skillhabit-odata serve": _SERVES,
    "docs/access.md: .venv/bin/python -m gateway.sandbox": _ACCESS,
    "docs/access.md: tail -n 1 sandbox.txt": _ACCESS,
    "docs/access.md: curl -i -H": _ACCESS,
    "docs/behind-a-proxy.md: skillhabit-odata serve": _SERVES,
    "docs/cli.md: eval": "changes the reader's shell; tests/cli/test_main.py asks for the script",
    "docs/custom-fields.md: skillhabit-odata serve": _SERVES,
    "docs/operators.md: .venv/bin/python -m gateway.sandbox": _OWN,
    "docs/operators.md: tail -n 1 sandbox.txt": _OWN,
    "docs/replicas.md: skillhabit-odata serve": _SERVES,
}
"""Page and beginning of a block, and why it is not run here."""
TRANSCRIPT = "docs/first-setup.md"  # test_first_setup.py types it
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
_SPAN = re.compile(r"`(skillhabit-odata [^`\n]*)`")


def why_not(block: Block) -> str | None:
    """The beginning in `NOT_RUN` that fits."""
    name = f"{block.page}: {block.first}"
    return next((beginning for beginning in NOT_RUN if name.startswith(beginning)), None)


def is_run(block: Block) -> bool:
    return why_not(block) is None and block.page != TRANSCRIPT


RUN = [page for page in PAGES if any(is_run(block) for block in blocks_of(page))]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Bridge]:
    with bridge(generate(2_000)) as found:
        yield found


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_do_what_it_says(
    gateway: Bridge, tmp_path: Path, page: Path
) -> None:
    blocks = [block for block in blocks_of(page) if is_run(block)]
    if shutil.which("curl") is None and any("curl " in block.text for block in blocks):
        pytest.skip("curl is not installed")
    (tmp_path / "token.txt").write_text(make_token(SECRET), "utf-8")
    base = gateway.root.removesuffix("/odata/v4/")
    terminal = Terminal(tmp_path, base, gateway.upstream)
    assert [wrong for block in blocks for wrong in terminal.run(block)] == []


def test_what_is_not_run_is_there() -> None:
    assert {*NOT_RUN} == {why_not(block) for block in BLOCKS} - {None}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_ours_is_one(page: Path) -> None:
    """Also those in running text and those that are not run: each option must be there."""
    text = page.read_text("utf-8")
    typed = [line for block in blocks_of(page) for line in block.text.splitlines()]
    lines = [line.removeprefix("$ ").replace(".venv/bin/", "") for line in typed]
    for line in (*lines, *_SPAN.findall(text)):
        words = shlex.split(line.partition(" > ")[0].partition(" | ")[0], comments=True)
        if words[:1] == ["skillhabit-odata"] and not line.endswith(("\\", "...")):
            _parse(words[1:])


def _parse(words: list[str]) -> None:
    """Raises what the command line would tell."""
    command: click.Command | None = main
    while isinstance(command, click.Group) and words:
        command, words = command.get_command(click.Context(main), words[0]), words[1:]
    assert command is not None
    required = any(parameter.required for parameter in command.params)
    if not isinstance(command, click.Group) and (words or not required):
        whole = click.Context(main, **main.context_settings)  # a command keeps its first one's -h
        command.make_context("command", [*words], parent=whole).close()
