"""What is known of a snapshot without looking at its rows, and the same as text in its file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.observe.oddities import OddRows
from gateway.planner.pushdown import Pushdown
from gateway.planner.pushdown_text import from_text, to_text

_FORMAT = 6


@dataclass(frozen=True, slots=True)
class SnapshotKey:
    """Whose rows, and which: `scope` stands for workspace and contract (law 5)."""

    scope: str
    pushdown: Pushdown


@dataclass(frozen=True, slots=True)
class Extracted:
    """Where an extract's rows come from; instants are aware, UTC.

    `taken_at` is when it began, by the gateway's clock; each row is of then or later. `complete_at`
    is the same of the last extract that read all rows, which an incremental one builds on. `since`
    is from when changes are not in it, by the upstream's clock; None when that is not known. `odd`
    says what is strange about the rows.
    """

    taken_at: datetime
    complete_at: datetime
    since: datetime | None = None
    odd: tuple[OddRows, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table that will not change.

    `made_at` is when its extract began; when it is found to be one of now, that does not move.
    """

    id: str
    key: SnapshotKey
    extracted: Extracted
    rows: int
    bytes: int
    made_at: datetime

    @property
    def taken_at(self) -> datetime:
        """When the extract began."""
        return self.extracted.taken_at


def write_facts(stored: StoredTable) -> str:
    """JSON; what it is read back from by `read_facts`."""
    extracted = stored.extracted
    return json.dumps(
        {
            "format": _FORMAT,
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
    """The table that a file of `size` bytes says it holds.

    Raises:
        ValueError, KeyError: the text is of another format, or damaged.
    """
    facts = json.loads(text)
    if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT}, the one that this gateway reads")
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
