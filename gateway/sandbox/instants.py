"""Instants as whole microseconds since 1970 UTC, and their wire text with milliseconds and `Z`.

Integers sort and compare faster than datetimes and cost less; the text is what the API answers.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the present as an aware UTC datetime."""

MILLISECOND = 1_000
SECOND = 1_000 * MILLISECOND
DAY = 86_400 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """Return the present: the clock of a sandbox that was given none."""
    return datetime.now(UTC)


def to_instant(moment: datetime) -> int:
    """Convert an aware datetime of any offset.

    >>> to_instant(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (moment - _EPOCH) // _MICROSECOND


def to_text(instant: int) -> str:
    """Convert to wire text; microseconds below a millisecond are cut off.

    >>> to_text(1_709_251_199_999_000)
    '2024-02-29T23:59:59.999Z'
    """
    moment = _EPOCH + timedelta(microseconds=instant)
    return f"{moment.isoformat(timespec='milliseconds')[:-6]}Z"
