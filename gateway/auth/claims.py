"""The claims of a JSON Web Token: unverified ones, and those of a verified access token.

A token is a foreign document. Its claims are converted once, here, so that later code never finds
a number where it expects a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import msgspec

LEEWAY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Claims:
    """Header and payload of a token."""

    header: dict[str, Any]
    payload: dict[str, Any]


class AccessClaims(msgspec.Struct, frozen=True):
    """The claims of a verified access token of Microsoft Entra ID that decide what it opens.

    Null means absent. `hasgroups` and `claim_names` say that the person is in more groups than the
    token lists.
    """

    tid: str
    oid: str | None = None
    sub: str | None = None
    scp: str | None = None
    azp: str | None = None
    appid: str | None = None
    groups: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    hasgroups: bool | None = None
    claim_names: dict[str, Any] | None = msgspec.field(default=None, name="_claim_names")

    @property
    def is_for_access(self) -> bool:
        """True if this is an access token: it has a scope, or the roles of an application."""
        return bool(self.scp) or bool(self.roles and (self.azp or self.appid))

    @property
    def holders(self) -> frozenset[str]:
        """The groups and app roles of the person."""
        return frozenset((*(self.groups or ()), *(self.roles or ())))

    @property
    def has_unlisted_groups(self) -> bool:
        """True if the person is in groups that the token does not list."""
        return bool(self.hasgroups) or "groups" in (self.claim_names or ())

    @property
    def person(self) -> str:
        """Tenant and id of the person; `oid` is the same in all applications, `sub` is not."""
        return f"{self.tid}/{self.oid or self.sub}"


def access_claims(payload: Mapping[str, Any]) -> AccessClaims:
    """Convert the payload of a verified token.

    Raises:
        WrongClaim: a claim does not have the type that Microsoft Entra ID documents.
    """
    try:
        return msgspec.convert(payload, AccessClaims)
    except msgspec.ValidationError as error:
        raise WrongClaim(str(error)) from error
    except UnicodeError as error:  # half a surrogate pair where no text may be
        raise WrongClaim("a text is not Unicode") from error


class WrongClaim(Exception):
    """A claim has the wrong type; the message names the claim and contains no value."""


def read_claims(token: str, *, timely: bool = False) -> Claims:
    """Return the unverified header and payload; `timely` checks `exp` and `nbf` within a minute.

    Raises:
        jwt.InvalidTokenError: the text is not a JSON Web Token, or is outside its period.
    """
    options: Any = {"verify_signature": False, "verify_exp": timely, "verify_nbf": timely}
    try:
        decoded = jwt.decode_complete(token, options=options, leeway=LEEWAY_SECONDS)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:  # infinite, too deep
        raise jwt.DecodeError("malformed") from error
    return Claims(decoded["header"], decoded["payload"])
