"""What the expiry date means, and whether states change by time, as sample rows show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.contract import file
from gateway.discovery.infer.found import Row


@dataclass(frozen=True, slots=True)
class ExpiryMeaning:
    """`due`: until when to finish; `validity`: until when it is valid; `by_state`: both."""

    meaning: Literal["due", "validity", "by_state", "unknown"]
    evidence: str
    expired: Literal["validity_ended", "deadline_missed", "unknown"] = "unknown"


@dataclass(frozen=True, slots=True)
class TimeMoves:
    """Whether rows became EXPIRED without a change of `updatedAt`; None if too few rows show it."""

    moves: bool | None
    evidence: str


def expiry_meaning(rows: Sequence[Row], columns: Sequence[file.ColumnEntry]) -> ExpiryMeaning:
    """Return the meaning of `expiryDate`; at least 20 rows of each state decide it."""
    return ExpiryMeaning("unknown", "")


def states_move_by_time(rows: Sequence[Row], columns: Sequence[file.ColumnEntry]) -> TimeMoves:
    """Return whether rows expire by date alone; with fewer than 20 EXPIRED rows it is assumed."""
    return TimeMoves(None, "")
