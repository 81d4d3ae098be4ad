"""Documents that rot are worse than none: each is compared with the code or executed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.render import ERRORS, README, ROOT, catalogue, errors_page, readme
from tests.support.live import Bridge

_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_CONSOLE = re.compile(r"```console\n\$ (.*?)\n(.*?)```", re.DOTALL)
_SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_readme_lists_every_setting() -> None:
    assert README.read_text("utf-8") == readme(), "run `python -m tests.docs.render`"


def test_the_errors_page_lists_the_catalogue() -> None:
    assert ERRORS.read_text("utf-8") == errors_page(), "run `python -m tests.docs.render`"


def test_codes_are_unique() -> None:
    codes = [error.code for error in catalogue()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text("utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_the_readmes_curl_commands_work(live: Bridge) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (block,) = _SHELL.findall(README.read_text("utf-8"))
    commands = [line for line in block.splitlines() if line.startswith("curl")]
    assert len(commands) == 4
    for command in commands:
        script = command.replace("curl ", "curl --fail-with-body -sS ")
        run = subprocess.run(
            ["/bin/sh", "-c", script],
            env={**os.environ, "ROOT": live.root.rstrip("/")},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert run.returncode == 0, (command, run.stdout, run.stderr)
        assert run.stdout


def test_the_readmes_explanation_is_what_the_command_prints() -> None:
    ((command, output),) = _CONSOLE.findall(README.read_text("utf-8"))
    program = f'"{sys.executable}" -c "from gateway.cli import main; main()"'
    script = command.replace(".venv/bin/skillhabit-odata", program)
    run = subprocess.run(
        ["/bin/sh", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    assert run.stdout == output
