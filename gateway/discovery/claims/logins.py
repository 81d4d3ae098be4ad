"""Login endpoints and security schemes of an API, as claims."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urljoin, urlsplit

from gateway.discovery.claims.claims import LoginClaim, SecurityClaim, Source, origin_of
from gateway.discovery.claims.name_table import Role
from gateway.discovery.claims.names import Path, best_paths


def login_claim(
    path: str, request: list[Path], response: list[Path], source: Source = Source.DOCUMENTED
) -> LoginClaim | None:
    """Return the claim of an endpoint that takes a secret; None if it takes none."""
    secret = _first(Role.LOGIN_SECRET, request, least=0.9)
    if not secret:
        return None
    others = [one for one in request if one != secret]
    name = _first(Role.LOGIN_NAME, others, least=0.9)
    oauth = any(one[-1].lower() in ("grant_type", "granttype") for one in request)
    return LoginClaim(
        url=path,
        kind="client_credentials" if oauth else "password",
        name_member=name,
        secret_member=secret,
        token_member=_first(Role.TOKEN, response),
        lifetime_member=_first(Role.EXPIRES_IN, response),
        refresh_member=_first(Role.REFRESH_TOKEN, response),
        other_members=tuple(one for one in others if one != name),
        source=source,
    )


def oauth_login(schemes: dict[str, Any], document_url: str) -> LoginClaim | None:
    """Return the login of the first scheme with OAuth's client credentials, if there is one."""
    for scheme in schemes.values():
        flow = _client_credentials(scheme)
        url = flow.get("tokenUrl")
        if isinstance(url, str) and url:
            scopes = flow.get("scopes")
            return LoginClaim(
                url=_from_root(url, document_url),
                kind="client_credentials",
                name_member=("client_id",),
                secret_member=("client_secret",),
                token_member=("access_token",),
                lifetime_member=("expires_in",),
                scopes=tuple(map(str, scopes)) if isinstance(scopes, dict) else (),
            )
    return None


def security_claims(schemes: Iterable[dict[str, Any]]) -> tuple[SecurityClaim, ...]:
    """Return the security schemes of a description."""
    return tuple(dict.fromkeys(map(_security, schemes)))


def _security(scheme: dict[str, Any]) -> SecurityClaim:
    kind, name = str(scheme.get("type", "")).lower(), str(scheme.get("scheme", "")).lower()
    if kind == "http" and name in ("bearer", "basic"):
        return SecurityClaim(name, "Authorization")
    if kind == "basic":
        return SecurityClaim("basic", "Authorization")
    if kind == "apikey" and scheme.get("in") == "header":
        header = str(scheme.get("name", ""))
        return SecurityClaim("api-key", header)
    if kind == "apikey" and scheme.get("in") == "cookie":
        return SecurityClaim("cookie")
    if kind in ("oauth2", "openidconnect"):
        return SecurityClaim("oauth2", "Authorization")
    return SecurityClaim("other")


def _client_credentials(scheme: Any) -> dict[str, Any]:
    if not isinstance(scheme, dict):
        return {}
    if scheme.get("flow") == "application":
        return scheme
    flows = scheme.get("flows")
    flow = flows.get("clientCredentials") if isinstance(flows, dict) else None
    return flow if isinstance(flow, dict) else {}


def _from_root(url: str, document_url: str) -> str:
    """Return a path if the URL is on the document's host, otherwise the URL without query."""
    try:
        whole = urljoin(document_url, url)
        parts = urlsplit(whole)
    except ValueError:
        return ""
    origin = origin_of(whole)
    if not origin or origin == origin_of(document_url):
        return parts.path
    return f"{origin}{parts.path}"


def _first(role: Role, paths: list[Path], least: float = 0.5) -> Path:
    found = best_paths(role, paths, least)
    return found[0][0] if found else ()
