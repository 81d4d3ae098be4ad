"""The one DuckDB of a process for all its snapshots, closed to everything else.

No SQL contains a client's text, but a mistake must not open the machine's files: SQL reads and
writes nothing outside the snapshots' directory, loads no extension, sees no Python variable, and
cannot change that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

_MEMORY_SHARE = 0.5
_MIN_MEMORY_BYTES = 256 * 1_048_576
CGROUP_FILES = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""The files with a container's own limit: control groups version 2, version 1."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits in bytes; None leaves them to DuckDB: most of the machine's memory and of the disk.

    `memory` includes the tables kept in memory. `spill` bounds the temporary files of large sorts.
    """

    memory: int | None = None
    spill: int | None = None


def open_database(
    directory: Path | None, spill: Path | None, bounds: Bounds
) -> duckdb.DuckDBPyConnection:
    """Open a connection to attach snapshots to; large sorts spill into `spill`, or not at all."""
    connection = duckdb.connect(":memory:")
    allowed = [] if directory is None else [str(directory)]
    settings: dict[str, object] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "temp_directory": "" if spill is None else str(spill),
        **_bounded("memory_limit", bounds.memory),
        **_bounded("max_temp_directory_size", bounds.spill),
        "allowed_directories": allowed,
        "enable_external_access": False,
        "lock_configuration": True,
    }
    for name, value in settings.items():
        connection.execute(f"SET {name} = {literal(value)}")
    return connection


def _bounded(name: str, number: int | None) -> dict[str, object]:
    return {} if number is None else {name: f"{number}B"}


def literal(value: object) -> str:
    """Return a SQL literal, for statements that take no parameters (SET, ATTACH)."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case _:
            return "'" + str(value).replace("'", "''") + "'"


def memory_in_tables(cursor: duckdb.DuckDBPyConnection) -> int:
    """Return the bytes of all tables in memory, as DuckDB counts them."""
    [(found,)] = cursor.execute(
        "SELECT sum(memory_usage_bytes) FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
    ).fetchall()
    return int(found or 0)


def memory_share(processes: int, files: Sequence[Path] = CGROUP_FILES) -> int | None:
    """Return the bytes for each of the processes; None if the system does not report its memory."""
    found = [*_machine_memory(), *_container_limits(files)]
    return max(_MIN_MEMORY_BYTES, int(min(found) * _MEMORY_SHARE / processes)) if found else None


def _machine_memory() -> list[int]:
    try:
        return [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, OSError, ValueError):  # not POSIX
        return []


def _container_limits(files: Sequence[Path]) -> list[int]:
    """Return the limits in the files; `max` and version 1's huge number limit nothing."""
    found: list[int] = []
    for path in files:
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):
            continue
    return found
