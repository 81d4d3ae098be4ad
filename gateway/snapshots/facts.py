"""The description of a snapshot without its rows, and its text form inside the snapshot's file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.observe.oddities import OddRows
from gateway.planner.pushdown import Pushdown
from gateway.planner.pushdown_text import from_text, to_text

_FORMAT_VERSION = 6


@dataclass(frozen=True, slots=True)
class SnapshotKey:
    """A selection of rows; `scope` identifies the workspace and its contract (law 5)."""

    scope: str
    pushdown: Pushdown


@dataclass(frozen=True, slots=True)
class Extracted:
    """The origin of an extract's rows; instants are aware, UTC.

    `taken_at` is when it began, by the gateway's clock; each row is of then or later. `complete_at`
    is the same of the last extract that read all rows, which an incremental one builds on. Changes
    from `since` on, by the upstream's clock, are not included; None if that instant is unknown.
    `odd` lists what is strange about the rows.
    """

    taken_at: datetime
    complete_at: datetime
    since: datetime | None = None
    odd: tuple[OddRows, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table that never changes.

    `made_at` is when the extract of its rows began. An incremental extract without changes moves
    `taken_at`, but not `made_at`.
    """

    id: str
    key: SnapshotKey
    extracted: Extracted
    rows: int
    bytes: int
    made_at: datetime

    @property
    def taken_at(self) -> datetime:
        """The start of the extract."""
        return self.extracted.taken_at


def write_facts(stored: StoredTable) -> str:
    """Return the facts as JSON for `read_facts`."""
    extracted = stored.extracted
    return json.dumps(
        {
            "format": _FORMAT_VERSION,
            "scope": stored.key.scope,
            "pushdown": to_text(stored.key.pushdown),
            "taken_at": extracted.taken_at.isoformat(),
            "complete_at": extracted.complete_at.isoformat(),
            "since": None if extracted.since is None else extracted.since.isoformat(),
            "odd": [[each.column, each.reason, each.rows] for each in extracted.odd],
            "rows": stored.rows,
            "made_at": stored.made_at.isoformat(),
        }
    )


def read_facts(snapshot_id: str, text: str, size: int) -> StoredTable:
    """Return the table that a file of `size` bytes describes.

    Raises:
        ValueError, KeyError: the text has another format, or is damaged.
    """
    facts = json.loads(text)
    if not isinstance(facts, dict) or facts.get("format") != _FORMAT_VERSION:
        raise ValueError(f"its format is not {_FORMAT_VERSION}, the one that this gateway reads")
    since = facts["since"]
    return StoredTable(
        snapshot_id,
        SnapshotKey(str(facts["scope"]), from_text(str(facts["pushdown"]))),
        Extracted(
            _instant(facts["taken_at"]),
            _instant(facts["complete_at"]),
            None if since is None else _instant(since),
            tuple(OddRows(str(c), str(why), int(n)) for c, why, n in facts.get("odd", ())),
        ),
        int(str(facts["rows"])),
        size,
        _instant(facts["made_at"]),
    )


def _instant(value: object) -> datetime:
    return datetime.fromisoformat(str(value)).astimezone(UTC)
