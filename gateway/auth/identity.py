"""Whose data a token of the Analytics API opens, as a digest: part of every snapshot's key (law 5).

A renewed token of the same owner must find the same snapshots, another owner's must not. Times of
issue and expiry are left out (RFC 7519 4.1). The token's own id, `jti`, is left out only if `sub`
names the owner: without it, two owners' tokens may differ in nothing else. A token that is no JWT,
or says nothing of its owner, counts as a whole. Nothing is verified here: that is the Analytics
API's task.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error

_TIMES = frozenset({"exp", "iat", "nbf", "auth_time"})
_OF_MANY_OWNERS = frozenset({"iss", "aud"})


def token_identity(token: str) -> str:
    """Return sixteen hexadecimal digits, equal for the tokens of one owner.

    Tokens that differ only in when they were issued are one owner's.
    """
    lasting = _lasting_claims(token)
    kept = token if lasting is None else json.dumps(lasting, sort_keys=True)
    return hashlib.sha256(kept.encode()).hexdigest()[:16]


def _lasting_claims(token: str) -> dict[str, object] | None:
    """Return the claims that a renewed token has too; None if they do not say whose it is."""
    claims = _claims(token) or {}
    issue = _TIMES | {"jti"} if claims.get("sub") else _TIMES
    kept = {name: value for name, value in claims.items() if name not in issue}
    return kept if kept.keys() - _OF_MANY_OWNERS else None


def whole_identity(token: str) -> str:
    """Return a digest of a whole text: of an unverified token, whose claims may be forged.

    JSON can hold half a surrogate pair, which UTF-8 cannot.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def expires_at(token: str) -> float | None:
    """The second, since 1970, at which a JWT says that it ends; None when it does not say."""
    end = (_claims(token) or {}).get("exp")
    if isinstance(end, bool) or not isinstance(end, int | float):
        return None
    try:
        return float(end)
    except OverflowError:  # an integer beyond all floats
        return None


def _claims(token: str) -> dict[str, object] | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        found = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (Base64Error, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
