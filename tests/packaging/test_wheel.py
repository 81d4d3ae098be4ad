"""The wheel, as it would be published: built, installed elsewhere, and run there."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import httpx
import lark
import pytest

from gateway.sandbox import create_sandbox, generate, make_token
from tests.support.live import SECRET, running
from tests.support.process import clean_environment, started

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Installation:
    """A virtual environment with the wheel, and an empty folder to work in."""

    binaries: Path
    folder: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = clean_environment()
        environment.pop("PYTHONPATH", None)
        return subprocess.run(
            [str(self.binaries / arguments[0]), *arguments[1:]],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    _pip("wheel", *offline, "--wheel-dir", str(folder), str(CHECKOUT))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Dependencies are borrowed through a .pth file; ours come from the wheel and nowhere else."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    _pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(str(Path(lark.__file__).parents[1]), "utf-8")
    return Installation(place / "bin", tmp_path_factory.mktemp("elsewhere"))


def _pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_code_and_data_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert names >= {
        "grammar/odata.lark",
        "grammar/py.typed",
        "gateway/py.typed",
        "gateway/contract/skillhabit.toml",
        "gateway/connect/analysis.toml",
        "gateway/sandbox/analytics-api.openapi.yaml",
    }
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "gateway",
        "grammar",
        "skillhabit_odata",
    }
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_has_every_module_of_the_checkout(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if name.endswith(".py")}
    written = {
        str(path.relative_to(CHECKOUT))
        for package in ("gateway", "grammar")
        for path in (CHECKOUT / package).rglob("*.py")
    }
    assert shipped == written


def test_the_packages_come_from_the_wheel(installation: Installation) -> None:
    code = "import gateway, grammar; print(gateway.__file__); print(grammar.__file__)"
    done = installation.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        assert Path(line).is_relative_to(installation.binaries.parent)


def test_the_command_helps_and_tells_its_version(installation: Installation) -> None:
    done = installation.run("skillhabit-odata", "--help")
    assert done.returncode == 0, done.stderr
    for command in ("serve", "demo", "check", "explain"):
        assert re.search(rf"^  {command} ", done.stdout, re.MULTILINE)
    version = installation.run("skillhabit-odata", "--version")
    assert re.search(r"\d+\.\d+\.\d+", version.stdout)


def test_the_command_explains_without_a_network(installation: Installation) -> None:
    question = "Results?$filter=state eq 'FAILED'&$top=5"
    done = installation.run("skillhabit-odata", "explain", "--json", question)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["payload"]["states"] == ["FAILED"]


def test_the_command_serves(installation: Installation) -> None:
    token_file = installation.folder / "token"
    token_file.write_text(make_token(SECRET), "utf-8")
    with running(create_sandbox(generate(100), secret=SECRET), date_header=False) as upstream:
        command = [
            str(installation.binaries / "skillhabit-odata"),
            "serve",
            *("--port", "0", "--upstream", upstream, "--token-file", "token"),
        ]
        with started(command, cwd=installation.folder, environment={"PYTHONPATH": ""}) as process:
            base = process.wait_for(r"running on (http://\S+)")
            answer = httpx.get(f"{base}/odata/v4/Results?$count=true&$top=3", timeout=30)
            process.stop(signal.SIGINT)
    assert answer.json()["@odata.count"] == 100
    assert len(answer.json()["value"]) == 3
    assert "Traceback" not in process.output


def test_the_wheel_has_what_pages_are_made_of(wheel: Path) -> None:
    pages = CHECKOUT / "gateway" / "pages"
    wanted = {p.relative_to(CHECKOUT).as_posix() for p in pages.rglob("*.*") if p.suffix != ".pyc"}
    with ZipFile(wheel) as archive:
        assert wanted <= set(archive.namelist())
