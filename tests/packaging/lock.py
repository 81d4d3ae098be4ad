"""The lock files as data: what an image installs, byte by byte."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "requirements.lock"
BUILD = ROOT / "requirements-build.lock"
_PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))? \\\n((?:    --hash=\S+(?: \\)?\n)+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Pin:
    """One package: the version, the hashes of its files, and where it is needed at all."""

    name: str
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]

    @property
    def is_installed(self) -> bool:
        """In this very version: others may say other things."""
        try:
            return importlib.metadata.version(self.name) == self.version
        except importlib.metadata.PackageNotFoundError:
            return False


def pins(path: Path) -> dict[str, Pin]:
    """All packages of a lock file, by name."""
    found: dict[str, Pin] = {}
    for name, version, marker, hashes in _PIN.findall(path.read_text("utf-8")):
        kept = tuple(re.findall(r"--hash=(\S+)", hashes))
        found[canonicalize_name(name)] = Pin(
            canonicalize_name(name), version, Marker(marker) if marker else None, kept
        )
    return found


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def requirements(texts: list[str]) -> list[Requirement]:
    return [Requirement(text) for text in texts]
