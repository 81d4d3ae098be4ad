"""The credential of a request: Basic, Bearer, `X-API-Key` or `apikey`, or a key in the URL."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from enum import Enum

from gateway.auth.principal import ClientRequest
from gateway.errors import InvalidValue

KEY_HEADERS = ("x-api-key", "apikey")


class CredentialKind(Enum):
    """The form in which a credential was sent."""

    PASSWORD = "Basic"  # noqa: S105 - a scheme's name
    BEARER = "Bearer"
    KEY = "a key"


@dataclass(frozen=True, slots=True)
class Credential:
    """A key, password or token; `text` is empty if the client names a scheme to get its challenge.

    `user` is the user name of Basic: some clients send the key there.
    """

    kind: CredentialKind
    text: str = field(repr=False)
    user: str = field(default="", repr=False)


def credential_of(request: ClientRequest) -> Credential | None:
    """Return the credential of a request; None if there is none.

    A user name identifies no caller, because BI tools demand any; it counts only if it is a key.

    Raises:
        InvalidValue: the request has more than one credential (RFC 6750 2).
    """
    found = [Credential(CredentialKind.KEY, key) for key in request.keys]
    for name in KEY_HEADERS:
        found += [
            Credential(CredentialKind.KEY, key.strip()) for key in request.headers.getlist(name)
        ]
    for value in request.headers.getlist("authorization"):
        found += _authorization(value)
    given = [credential for credential in found if credential.text]
    if len(given) > 1:
        raise InvalidValue(
            "the request has more than one key, password or token; send only one",
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
        case _:  # Negotiate, NTLM: clients try them before they see the challenges
            return []


def _user_and_password(text: str) -> tuple[str, str]:
    """Return user name and password; both empty if the text is not Basic (RFC 7617 2)."""
    try:
        user, _, password = b64decode(text, validate=True).decode().partition(":")
    except ValueError:  # not base64, not ASCII, or not UTF-8
        return "", ""
    return user, password
