"""How much memory there is for DuckDB: the setting, or a half of the machine's or container's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_SHARE = 0.5
_LEAST = 256 * 1_048_576
CGROUP_FILES = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Where a container finds its own limit: control groups version 2, version 1."""


def memory_share(processes: int, files: Sequence[Path] = CGROUP_FILES) -> int | None:
    """Bytes for each of so many processes; None where the system does not tell."""
    found = [*_machine(), *_limits(files)]
    return max(_LEAST, int(min(found) * _SHARE / processes)) if found else None


def _machine() -> list[int]:
    try:
        return [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, OSError, ValueError):  # not POSIX
        return []


def _limits(files: Sequence[Path]) -> list[int]:
    """`max`, and version 1's number for it, which is larger than any machine, limit nothing."""
    found: list[int] = []
    for path in files:
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):
            continue
    return found
