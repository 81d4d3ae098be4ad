"""Whose data a token of the Analytics API opens, as a digest: part of every snapshot's key (law 5).

A renewed token of the same owner must find the same snapshots, another owner's must not. The claims
of a JWT that belong to one issue of it are left out (RFC 7519 4.1); a token that is no JWT counts
as a whole. Nothing is verified here: that is the Analytics API's task.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error

_OF_ONE_ISSUE = frozenset({"exp", "iat", "nbf", "jti", "auth_time"})


def token_identity(token: str) -> str:
    """Sixteen hexadecimal digits; equal for tokens that differ only in when they were issued."""
    claims = _claims(token)
    if claims is None:
        lasting = token
    else:
        kept = {name: value for name, value in claims.items() if name not in _OF_ONE_ISSUE}
        lasting = json.dumps(kept, sort_keys=True)
    return hashlib.sha256(lasting.encode()).hexdigest()[:16]


def whole_identity(token: str) -> str:
    """A digest of all of a token, for one that nobody has verified: its claims may be forged."""
    return hashlib.sha256(token.encode()).hexdigest()


def expires_at(token: str) -> float | None:
    """The second, since 1970, at which a JWT says that it ends; None when it does not say."""
    end = (_claims(token) or {}).get("exp")
    return float(end) if isinstance(end, int | float) and not isinstance(end, bool) else None


def _claims(token: str) -> dict[str, object] | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        found = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (Base64Error, ValueError):
        return None
    return found if isinstance(found, dict) else None
