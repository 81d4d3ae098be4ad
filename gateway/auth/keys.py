"""A gateway key: `sho_`, the id that names it in lists and logs, `_`, and 256 random bits.

Only its SHA-256 is stored. A slow hash would protect passwords that people choose; 256 random bits
cannot be guessed from a hash, however fast it is (docs/decisions/021-gateway-keys.md).
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import b32encode
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.auth.identity import digest
from gateway.fairness.allowance import Allowance

_ID_BYTES, _SECRET_BYTES = 6, 32
_FORM = re.compile(r"sho_([0-9a-f]{12})_[a-z2-7]{52}")
_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12}$")]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_MAX_AT_ONCE, _MAX_PER_MINUTE, _MAX_QUERY_SECONDS = 1_000, 10_000, 86_400
_AtOnce = Annotated[int, msgspec.Meta(ge=1, le=_MAX_AT_ONCE)]
_PerMinute = Annotated[int, msgspec.Meta(ge=1, le=_MAX_PER_MINUTE)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=_MAX_QUERY_SECONDS)]
_SetName = Annotated[str, msgspec.Meta(pattern=r"^[^\W\d]\w*$")]
_Sets = Annotated[tuple[_SetName, ...], msgspec.Meta(min_length=1)]
_DURATION = re.compile(r"(\d{1,5})([mhdwy])")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}
LIMITS = {
    "requests_at_once": f"a whole number from 1 to {_MAX_AT_ONCE}",
    "requests_per_minute": f"a whole number from 1 to {_MAX_PER_MINUTE}",
    "sets": 'a list of at least one entity set, e.g. ["Results", "Users"]',
    "query_seconds": f"a number of seconds above 0, up to {_MAX_QUERY_SECONDS}",
}
"""The members of a key that limit it, each with a description of its valid values."""


class KeyStatus(StrEnum):
    """The validity of a key."""

    GOOD = "good"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stored key; `name` is for people, `role` None sees the whole workspace.

    The members of `LIMITS` bound the use of the key; None means no limit. A member that this
    version does not know may be a limit, so a file that has one is refused as a whole.
    """

    id: _Id
    name: str
    sha256: _Digest
    workspace: str
    created: _Instant
    role: str | None = None
    expires: _Instant | None = None
    revoked: _Instant | None = None
    requests_at_once: _AtOnce | None = None
    requests_per_minute: _PerMinute | None = None
    sets: _Sets | None = None
    query_seconds: _Seconds | None = None

    @property
    def allowance(self) -> Allowance:
        """The limits of the key."""
        return Allowance(
            self.requests_at_once, self.requests_per_minute, self.sets, self.query_seconds
        )

    def matches(self, text: str) -> bool:
        """Return True if the text is this key, in a time that does not depend on the text."""
        return hmac.compare_digest(self.sha256, digest(text))

    def status(self, now: datetime) -> KeyStatus:
        """Return the validity of the key at `now`."""
        if self.revoked is not None:
            return KeyStatus.REVOKED
        return (
            KeyStatus.EXPIRED
            if self.expires is not None and self.expires <= now
            else KeyStatus.GOOD
        )


def generate() -> tuple[str, str]:
    """Return a new key and its id, in characters that are safe in URLs, files and speech."""
    key_id = secrets.token_hex(_ID_BYTES)
    secret = b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=").lower()
    return f"sho_{key_id}_{secret}", key_id


def id_of(text: str) -> str | None:
    """Return the id in a key; None if the text does not have the form of a key.

    >>> id_of("sho_0123456789ab_" + "a" * 52)
    '0123456789ab'
    """
    found = _FORM.fullmatch(text)
    return found and found[1]


def parse_expiry(text: str, now: datetime) -> datetime:
    """Parse `90d`, or the last day on which a key works, to the UTC instant of its expiry.

    >>> parse_expiry("90d", datetime(2026, 1, 1, tzinfo=UTC)).date()
    datetime.date(2026, 4, 1)
    >>> parse_expiry("2026-12-31", datetime(2026, 1, 1, tzinfo=UTC)).isoformat()
    '2027-01-01T00:00:00+00:00'

    Raises:
        ValueError: the text is neither a duration nor a date, or has passed.
    """
    try:
        expires = _expiry_instant(text, now)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            "must be a duration such as 12h, 90d, 8w or 1y, or the last day on which the key works"
            " (UTC), such as 2030-12-31"
        ) from error
    if expires <= now:
        raise ValueError("is in the past")
    return expires


def _expiry_instant(text: str, now: datetime) -> datetime:
    duration = _DURATION.fullmatch(text)
    if duration:
        return now + int(duration[1]) * _UNITS[duration[2]]
    day = date.fromisoformat(text) + timedelta(days=1)
    return datetime.combine(day, time(), UTC)
