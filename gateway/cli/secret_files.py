"""Files with secrets, of all workspaces, and checks that others cannot read them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from gateway.config import Settings

_OTHERS, _GROUP = 0o007, 0o070
HAS_MODES = hasattr(os, "geteuid")
"""False in Windows, where the mode of a file says nothing of other users."""


def secret_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield each file with a secret and the name of its setting, without duplicates."""
    seen: set[tuple[str, Path]] = set()
    for each in (settings, *settings.others):
        place = "" if each is settings else f"[workspaces.{each.workspace}] "
        for field in fields(each):
            path = getattr(each, field.name)
            if not _holds_a_secret(field.name) or not isinstance(path, Path):
                continue
            if (field.name, path) not in seen:
                seen.add((field.name, path))
                yield f"{place}{field.name}", path


def open_mode(path: Path) -> str:
    """Return the mode of a file that others can read, such as 644; empty if they cannot.

    A file of another owner that the gateway reads through its group, as it is in Kubernetes, is not
    open to others.

    Raises:
        OSError: the file does not exist, or may not be examined.
    """
    found = path.stat()
    if not HAS_MODES:
        return ""
    through_group = found.st_uid != os.geteuid() and found.st_gid in (os.getegid(), *os.getgroups())
    wrong = _OTHERS if through_group else _OTHERS | _GROUP
    mode = stat.S_IMODE(found.st_mode)
    return f"{mode:o}" if mode & wrong else ""


def _holds_a_secret(name: str) -> bool:
    return name.endswith("_file") or name == "tls_key"
