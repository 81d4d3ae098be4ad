"""Offers of snapshots as bytes and back, and the names that peers agree on.

The names appear as file names, keys and log texts, so they are digests: they show neither whose
rows a snapshot has, nor which.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import msgspec

from gateway.planner.pushdown_text import to_text
from gateway.snapshots.facts import SnapshotKey, StoredTable, read_facts, write_facts


class Offer(msgspec.Struct, frozen=True):
    """A table as peers see it: `facts` as in its file, and the size of that file in `bytes`."""

    id: str
    facts: str
    bytes: int


def to_offer(table: StoredTable) -> Offer:
    """Return the offer of a table whose file is complete."""
    return Offer(table.id, write_facts(table), table.bytes)


def to_table(offer: Offer, snapshot_id: str) -> StoredTable | None:
    """Return the table of an offer found under this id, which becomes part of file names.

    None if the offer belongs to another snapshot, or has a format that this gateway does not read.
    """
    if offer.id != snapshot_id or not is_snapshot_id(snapshot_id):
        return None
    try:
        return read_facts(snapshot_id, offer.facts, offer.bytes)
    except (ValueError, KeyError, TypeError):
        return None


def is_snapshot_id(text: str) -> bool:
    """Return True for sixteen hexadecimal digits, the form of all ids that gateways make."""
    return re.fullmatch(r"[0-9a-f]{16}", text) is not None


def youngest_first(tables: Iterable[StoredTable]) -> tuple[StoredTable, ...]:
    """Return tables by the start of their extracts, the newest first."""
    return tuple(sorted(tables, key=lambda table: table.taken_at, reverse=True))


def lease_name(key: SnapshotKey) -> str:
    """Return the name of the lease on an extract."""
    return _digest(f"{key.scope}\0{to_text(key.pushdown)}")


def scope_name(scope: str) -> str:
    """Return the name of a scope: a workspace, contract and owner."""
    return _digest(scope)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
