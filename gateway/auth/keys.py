"""A gateway key: `sho_`, the id that names it in lists and logs, `_`, and 256 random bits.

Only its SHA-256 is kept. A slow hash would protect what people choose; 256 random bits cannot be
guessed from their hash however fast it is (docs/decisions/021-gateway-keys.md).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.fairness.allowance import Allowance

_ID_BYTES, _SECRET_BYTES = 6, 32
_FORM = re.compile(r"sho_([0-9a-f]{12})_[a-z2-7]{52}")
_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12}$")]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
MOST_AT_ONCE, MOST_PER_MINUTE, MOST_SECONDS = 1_000, 10_000, 86_400
_AtOnce = Annotated[int, msgspec.Meta(ge=1, le=MOST_AT_ONCE)]
_PerMinute = Annotated[int, msgspec.Meta(ge=1, le=MOST_PER_MINUTE)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=MOST_SECONDS)]
_SetName = Annotated[str, msgspec.Meta(pattern=r"^[^\W\d]\w*$")]
_Sets = Annotated[tuple[_SetName, ...], msgspec.Meta(min_length=1)]
LIMITS = {
    "requests_at_once": f"a whole number from 1 to {MOST_AT_ONCE}",
    "requests_per_minute": f"a whole number from 1 to {MOST_PER_MINUTE}",
    "sets": 'a list of names of entity sets, e.g. ["Results", "Users"], one at least',
    "query_seconds": f"a number of seconds above 0, up to {MOST_SECONDS}",
}
"""The members of a key that limit it, and what each must be."""


class Standing(StrEnum):
    """Whether a key opens anything."""

    GOOD = "good"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a key; `name` is for people, `role` None sees all of the workspace.

    The members of `LIMITS` bound what the key may use; None is no limit of its own.

    A member that this version does not know may be a limit: such a file is refused as a whole.
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
        """What the key may use."""
        return Allowance(
            self.requests_at_once, self.requests_per_minute, self.sets, self.query_seconds
        )

    def matches(self, text: str) -> bool:
        """Whether this is the key, in a time that does not tell how nearly it is."""
        return hmac.compare_digest(self.sha256, digest(text))

    def standing(self, now: datetime) -> Standing:
        """What the key is worth at a moment."""
        if self.revoked is not None:
            return Standing.REVOKED
        return (
            Standing.EXPIRED if self.expires is not None and self.expires <= now else Standing.GOOD
        )


def generate() -> tuple[str, str]:
    """A new key and its id; letters that survive URLs, files and being read aloud."""
    key_id = secrets.token_hex(_ID_BYTES)
    secret = b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=").lower()
    return f"sho_{key_id}_{secret}", key_id


def id_of(text: str) -> str | None:
    """The id in a key; None for what has not a key's form.

    >>> id_of("sho_0123456789ab_" + "a" * 52)
    '0123456789ab'
    """
    found = _FORM.fullmatch(text)
    return found and found[1]


def digest(text: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).hexdigest()
