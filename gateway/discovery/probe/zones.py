"""Zones of instants without an offset: which of them rows can tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Australia/Sydney",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def telling_instants(instants: Iterable[int], zone: str) -> tuple[list[int], list[str]]:
    """Return instants at which no other zone has the offset of this one, and the zones left over.

    London has the offset of UTC in winter: only a row of the summer shows the difference.

    >>> winter, summer = 1_768_478_400_000_000, 1_784_116_800_000_000
    >>> telling_instants([winter], "UTC")[1], telling_instants([winter, summer], "UTC")[1]
    (['Europe/London'], [])
    """
    chosen: list[int] = []
    left = [other for other in ZONES if other != zone]
    for at in instants:
        different = [other for other in left if _offset(at, other) != _offset(at, zone)]
        if different:
            chosen.append(at)
            left = [other for other in left if other not in different]
    return chosen, left


def _offset(micros: int, zone: str) -> timedelta | None:
    return (_EPOCH + micros * _MICRO).astimezone(ZoneInfo(zone)).utcoffset()


def spread(instants: Sequence[int]) -> list[int]:
    """Return the instants, those from both ends and the middle first."""
    known = sorted(set(instants))
    picked = [known[len(known) * part // 8] for part in (0, 4, 2, 6, 1, 3, 5, 7)] if known else []
    return list(dict.fromkeys([*known[-1:], *picked, *known]))
