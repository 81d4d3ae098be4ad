"""What a request gives to show who asks: Basic, Bearer, `X-API-Key`, or a key in the URL."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from enum import Enum

from gateway.auth.principal import Asked
from gateway.errors import InvalidValue


class Kind(Enum):
    """How it came."""

    PASSWORD = "Basic"  # noqa: S105 - a scheme's name
    BEARER = "Bearer"
    KEY = "a key"


@dataclass(frozen=True, slots=True)
class Credential:
    """A key, password or token; empty when only the way was named, which asks for a challenge."""

    kind: Kind
    text: str = field(repr=False)


def credential_of(asked: Asked) -> Credential | None:
    """The credential of a request; None without.

    User names do not count: BI tools ask for one, and the key tells who it is.

    Raises:
        InvalidValue: there are two, of which only one could count (RFC 6750 2).
    """
    found = [Credential(Kind.KEY, key) for key in asked.keys]
    found += [Credential(Kind.KEY, key.strip()) for key in asked.headers.getlist("x-api-key")]
    for value in asked.headers.getlist("authorization"):
        found += _authorization(value)
    given = [credential for credential in found if credential.text]
    if len(given) > 1:
        raise InvalidValue(
            "the request has more than one key, password or token; send one of them",
            target="Authorization",
        )
    return next(iter(given or found), None)


def _authorization(value: str) -> list[Credential]:
    scheme, _, text = value.partition(" ")
    match scheme.lower():
        case "basic":
            return [Credential(Kind.PASSWORD, _password(text))]
        case "bearer":
            return [Credential(Kind.BEARER, text.strip())]
        case _:  # Negotiate, NTLM: tried by clients before they know better
            return []


def _password(text: str) -> str:
    """Empty when there is none, or no Basic credentials at all (RFC 7617 2)."""
    try:
        return b64decode(text, validate=True).decode().partition(":")[2]
    except ValueError:  # not base64, not ASCII, or not UTF-8
        return ""
