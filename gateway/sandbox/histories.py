"""Generated progress of a user in a content: a consistent state, progress and instants.

Started <= completed <= certified <= updated, and an expired result expired before its update. A
third of the updates share few instants, as after bulk imports, so that an order by `updatedAt` has
long ties. Instants are whole milliseconds, given in microseconds.
"""

from typing import NamedTuple

from gateway.sandbox.draws import Draw
from gateway.sandbox.instants import MICROSECONDS_PER_DAY, MICROSECONDS_PER_MILLISECOND

FIRST_UPDATE_MICROSECONDS = 1_640_995_200_000_000
"""2022-01-01T00:00:00.000Z."""
LAST_UPDATE_MICROSECONDS = 1_767_225_599_999_000
"""2025-12-31T23:59:59.999Z."""

_EDGE_MICROSECONDS = (
    FIRST_UPDATE_MICROSECONDS,
    LAST_UPDATE_MICROSECONDS,
    1_709_251_199_999_000,  # the last millisecond of 2024-02-29
    1_709_251_200_000_000,  # and the next one
    1_711_846_800_000_000,  # 2024-03-31T01:00:00Z, when clocks in Europe go forward
    1_735_689_599_999_000,  # the last millisecond of 2024
    1_704_067_200_000_000,  # the first millisecond of 2024
)
_ROWS_PER_TIE = 200
_STATES = (
    ("NOT_STARTED",) * 5 + ("IN_PROGRESS",) * 6 + ("APPROVED",) * 6 + ("FAILED",) + ("EXPIRED",) * 2
)
_ENROLLMENT_TYPES = ("MANDATORY",) * 5 + ("OPTIONAL",) * 4 + ("NOT_ENROLLED",)


class History(NamedTuple):
    """A result without user and content; progress from 0 to 100, instants in microseconds."""

    enrollment_type: str
    state: str
    progress: float
    started_at: int | None
    completed_at: int | None
    updated_at: int
    expiry_date: int | None
    certificate_issued_at: int | None


def build_ties(rows: int, draw: Draw) -> list[int]:
    """Return the instants that many rows share: calendar edge cases, then random ones."""
    return [*_EDGE_MICROSECONDS, *(_any_update(draw) for _ in range(rows // _ROWS_PER_TIE))]


def build_history(ties: list[int], draw: Draw) -> History:
    """Draw one history."""
    state = draw.pick(_STATES)
    updated = draw.pick(ties) if draw.chance(1 / 3) else _any_update(draw)
    started = None if state == "NOT_STARTED" else _before(updated, 60, draw)
    completed = _completed(state, started, updated, draw)
    return History(
        enrollment_type=draw.pick(_ENROLLMENT_TYPES),
        state=state,
        progress=_progress(state, draw),
        started_at=started,
        completed_at=completed,
        updated_at=updated,
        expiry_date=_expiry(state, started, updated, draw),
        certificate_issued_at=_certificate(state, completed, updated, draw),
    )


def _any_update(draw: Draw) -> int:
    span = (
        LAST_UPDATE_MICROSECONDS - FIRST_UPDATE_MICROSECONDS
    ) // MICROSECONDS_PER_MILLISECOND + 1
    return FIRST_UPDATE_MICROSECONDS + draw.below(span) * MICROSECONDS_PER_MILLISECOND


def _before(instant: int, days: int, draw: Draw) -> int:
    return (
        instant
        - draw.below(days * MICROSECONDS_PER_DAY // MICROSECONDS_PER_MILLISECOND)
        * MICROSECONDS_PER_MILLISECOND
    )


def _between(first: int, last: int, draw: Draw) -> int:
    return (
        first
        + draw.below((last - first) // MICROSECONDS_PER_MILLISECOND + 1)
        * MICROSECONDS_PER_MILLISECOND
    )


def _progress(state: str, draw: Draw) -> float:
    """Return a whole number for most rows, else one with up to two decimals."""
    match state:
        case "NOT_STARTED":
            return 0
        case "APPROVED":
            return 100
        case _:
            hundredths = draw.below(9_999) + 1
            return hundredths / 100 if draw.chance(0.3) else hundredths // 100


def _completed(state: str, started: int | None, updated: int, draw: Draw) -> int | None:
    """Return a date for finished results, and for some of the expired ones."""
    finished = state in ("APPROVED", "FAILED") or (state == "EXPIRED" and draw.chance(0.5))
    return _between(started, updated, draw) if started is not None and finished else None


def _expiry(state: str, started: int | None, updated: int, draw: Draw) -> int | None:
    if state == "EXPIRED" and started is not None:
        return _between(started, updated, draw)
    if draw.chance(0.5):
        return None
    return updated + (draw.below(730) + 1) * MICROSECONDS_PER_DAY


def _certificate(state: str, completed: int | None, updated: int, draw: Draw) -> int | None:
    if completed is None or state == "FAILED" or draw.chance(0.3):
        return None
    return _between(completed, updated, draw)
