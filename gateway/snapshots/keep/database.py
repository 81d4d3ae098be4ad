"""One DuckDB for all snapshots of a process, closed to everything else.

No query is made of a client's text, but a mistake there shall not open the machine's files: SQL
reads and writes nothing outside of the snapshots' directory, loads no extension, sees no Python
variable, and cannot change that.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes; None leaves it to DuckDB: most of the machine's memory, most of what the disk has.

    `memory` counts what is kept in memory, too. `spill` bounds what large sorts put aside.
    """

    memory: int | None = None
    spill: int | None = None


def open_database(
    directory: Path | None, spill: Path | None, bounds: Bounds
) -> duckdb.DuckDBPyConnection:
    """A connection to attach snapshots to; large sorts spill into `spill`, or not at all."""
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
    """A SQL literal, where DuckDB takes no parameter (SET, ATTACH)."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case _:
            return "'" + str(value).replace("'", "''") + "'"


def memory_in_tables(cursor: duckdb.DuckDBPyConnection) -> int:
    """Bytes of all tables in memory, as DuckDB counts them."""
    [(found,)] = cursor.execute(
        "SELECT sum(memory_usage_bytes) FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
    ).fetchall()
    return int(found or 0)
