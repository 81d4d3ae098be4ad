"""What is told to peers of a snapshot, as bytes and back, and the names that peers agree on.

Names stand in file names, keys and logs, so they are digests: neither whose rows nor which.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import msgspec

from gateway.planner.pushdown_text import to_text
from gateway.snapshots.facts import SnapshotKey, StoredTable, read_facts, write_facts


class Offer(msgspec.Struct, frozen=True):
    """A table as it is told: `facts` as in its file, which has so many `bytes`."""

    id: str
    facts: str
    bytes: int


def to_offer(table: StoredTable) -> Offer:
    """Of a table whose file is complete."""
    return Offer(table.id, write_facts(table), table.bytes)


def to_table(offer: Offer, snapshot_id: str) -> StoredTable | None:
    """The table of an offer that was found under this id, which will name files.

    None when it is of another snapshot, or of a format that this gateway does not read.
    """
    if offer.id != snapshot_id or not is_snapshot_id(snapshot_id):
        return None
    try:
        return read_facts(snapshot_id, offer.facts, offer.bytes)
    except (ValueError, KeyError, TypeError):
        return None


def is_snapshot_id(text: str) -> bool:
    """Sixteen hexadecimal digits, as all ids are that this gateway gives."""
    return re.fullmatch(r"[0-9a-f]{16}", text) is not None


def youngest_first(tables: Iterable[StoredTable]) -> tuple[StoredTable, ...]:
    """By the start of their extracts."""
    return tuple(sorted(tables, key=lambda table: table.taken_at, reverse=True))


def lease_name(key: SnapshotKey) -> str:
    """Of an extract."""
    return _digest(f"{key.scope}\0{to_text(key.pushdown)}")


def scope_name(scope: str) -> str:
    """Of a workspace, contract and owner."""
    return _digest(scope)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
