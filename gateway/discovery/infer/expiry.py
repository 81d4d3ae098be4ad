"""The meaning of the expiry date, and of states that change by time, inferred from sample rows.

An expiry date on results that were never completed is a due date. If only results that were once
approved have one, it is the end of their validity. If both do, the state decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.analytics.read.instants import to_micros_of
from gateway.analytics.read.translate import find
from gateway.contract import file
from gateway.contract.decoding import Undecodable, decode, parse_steps
from gateway.contract.shapes import member_path
from gateway.discovery.infer.found import Row, counted

_ENOUGH_ROWS = 20
_FEW_SHARE = 0.05
_OPEN = ("NOT_STARTED", "IN_PROGRESS")


@dataclass(frozen=True, slots=True)
class ExpiryMeaning:
    """The meaning of `expiryDate` and of EXPIRED.

    `due`: until when to finish; `validity`: until when it is valid; `by_state`: both.
    """

    meaning: Literal["due", "validity", "by_state", "unknown"]
    evidence: str
    expired: Literal["validity_ended", "deadline_missed", "unknown"] = "unknown"


@dataclass(frozen=True, slots=True)
class TimeMoves:
    """The evidence of rows that became EXPIRED without a change of `updatedAt`.

    `is_assumed` is True if too few rows are EXPIRED to show it.
    """

    moves: bool
    is_assumed: bool
    evidence: str


def expiry_meaning(rows: Sequence[Row], columns: Sequence[file.ColumnEntry]) -> ExpiryMeaning:
    """Return the meaning of `expiryDate`; at least 20 rows of each kind decide it.

    `columns` say how the rows are read.
    """
    flat = [*_flat(rows, columns)]
    if not all(any(c.name == name for c in columns) for name in ("expiryDate", "state")):
        return ExpiryMeaning("unknown", "no state or no expiry date")
    open_ = [row for row in flat if row["state"] in _OPEN and not _was_approved(row)]
    done = [row for row in flat if row["state"] == "APPROVED"]
    with_open, with_done = _dated(open_), _dated(done)
    evidence = (
        f"{with_open:,} of {counted(len(open_), 'open result')} and {with_done:,} of"
        f" {counted(len(done), 'approved result')} have an expiry date"
    )
    expired = _expired(flat)
    if len(open_) < _ENOUGH_ROWS or len(done) < _ENOUGH_ROWS:
        return ExpiryMeaning("unknown", evidence, expired)
    acts_as_due = with_open > len(open_) * _FEW_SHARE
    acts_as_end = with_done > len(done) * _FEW_SHARE
    match acts_as_due, acts_as_end:
        case True, True:
            return ExpiryMeaning("by_state", evidence, expired)
        case True, False:
            return ExpiryMeaning("due", evidence, expired)
        case False, True:
            return ExpiryMeaning("validity", evidence, expired)
    return ExpiryMeaning("unknown", evidence, expired)


def states_move_by_time(rows: Sequence[Row], columns: Sequence[file.ColumnEntry]) -> TimeMoves:
    """Return whether rows expire by date alone; with fewer than 20 EXPIRED rows it is assumed."""
    names = {column.name for column in columns}
    if not {"state", "expiryDate"} <= names:
        return TimeMoves(False, False, "no state or no expiry date")
    expired = [row for row in _flat(rows, columns) if row["state"] == "EXPIRED"]
    dated = [row for row in expired if None not in (row["expiryDate"], row["updatedAt"])]
    later = sum(_micros(row["expiryDate"]) > _micros(row["updatedAt"]) for row in dated)
    evidence = (
        f"{counted(len(expired), 'expired result')}, {later:,} last changed before their date"
    )
    if later:
        return TimeMoves(True, False, evidence)
    if len(dated) < _ENOUGH_ROWS:
        return TimeMoves(True, True, evidence)
    return TimeMoves(False, False, evidence)


def _was_approved(row: Mapping[str, Any]) -> bool:
    return row["completedAt"] is not None or row["certificateIssuedAt"] is not None


def _dated(rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(row["expiryDate"] is not None for row in rows)


def _expired(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return the meaning of EXPIRED: it was approved once, or a deadline was missed."""
    counts = Counter(_was_approved(row) for row in rows if row["state"] == "EXPIRED")
    total = counts.total()
    if total < _ENOUGH_ROWS:
        return "unknown"
    if counts[True] >= total * (1 - _FEW_SHARE):
        return "validity_ended"
    return "deadline_missed" if counts[True] <= total * _FEW_SHARE else "unknown"


def _micros(text: str) -> int:
    return to_micros_of(text) or 0


_READ = ("state", "expiryDate", "updatedAt", "completedAt", "certificateIssuedAt")


def _flat(rows: Sequence[Row], columns: Sequence[file.ColumnEntry]) -> list[dict[str, Any]]:
    """Return the columns that matter here, read as the contract says; null if unreadable."""
    readers = {column.name: _reader(column) for column in columns if column.name in _READ}
    return [
        {name: readers[name](row) if name in readers else None for name in _READ} for row in rows
    ]


def _reader(column: file.ColumnEntry) -> Callable[[Row], Any]:
    paths = (column.path,) if isinstance(column.path, str) else column.path
    steps = [member_path(path) for path in paths]
    is_instant = column.type == "Edm.DateTimeOffset"
    parsed = parse_steps(_zoned(column.decode), column.name)

    def read(row: Row) -> Any:
        found = (find(row, path) for path in steps)
        value = next((v for v in found if v is not None and not _is_missing(v)), None)
        try:
            made = decode(value, parsed)
            if is_instant and made is not None:
                to_micros_of(made)
        except (Undecodable, ValueError, TypeError):
            return None
        return made

    return read


def _zoned(steps: Sequence[str | dict[str, Any]]) -> tuple[str | dict[str, Any], ...]:
    """Return steps that read instants without an offset as if in UTC: hours do not matter here."""
    return tuple(
        {"zone": "UTC", **s} if isinstance(s, dict) and "instant" in s else s for s in steps
    )


def _is_missing(value: Any) -> bool:
    return not isinstance(value, str | int | float | dict | list)
