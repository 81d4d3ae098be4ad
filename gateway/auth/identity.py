"""The owner of a token of the Analytics API, as a digest: part of every snapshot's key (law 5).

A renewed token of the same owner must find the same snapshots; another owner's token must not. The
digest leaves out the times of issue and expiry (RFC 7519 4.1). It leaves out the token's own id,
`jti`, only if `sub` names the owner: otherwise the tokens of two owners may differ only in `jti`. A
token that is not a JWT, or does not name its owner, counts as a whole. Nothing is verified here:
that is the task of the Analytics API.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jwt

from gateway.auth.claims import read_claims

_TIMES = frozenset({"exp", "iat", "nbf", "auth_time"})
_SHARED_BY_OWNERS = frozenset({"iss", "aud"})


def token_identity(token: str) -> str:
    """Return sixteen hexadecimal digits, equal for all tokens of one owner.

    Tokens that differ only in their times of issue belong to one owner.
    """
    lasting = _lasting_claims(token)
    return digest(token if lasting is None else json.dumps(lasting, sort_keys=True))[:16]


def digest(text: str) -> str:
    """Return the SHA-256 of a text: a whole key, or a token whose claims may be forged.

    JSON can contain half of a surrogate pair, which UTF-8 cannot.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def name_in_logs(text: str) -> str:
    """Return twelve hexadecimal digits that name a person or a token, and reveal neither."""
    return digest(text)[:12]


def expires_at(token: str) -> float | None:
    """Return the expiry of a JWT in seconds since 1970; None if it has none."""
    return claimed_instant(token, "exp")


def claimed_instant(token: str, claim: str) -> float | None:
    """Return the instant of a claim in seconds since 1970; None if the token does not have it."""
    claimed = _unverified_payload(token).get(claim)
    if isinstance(claimed, bool) or not isinstance(claimed, int | float):
        return None
    try:
        return float(claimed)
    except OverflowError:  # an integer beyond all floats
        return None


def _lasting_claims(token: str) -> dict[str, Any] | None:
    """Return the claims that a renewed token repeats; None if they do not name the owner."""
    claims = _unverified_payload(token)
    varying = _TIMES | {"jti"} if claims.get("sub") else _TIMES
    lasting = {name: value for name, value in claims.items() if name not in varying}
    return lasting if lasting.keys() - _SHARED_BY_OWNERS else None


def _unverified_payload(token: str) -> dict[str, Any]:
    """Return the claims of a JWT; none for any other text."""
    try:
        return read_claims(token).payload
    except jwt.InvalidTokenError:
        return {}
