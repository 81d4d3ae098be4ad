"""The credential of a request: Basic, Bearer, `X-API-Key` or `apikey`, or a key in the URL."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from enum import Enum

from gateway.auth.principal import ClientRequest
from gateway.errors import InvalidValue

KEY_HEADERS = ("x-api-key", "apikey")


class CredentialKind(Enum):
    """How it came."""

    PASSWORD = "Basic"  # noqa: S105 - a scheme's name
    BEARER = "Bearer"
    KEY = "a key"


@dataclass(frozen=True, slots=True)
class Credential:
    """A key, password or token; empty when only the way was named, which asks for a challenge.

    `user` is the user name of Basic, which some clients give a key as.
    """

    kind: CredentialKind
    text: str = field(repr=False)
    user: str = field(default="", repr=False)


def credential_of(asked: ClientRequest) -> Credential | None:
    """The credential of a request; None without.

    User names say nothing of who it is: BI tools demand one. Only a key counts there.

    Raises:
        InvalidValue: there are two, of which only one could count (RFC 6750 2).
    """
    found = [Credential(CredentialKind.KEY, key) for key in asked.keys]
    for name in KEY_HEADERS:
        found += [
            Credential(CredentialKind.KEY, key.strip()) for key in asked.headers.getlist(name)
        ]
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
            user, password = _user_and_password(text)
            return [Credential(CredentialKind.PASSWORD, password or user, user)]
        case "bearer":
            return [Credential(CredentialKind.BEARER, text.strip())]
        case _:  # Negotiate, NTLM: tried by clients before they know better
            return []


def _user_and_password(text: str) -> tuple[str, str]:
    """Empty when there are none, or no Basic credentials at all (RFC 7617 2)."""
    try:
        user, _, password = b64decode(text, validate=True).decode().partition(":")
    except ValueError:  # not base64, not ASCII, or not UTF-8
        return "", ""
    return user, password
