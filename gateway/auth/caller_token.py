"""The way in by the caller's own token of the Analytics API, which passes it on.

Nothing of it is verified here but its time: whether it opens anything, the Analytics API decides,
and is asked first. Its claims prove nothing, and what it has opened belongs to the whole token and
no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jwt

from gateway.auth.acceptance import Acceptance
from gateway.auth.claims import read_claims
from gateway.auth.credentials import Credential, CredentialKind
from gateway.auth.gate import CredentialRefusal, Undecided
from gateway.auth.identity import whole_identity
from gateway.auth.principal import Principal

_NAME_LETTERS = 12


CHALLENGE = 'Bearer realm="Skillhabit OData"'


@dataclass(frozen=True, slots=True)
class CallerToken:
    """JSON Web Tokens as Bearer; in which workspace they count is `gateway.tenants`' matter."""

    acceptance: Acceptance
    challenge: str = CHALLENGE
    invitation: str = "send your own Skillhabit token as Authorization: Bearer TOKEN"
    guessable: bool = False

    async def admit(
        self, credential: Credential
    ) -> Principal | CredentialRefusal | Undecided | None:
        """By its time, and whether it was accepted lately; see `gateway.auth.gate.Way`."""
        token = credential.text
        if credential.kind is not CredentialKind.BEARER or token.count(".") != 2:
            return None
        try:
            read_claims(token, timely=True)
        except jwt.ExpiredSignatureError:
            reason = "the token has expired, get a new one from Skillhabit"
            return CredentialRefusal(reason, genuine=True)
        except jwt.ImmatureSignatureError:
            reason = "the token is not valid yet, see whether the clocks are right"
            return CredentialRefusal(reason, genuine=True)
        except jwt.InvalidTokenError:
            return CredentialRefusal("the token is no JSON Web Token")
        if self.acceptance.remembers(token):
            return _principal(token)
        return Undecided(partial(self._asked, token))

    async def _asked(self, token: str) -> Principal | CredentialRefusal:
        if await self.acceptance.accepts(token):
            return _principal(token)
        return CredentialRefusal(
            "the Analytics API refuses your Skillhabit token, which has ended, was not made there,"
            " or may not read analytics"
        )


def _principal(token: str) -> Principal:
    name = whole_identity(token)[:_NAME_LETTERS]
    return Principal(id=f"caller:{name}", token=token)
