"""The way in by Microsoft Entra ID, Power BI's "organizational account": verified access tokens.

A token must be signed by the tenant's issuer (RS256, nothing else), be for this gateway, in its
time, and an access token: one that only tells a website who signed in opens nothing. What its owner
may see is said by their groups and app roles (`Grant`).
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt

from gateway.auth.claims import (
    LEEWAY_SECONDS,
    AccessClaims,
    WrongClaim,
    access_claims,
    read_claims,
)
from gateway.auth.credentials import Credential, CredentialKind
from gateway.auth.gate import CredentialRefusal
from gateway.auth.identity import whole_identity
from gateway.auth.principal import Principal
from gateway.auth.signing_keys import SigningKeys
from gateway.config.grants import Grant, is_group_id
from gateway.errors import AccessDenied

_NAME_LETTERS = 12
_REQUIRED = ("exp", "nbf", "iss", "aud", "tid")
_CLAIMS_OF_ENTRA = frozenset({"tid", "ver"})
_CLOUDS = (
    ".windows.net",
    ".microsoftonline.com",
    ".microsoftonline.us",
    ".microsoftonline.de",
    ".microsoftonline.cn",
    ".chinacloudapi.cn",
    ".microsoft.com",
    ".ciamlogin.com",
    ".b2clogin.com",
)
"""What the names of Microsoft's issuers end in, in the global cloud and the national ones."""
_RENEW = "sign in again"


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose tokens count: the tenant's id, where it signs in, and for whom tokens must be."""

    id: str
    authority: str
    audiences: tuple[str, ...]
    grants: tuple[Grant, ...]

    def configuration(self, version: str = "") -> str:
        """Where the OpenID configuration is; each version has an issuer of its own."""
        return f"{self.authority}/{self.id}{version}/.well-known/openid-configuration"

    @property
    def challenge(self) -> str:
        """What Power Query waits for when it probes with an empty token; it wants no quotes."""
        return f"Bearer authorization_uri={self.authority}/{self.id}/oauth2/authorize"


@dataclass(frozen=True, slots=True)
class EntraAccount:
    """Checks access tokens of a tenant; `first` and `second` issue those of versions 1.0 and 2.0.

    `alone` tells that no other way takes tokens, so that all are refused here by what they lack.
    `verified` remembers by a token's digest whom it let in, for a minute: to verify it costs as
    much as a small answer.
    """

    tenant: Tenant
    first: SigningKeys
    second: SigningKeys
    verified: MutableMapping[str, Principal]
    alone: bool
    guessable: bool = False
    invitation: str = "choose Organizational account and sign in"

    @property
    def challenge(self) -> str:
        """See `gateway.auth.gate.Way`."""
        return self.tenant.challenge

    async def admit(self, credential: Credential) -> Principal | CredentialRefusal | None:
        """Verified, then looked up by groups and roles; see `gateway.auth.gate.Way`."""
        if credential.kind is not CredentialKind.BEARER or credential.text.count(".") != 2:
            return None
        identity = whole_identity(credential.text)
        known = self.verified.get(identity)
        if known is not None:
            return known
        found = await self._checked(credential.text)
        if isinstance(found, Principal):
            self.verified[identity] = found
        return found

    async def _checked(self, token: str) -> Principal | CredentialRefusal | None:
        try:
            seen = read_claims(token)
        except jwt.InvalidTokenError:
            return CredentialRefusal("the token is no JSON Web Token") if self.alone else None
        issuer = str(seen.payload.get("iss", ""))
        if not self.alone and not self._is_entras(seen.payload, issuer):
            return None
        signers = self.second if issuer.endswith("/v2.0") else self.first
        found = await signers.find(str(seen.header.get("kid", "")))
        if found is None:
            return CredentialRefusal(f"the token is not signed by this gateway's tenant, {_RENEW}")
        return self._verified(token, *found)

    def _is_entras(self, claims: Mapping[str, Any], issuer: str) -> bool:
        """Such a token is never passed on to anyone, even another tenant's or another cloud's."""
        if not _CLAIMS_OF_ENTRA.isdisjoint(claims):
            return True
        try:
            host = (urlsplit(issuer).hostname or "").rstrip(".")
        except ValueError:
            return False
        if host == urlsplit(self.tenant.authority).hostname:
            return True
        return f".{host}".endswith(_CLOUDS)

    def _verified(self, token: str, issuer: str, key: jwt.PyJWK) -> Principal | CredentialRefusal:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self.tenant.audiences,
                issuer=issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": [*_REQUIRED]},
            )
        except jwt.ExpiredSignatureError:
            return CredentialRefusal(f"your sign-in has expired, {_RENEW}", genuine=True)
        except (
            jwt.ImmatureSignatureError,
            jwt.InvalidAudienceError,
            jwt.InvalidIssuerError,
        ) as why:
            return CredentialRefusal(f"{_WRONG[type(why)]}", genuine=True)
        except (jwt.InvalidTokenError, ValueError, TypeError, ArithmeticError):
            return CredentialRefusal(f"the token is damaged or forged, {_RENEW}")
        return self._opened(claims)

    def _opened(self, payload: Mapping[str, Any]) -> Principal | CredentialRefusal:
        try:
            claims = access_claims(payload)
        except WrongClaim as problem:
            return CredentialRefusal(
                f"a claim of the token has the wrong type ({problem})", genuine=True
            )
        if claims.tid != self.tenant.id:
            return CredentialRefusal(_WRONG[jwt.InvalidIssuerError])
        if not claims.is_for_access:
            return CredentialRefusal(
                "this token says who you are and opens nothing, send an access token"
            )
        return self._granted(claims)

    def _granted(self, claims: AccessClaims) -> Principal:
        """Return what the first fitting grant of the owner's list opens.

        Raises:
            AccessDenied: none fits, or the token does not show which one is the first.
        """
        held = claims.holders
        for grant in self.tenant.grants:
            if grant.holder in held:
                name = whole_identity(claims.person)[:_NAME_LETTERS]
                return Principal(grant.workspace, grant.role, f"entra:{name}")
            if claims.has_unlisted_groups and is_group_id(grant.holder):
                raise AccessDenied(_TOO_MANY)
        raise AccessDenied(
            "you are signed in, but none of your groups or app roles has access here: ask the"
            " gateway's owner to add you to one that entra_group names, or to name one of yours;"
            " the app registration must send the claim groups or roles"
        )


_TOO_MANY = (
    "you are in more groups than Microsoft Entra ID lists in a token: the gateway's owner sets"
    " 'Groups assigned to the application' for the claim groups in the app registration's token"
    " configuration, or names app roles before groups in entra_group"
)
_WRONG: dict[type[jwt.InvalidTokenError], str] = {
    jwt.ImmatureSignatureError: "the token is not valid yet, see whether the clocks are right",
    jwt.InvalidAudienceError: "the token is for another application than entra_audience names",
    jwt.InvalidIssuerError: f"the token is another tenant's, {_RENEW} with an account of this one",
}
