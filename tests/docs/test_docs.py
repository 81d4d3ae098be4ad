"""Documents that rot are worse than none: each is compared with the code or executed."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from gateway.config import load_settings
from tests.docs.reference import pages
from tests.docs.render import (
    ERRORS,
    README,
    ROOT,
    TABLES,
    catalogue,
    errors_page,
    tables_page,
)
from tests.support.process import Process, started

_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)
_BASH = re.compile(r"```bash\n(.*?)```", re.DOTALL)
_ROOT_PAGES = [README, *(ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY"))]
_PAGES = [*_ROOT_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]
_OPERATORS = ROOT / "docs" / "operators.md"


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").split()) <= 800


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_that_is_made_from_the_code_is_current(page: Path) -> None:
    assert page.read_text("utf-8") == pages()[page], "run `python -m tests.docs.render`"


def test_the_errors_page_lists_the_catalogue() -> None:
    assert ERRORS.read_text("utf-8") == errors_page(), "run `python -m tests.docs.render`"


def test_the_tables_page_shows_the_model() -> None:
    assert TABLES.read_text("utf-8") == tables_page(), "run `python -m tests.docs.render`"


def test_codes_are_unique() -> None:
    codes = [error.code for error in catalogue()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text("utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_the_configuration_file_of_the_operators_page_loads() -> None:
    (text,) = _TOML.findall(_OPERATORS.read_text("utf-8"))
    settings = load_settings({}, {}, text)
    assert settings.custom_field == (("department", "cf_department"), ("region", "cf_region"))
    assert settings.token_file == Path("token.txt")
    assert (settings.data_dir, settings.fresh_for) == (Path("snapshots"), 900)


def test_the_rehearsal_of_the_operators_page_works(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    first, second, third = _BASH.findall(_OPERATORS.read_text("utf-8"))
    tail, check, faults, serve = second.splitlines()
    port, environment = free_port(), {"PYTHONPATH": str(ROOT), "SKILLHABIT_ODATA_PORT": "0"}

    def typed(line: str) -> AbstractContextManager[Process]:
        line = line.replace(".venv/bin", str(Path(sys.executable).parent)).replace("9000", port)
        command = ["/bin/sh", "-c", f"exec {line.strip()}"]  # so that ending it ends the program
        return started(command, cwd=tmp_path, environment=environment)

    with typed(first.replace("| tee", ">")):
        wait_for_lines(tmp_path / "sandbox.txt", 2)
        subprocess.run(["/bin/sh", "-c", tail], cwd=tmp_path, check=True)
        with typed(check) as terminal:
            terminal.wait_for("(the contract file matches)")
        with typed(faults) as terminal:
            assert terminal.wait_for(r'"errorNext":(\d)') == "2"
        with typed(serve) as terminal:
            root = terminal.wait_for(r"running on (http://\S+)") + "/odata/v4/"
            assert httpx.get(f"{root}Results?$top=3", timeout=20).status_code == 200
    listing, like = third.splitlines()
    with typed(listing) as terminal:
        assert terminal.wait_for("nestjs +(NestJS)") == "NestJS"
    with typed(like) as terminal:
        assert port in terminal.wait_for(r"http://127.0.0.1:(\d+)")


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def wait_for_lines(path: Path, number: int) -> None:
    deadline = time.monotonic() + 30
    while not path.exists() or path.read_text("utf-8").count("\n") < number:
        assert time.monotonic() < deadline, f"{path.name} has no {number} lines"
        time.sleep(0.02)
