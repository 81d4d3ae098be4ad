"""The claims of a JSON Web Token: as anyone may have written them, and as an access token's.

A token is a foreign document. Its claims are converted once, here, so that no code behind it meets
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

    Null is as good as absent. `hasgroups` and `claim_names` say that the person is in more groups
    than the token lists.
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
        """True if it is an access token: one with a scope, or with an application's roles."""
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
        """Whose token it is; `sub` differs from application to application, `oid` does not."""
        return f"{self.tid}/{self.oid or self.sub}"


def access_claims(payload: Mapping[str, Any]) -> AccessClaims:
    """Convert a verified payload.

    Raises:
        WrongClaim: a claim has another type than Microsoft Entra ID gives it; says which one.
    """
    try:
        return msgspec.convert(payload, AccessClaims)
    except msgspec.ValidationError as error:
        raise WrongClaim(str(error)) from error
    except UnicodeError as error:  # half a surrogate pair where no text may be
        raise WrongClaim("a text that is no Unicode") from error


class WrongClaim(Exception):
    """A claim of the wrong type; the text names the claim and holds no value."""


def read_claims(token: str, *, timely: bool = False) -> Claims:
    """Return header and payload; `timely` checks `exp` and `nbf`, give or take a minute.

    Raises:
        jwt.InvalidTokenError: it is no JSON Web Token, or out of its time.
    """
    options: Any = {"verify_signature": False, "verify_exp": timely, "verify_nbf": timely}
    try:
        seen = jwt.decode_complete(token, options=options, leeway=LEEWAY_SECONDS)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:  # infinite, too deep
        raise jwt.DecodeError("malformed") from error
    return Claims(seen["header"], seen["payload"])
