"""Small extracts, an observer that remembers, and a clock that is set by hand."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from gateway.observe import Clock, Observer
from gateway.planner.pushdown import Pushdown, PushedValues
from gateway.snapshots.facts import Extracted
from gateway.snapshots.keep.store import SnapshotKey, SnapshotStore, StoredTable, TableLayout

START = datetime(2025, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("updatedAt", pa.timestamp("us")),
        ("groupIds", pa.list_(pa.string())),
        ("progress", pa.float64()),
    ]
)


LAYOUT = TableLayout(SCHEMA, "id", "updatedAt", "$position", "$arrival")


def rows_of(count: int, *, prefix: str = "r") -> pa.Table:
    """`count` rows; a third without an instant, many with the same one."""
    instants = [
        None if n % 3 == 0 else START.replace(tzinfo=None) + timedelta(days=n % 7)
        for n in range(count)
    ]
    columns = {
        "id": [f"{prefix}{n * 7919 % 100_003:06}" for n in range(count)],
        "updatedAt": instants,
        "groupIds": [[f"g{n % 3}"] * (n % 3) for n in range(count)],
        "progress": [float(n) for n in range(count)],
    }
    return pa.table(columns, schema=SCHEMA)


def key(scope: str = "scope", state: str = "") -> SnapshotKey:
    terms = (PushedValues("state", (state,)),) if state else ()
    return SnapshotKey(scope, Pushdown(terms))


def taken(moment: datetime = START, since: datetime | None = None) -> Extracted:
    """An extract of all rows."""
    return Extracted(moment, moment, since)


def add(
    store: SnapshotStore,
    snapshot_id: str,
    key: SnapshotKey,
    extracted: Extracted,
    rows: pa.Table,
    *,
    batch: int = 60_000,
) -> StoredTable:
    """Make a snapshot as extracts do; the draft goes, however it ends."""
    try:
        store.begin(snapshot_id)
        for start in range(0, rows.num_rows, batch):
            store.append(snapshot_id, rows.slice(start, batch), start)
        return store.publish(StoredTable(snapshot_id, key, extracted, 0, 0, START))
    finally:
        store.abandon(snapshot_id)


class Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@dataclass
class Watch:
    """Seconds since START, set by hand; `log` holds what was said to the operator."""

    seconds: float = 0.0
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        handler = Log()
        logger = logging.Logger("snapshots under test")  # noqa: LOG001 - nobody else shall hear
        logger.addHandler(handler)
        self.log = handler.lines
        self.observer = Observer(logger)
        self.clock = Clock(
            lambda: START + timedelta(seconds=self.seconds), lambda: 5000.0 + self.seconds
        )


@contextmanager
def store_of(watch: Watch, directory: Path | None = None) -> Iterator[SnapshotStore]:
    store = SnapshotStore(LAYOUT, directory, watch.observer)
    try:
        yield store
    finally:
        store.close()


def contents(store: SnapshotStore, snapshot_id: str, by: str = "$arrival") -> list[dict[str, Any]]:
    """All rows with their numbers, in the order in which they came, or in their own."""
    columns = ", ".join(f'"{name}"' for name in SCHEMA.names)
    with store.cursor() as cursor:
        table = store.table_name(snapshot_id)
        cursor.execute(f'SELECT {columns}, "{by}" FROM {table} ORDER BY "{by}"')
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
