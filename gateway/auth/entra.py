"""Sign-in with Microsoft Entra ID, Power BI's "organizational account": verified access tokens.

A token must be signed by the tenant's issuer (RS256, nothing else), be issued for this gateway, be
within its validity period, and be an access token: an ID token, which only identifies its owner to
a website, is refused. The owner's groups and app roles decide what they may see (`Grant`).
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt

from gateway.auth.authenticator import CredentialRefusal
from gateway.auth.claims import (
    LEEWAY_SECONDS,
    AccessClaims,
    WrongClaim,
    access_claims,
    read_claims,
)
from gateway.auth.credentials import Credential, CredentialKind
from gateway.auth.identity import digest, name_in_logs
from gateway.auth.principal import Principal
from gateway.auth.signing_keys import SigningKeys
from gateway.config.grants import Grant, is_group_id
from gateway.errors import AccessDenied

_REQUIRED_CLAIMS = ("exp", "nbf", "iss", "aud", "tid")
_CLAIMS_ONLY_ENTRA_SETS = frozenset({"tid", "ver"})
_ISSUER_DOMAINS = (
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
"""Domains of Microsoft's issuers, in the global cloud and the national clouds."""
_RENEW = "sign in again"


@dataclass(frozen=True, slots=True)
class Tenant:
    """The tenant whose tokens are accepted, with the accepted audiences and what tokens open."""

    id: str
    authority: str
    audiences: tuple[str, ...]
    grants: tuple[Grant, ...]

    def configuration(self, version: str = "") -> str:
        """Return the URL of the OpenID configuration; each version has its own issuer."""
        return f"{self.authority}/{self.id}{version}/.well-known/openid-configuration"

    @property
    def challenge(self) -> str:
        """The challenge that Power Query expects for an empty Bearer token; it reads no quotes."""
        return f"Bearer authorization_uri={self.authority}/{self.id}/oauth2/authorize"


@dataclass(frozen=True, slots=True)
class EntraAccount:
    """Checks access tokens of a tenant; `v1` and `v2` hold the issuers of versions 1.0 and 2.0.

    `alone` is True if no other method accepts tokens: a token of another kind then gets a reason
    here. `verified` caches the callers of verified tokens, by digest, for a minute: verifying a
    token costs as much as a small response.
    """

    tenant: Tenant
    v1: SigningKeys
    v2: SigningKeys
    verified: MutableMapping[str, Principal]
    alone: bool
    guessable: bool = False
    invitation: str = "choose Organizational account and sign in"

    @property
    def challenge(self) -> str:
        """See `SignInMethod`."""
        return self.tenant.challenge

    async def admit(self, credential: Credential) -> Principal | CredentialRefusal | None:
        """Verify the token, then find the grant of its groups and roles; see `SignInMethod`."""
        if credential.kind is not CredentialKind.BEARER or credential.text.count(".") != 2:
            return None
        key = digest(credential.text)
        cached = self.verified.get(key)
        if cached is not None:
            return cached
        found = await self._check(credential.text)
        if isinstance(found, Principal):
            self.verified[key] = found
        return found

    async def _check(self, token: str) -> Principal | CredentialRefusal | None:
        try:
            unverified = read_claims(token)
        except jwt.InvalidTokenError:
            return CredentialRefusal("the token is not a JSON Web Token") if self.alone else None
        issuer = str(unverified.payload.get("iss", ""))
        if not self.alone and not self._is_of_entra(unverified.payload, issuer):
            return None
        signers = self.v2 if issuer.endswith("/v2.0") else self.v1
        found = await signers.find(str(unverified.header.get("kid", "")))
        if found is None:
            return CredentialRefusal(f"the token is not signed by this gateway's tenant; {_RENEW}")
        return self._verify(token, *found)

    def _is_of_entra(self, claims: Mapping[str, Any], issuer: str) -> bool:
        """Return True for tokens of any tenant and cloud, which must never be passed on."""
        if not _CLAIMS_ONLY_ENTRA_SETS.isdisjoint(claims):
            return True
        try:
            host = (urlsplit(issuer).hostname or "").rstrip(".")
        except ValueError:
            return False
        if host == urlsplit(self.tenant.authority).hostname:
            return True
        return f".{host}".endswith(_ISSUER_DOMAINS)

    def _verify(self, token: str, issuer: str, key: jwt.PyJWK) -> Principal | CredentialRefusal:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self.tenant.audiences,
                issuer=issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": [*_REQUIRED_CLAIMS]},
            )
        except jwt.ExpiredSignatureError:
            return CredentialRefusal(f"your sign-in has expired; {_RENEW}", genuine=True)
        except (
            jwt.ImmatureSignatureError,
            jwt.InvalidAudienceError,
            jwt.InvalidIssuerError,
        ) as why:
            return CredentialRefusal(_REASONS[type(why)], genuine=True)
        except (jwt.InvalidTokenError, ValueError, TypeError, ArithmeticError):
            return CredentialRefusal(f"the token is damaged or forged; {_RENEW}")
        return self._authorize(claims)

    def _authorize(self, payload: Mapping[str, Any]) -> Principal | CredentialRefusal:
        try:
            claims = access_claims(payload)
        except WrongClaim as problem:
            return CredentialRefusal(
                f"a claim of the token has the wrong type ({problem})", genuine=True
            )
        if claims.tid != self.tenant.id:
            return CredentialRefusal(_REASONS[jwt.InvalidIssuerError])
        if not claims.is_for_access:
            return CredentialRefusal(
                "this is an ID token, which gives no access; send an access token"
            )
        return self._grant(claims)

    def _grant(self, claims: AccessClaims) -> Principal:
        """Return the caller with the first grant in the list that matches the claims.

        Raises:
            AccessDenied: no grant matches, or the token does not show which one is the first.
        """
        held = claims.holders
        for grant in self.tenant.grants:
            if grant.holder in held:
                name = name_in_logs(claims.person)
                return Principal(grant.workspace, grant.role, f"entra:{name}")
            if claims.has_unlisted_groups and is_group_id(grant.holder):
                raise AccessDenied(_UNLISTED_GROUPS)
        raise AccessDenied(
            "you are signed in, but none of your groups or app roles has access here: ask the"
            " gateway's owner to add you to a group that entra_group names, or to name one of"
            " yours; the app registration must send the claim groups or roles"
        )


_UNLISTED_GROUPS = (
    "you are in more groups than Microsoft Entra ID lists in a token: ask the gateway's owner to"
    " set 'Groups assigned to the application' for the claim groups in the app registration's"
    " token configuration, or to name app roles before groups in entra_group"
)
_REASONS: dict[type[jwt.InvalidTokenError], str] = {
    jwt.ImmatureSignatureError: "the token is not valid yet; check that the clocks are right",
    jwt.InvalidAudienceError: "the token is for another application than the one in entra_audience",
    jwt.InvalidIssuerError: f"the token is another tenant's; {_RENEW} with an account of this one",
}
