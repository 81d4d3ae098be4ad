"""The response to a login: where the token is, and how long it lives.

Messages contain names of members, never their values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from gateway.auth.claims import read_claims
from gateway.errors import UpstreamRejectedToken

_TOKENS = ("access_token", "accessToken", "token", "jwt", "authToken", "id_token", "idToken")
_LIFETIMES = ("expires_in", "expiresIn")
_AROUND = ("", "data.", "result.", "response.")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_MAX_NAMES = 12
_MAX_SECONDS = 10_000_000.0


@dataclass(frozen=True, slots=True)
class Grant:
    """A token and its lifetime from now on in seconds; None if it is not known."""

    token: str = field(repr=False)
    seconds: float | None


def read_grant(
    answer: Any, token_place: str | None, lifetime: str | None, now_seconds: float
) -> Grant:
    """Return the token of a decoded response; `now_seconds` is the time since 1970.

    A lifetime that is stated twice is the shorter one.

    Raises:
        UpstreamRejectedToken: there is no token; the message lists the members that there are.
    """
    token = _token(answer, (token_place,) if token_place else _places(_TOKENS))
    if not token:
        looked = token_place or ", ".join(_TOKENS)
        raise UpstreamRejectedToken(
            f"its response has no token at {looked} ({_members(answer)}); name its place with"
            " --login-token"
        )
    return Grant(token, _lifetime(answer, token, lifetime, now_seconds))


def _token(answer: Any, places: Iterable[str]) -> str:
    texts = [answer] if isinstance(answer, str) else [_at(answer, place) for place in places]
    for text in texts:
        if isinstance(text, str) and (token := _without_scheme(text)):
            return token
    return ""


def _without_scheme(text: str) -> str:
    """Return the token without a leading `Bearer`; empty if a header cannot carry it."""
    token = re.sub(r"^bearer\s+", "", text.strip(), flags=re.IGNORECASE)
    return token if token.isascii() and token.isprintable() and " " not in token else ""


def _lifetime(answer: Any, token: str, stated: str | None, now_seconds: float) -> float | None:
    fixed = None if stated is None else _number(stated)
    if fixed is not None:
        return fixed
    places = (stated,) if stated else _places(_LIFETIMES)
    members = (_number(_at(answer, place)) for place in places)
    known = [seconds for seconds in (*members, _by_claims(token, now_seconds)) if seconds]
    return min(known, default=None)


def _by_claims(token: str, now_seconds: float) -> float | None:
    """Return the lifetime of a JWT: `exp` after `iat`, so that clocks may differ, or after now."""
    try:
        payload = read_claims(token).payload
    except jwt.InvalidTokenError:
        return None
    end = _number(payload.get("exp"), most=math.inf)
    begin = _number(payload.get("iat"), most=math.inf)
    return None if end is None else _number(end - (now_seconds if begin is None else begin))


def _number(value: Any, most: float = _MAX_SECONDS) -> float | None:
    """Return a positive number up to `most`; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 < number <= most and math.isfinite(number) else None


def _places(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(around + name for around in _AROUND for name in names)


def _at(answer: Any, place: str) -> Any:
    for name in place.split("."):
        if not isinstance(answer, Mapping):
            return None
        answer = answer.get(name)
    return answer


def _members(answer: Any) -> str:
    """Return the names of the members of an object, and those one level below."""
    if not isinstance(answer, Mapping):
        return "it is no object"
    names = []
    for name, value in answer.items():
        inner = value if isinstance(value, Mapping) else {}
        names += [name, *(f"{name}.{each}" for each in inner)]
    plain = [n for n in names if all(map(_PLAIN_NAME.fullmatch, n.split(".")))][:_MAX_NAMES]
    return f"it has {', '.join(plain)}" if plain else "it has no member"
