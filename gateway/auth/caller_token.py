"""Sign-in with the caller's own token of the Analytics API, which the gateway passes on.

The gateway verifies only the token's validity period. Before anything is served, the Analytics API
must accept the token. Its claims prove nothing, so its snapshots are shared only by requests with
exactly the same token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import jwt
from cachetools import TTLCache

from gateway.auth.authenticator import CredentialRefusal, PendingCheck
from gateway.auth.claims import read_claims
from gateway.auth.credentials import Credential, CredentialKind
from gateway.auth.identity import digest, name_in_logs
from gateway.auth.principal import Principal
from gateway.errors import UpstreamRejectedToken

_MAX_ACCEPTED_TOKENS, _ACCEPTED_SECONDS = 4_096, 900
CHALLENGE = 'Bearer realm="Skillhabit OData"'


class Acceptance:
    """A cache of accepted tokens, for 15 minutes; callers check `exp`, which may come sooner.

    `try_token` makes a cheap call with a token; it raises `UpstreamRejectedToken` if it is refused.
    """

    def __init__(
        self, try_token: Callable[[str], Awaitable[object]], monotonic: Callable[[], float]
    ) -> None:
        self._try_token = try_token
        self._accepted: TTLCache[str, bool] = TTLCache(
            _MAX_ACCEPTED_TOKENS, _ACCEPTED_SECONDS, monotonic
        )

    def remembers(self, token: str) -> bool:
        """Return True if the token was accepted recently; the cache holds digests, not tokens."""
        return digest(token) in self._accepted

    async def accepts(self, token: str) -> bool:
        """Return True if the token was accepted recently, or is accepted by the Analytics API now.

        Raises:
            UpstreamUnavailable, UpstreamFault: the Analytics API did not decide.
        """
        if self.remembers(token):
            return True
        try:
            await self._try_token(token)
        except UpstreamRejectedToken:
            return False
        self._accepted[digest(token)] = True
        return True

    def forget(self, token: str) -> None:
        """Remove a token that has been refused since."""
        self._accepted.pop(digest(token), None)


@dataclass(frozen=True, slots=True)
class CallerToken:
    """Accepts JSON Web Tokens sent as Bearer; `gateway.tenants` finds their workspace."""

    acceptance: Acceptance
    challenge: str = CHALLENGE
    invitation: str = "send your own Skillhabit token as Authorization: Bearer TOKEN"
    guessable: bool = False

    async def admit(
        self, credential: Credential
    ) -> Principal | CredentialRefusal | PendingCheck | None:
        """Check the validity period and recent acceptance; see `SignInMethod`."""
        token = credential.text
        if credential.kind is not CredentialKind.BEARER or token.count(".") != 2:
            return None
        try:
            read_claims(token, timely=True)
        except jwt.ExpiredSignatureError:
            reason = "the token has expired; get a new one from Skillhabit"
            return CredentialRefusal(reason, genuine=True)
        except jwt.ImmatureSignatureError:
            reason = "the token is not valid yet; check that the clocks are right"
            return CredentialRefusal(reason, genuine=True)
        except jwt.InvalidTokenError:
            return CredentialRefusal("the token is not a JSON Web Token")
        if self.acceptance.remembers(token):
            return _principal(token)
        return PendingCheck(partial(self._try_upstream, token))

    async def _try_upstream(self, token: str) -> Principal | CredentialRefusal:
        if await self.acceptance.accepts(token):
            return _principal(token)
        return CredentialRefusal(
            "the Analytics API refuses your Skillhabit token: it has expired, was not issued there,"
            " or may not read analytics"
        )


def _principal(token: str) -> Principal:
    name = name_in_logs(token)
    return Principal(id=f"caller:{name}", token=token)
