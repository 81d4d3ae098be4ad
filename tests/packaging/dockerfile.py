"""The Dockerfile carried out without an engine: its steps, in a folder instead of an image."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tests.packaging.lock import ROOT
from tests.support.authorities import with_all_authorities

_BUILT = ("/src", "/opt")
"""What the build stage makes, all of it below the folder here."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction and its text."""

    name: str
    text: str


def steps() -> list[Step]:
    """All instructions, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Step(*line.split(" ", 1)) for line in joined.splitlines()]


def stage(number: int) -> list[Step]:
    """The instructions from the FROM of this number, counted from 0, to the next."""
    starts = [n for n, step in enumerate(steps()) if step.name == "FROM"]
    return steps()[starts[number] : [*starts, None][number + 1]]


def last(name: str) -> str:
    """The text of the last instruction of this name."""
    return next(step.text for step in reversed(steps()) if step.name == name)


def environment() -> dict[str, str]:
    """What ENV sets, without PATH."""
    pairs = re.findall(r"(\w+)=(\S+)", " ".join(s.text for s in stage(1) if s.name == "ENV"))
    return {name: value for name, value in pairs if name != "PATH"}


def command() -> list[str]:
    """ENTRYPOINT and CMD."""
    return [*json.loads(last("ENTRYPOINT")), *json.loads(last("CMD"))]


def healthcheck() -> list[str]:
    """The command of HEALTHCHECK."""
    found: list[str] = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    return found


def build(folder: Path) -> subprocess.CompletedProcess[str] | None:
    """Carry the build stage out below `folder`; the first step that fails, or None."""
    for step in stage(0):
        if step.name == "COPY":
            *sources, target = step.text.split()
            for source in sources:
                _copy(source, folder / "src" / target)
        if step.name == "RUN":
            done = _run(step.text, folder)
            if done.returncode != 0:
                return done
    return None


def _copy(source: str, target: Path) -> None:
    assert any(fnmatch(source, kept) for kept in _context()), f"{source} is not in the context"
    target.parent.mkdir(parents=True, exist_ok=True)
    if (ROOT / source).is_dir():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / source, target, ignore=ignored)
    else:
        target.mkdir(exist_ok=True)
        shutil.copy(ROOT / source, target)


def _context() -> list[str]:
    """What .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert lines[0] == "*"
    return [line[1:] for line in lines if line.startswith("!")]


def _run(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The image's python is this one; downloads may come from the cache here."""
    for place in _BUILT:
        text = re.sub(rf"(?<![\w/.]){place}/", f"{folder}{place}/", text)
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    text = re.sub(r"(?<![\w/])python (?=-m)", f"{python} ", text)
    text = re.sub(r" --no-cache(-dir)?\b", "", text)
    (folder / "src").mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        ["/bin/sh", "-ec", text],
        cwd=folder / "src",
        env={**with_all_authorities(os.environ), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
