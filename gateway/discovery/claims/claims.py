"""The claims: what a description or an example says about the API, before any probe.

A claim holds names, types, formats and the values of enumerations. It never holds a value that may
belong to a person, a token or a cookie; the readers in this package leave those out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from gateway.discovery.claims.names import Path

Scalar = str | int | float | bool


class Source(StrEnum):
    """The origin of a claim, strongest first; each is tested by probes."""

    DOCUMENTED = "documented"
    EXAMPLE = "example"


@dataclass(frozen=True, slots=True)
class RequestMember:
    """A member of a request's body.

    Attributes:
        path: names from the body's root; `"[]"` is each element, `"*"` any name.
        type: a JSON Schema type, or empty if unknown.
        format: `date-time`, `date`, `uuid`, ...; of examples e.g. `iso-milliseconds-z`.
        required: True if the description demands it, or all examples have it.
        enum: the values that it may have.
        maximum: the largest number, e.g. the largest page.
        most_values: the most elements of an array.
        default: the value that the description promises without the member.
        constant: the only possible value, or the limit, skip or page of an example.
        varies: True if examples of one endpoint had different values.
    """

    path: Path
    type: str = ""
    format: str = ""
    nullable: bool = False
    required: bool = False
    enum: tuple[Scalar, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    most_values: int | None = None
    default: Scalar | None = None
    constant: Scalar | None = None
    varies: bool = False
    source: Source = Source.DOCUMENTED


@dataclass(frozen=True, slots=True)
class ResponseMember:
    """A member of a response's body; `required` means present in each response that was seen."""

    path: Path
    type: str = ""
    format: str = ""
    nullable: bool = False
    required: bool = False
    enum: tuple[Scalar, ...] = ()
    source: Source = Source.DOCUMENTED


@dataclass(frozen=True, slots=True)
class HeaderClaim:
    """A header of the requests; the value only if it is constant and no secret."""

    name: str
    required: bool = False
    value: str | None = None
    is_secret: bool = False
    source: Source = Source.DOCUMENTED


@dataclass(frozen=True, slots=True)
class ConstantCandidate:
    """A constant of an example's body; sent only if the API refuses requests without it."""

    path: Path
    value: Scalar


@dataclass(frozen=True, slots=True)
class EndpointClaim:
    """A POST endpoint that changes nothing.

    Attributes:
        path: from the host's root, without query and parameters.
        success: statuses of success; empty if unknown.
        body_example: the body as JSON with types for values; empty if unknown.
        total_headers: names of response headers that may hold a total or a link to the next page.
    """

    path: str
    method: str = "POST"
    headers: tuple[HeaderClaim, ...] = ()
    success: tuple[int, ...] = ()
    request: tuple[RequestMember, ...] = ()
    response: tuple[ResponseMember, ...] = ()
    body_example: str = ""
    constants: tuple[ConstantCandidate, ...] = ()
    total_headers: tuple[str, ...] = ()
    source: Source = Source.DOCUMENTED


@dataclass(frozen=True, slots=True)
class LoginClaim:
    """An endpoint that returns a token for credentials.

    Attributes:
        url: a path from the host's root; a whole URL if it is on another host.
        kind: `password` (a JSON body) or `client_credentials` (OAuth 2.0).
    """

    url: str
    kind: str = "password"
    name_member: Path = ()
    secret_member: Path = ()
    token_member: Path = ()
    lifetime_member: Path = ()
    refresh_member: Path = ()
    other_members: tuple[Path, ...] = ()
    scopes: tuple[str, ...] = ()
    source: Source = Source.DOCUMENTED


@dataclass(frozen=True, slots=True)
class SecurityClaim:
    """A way to authorise requests: `bearer`, `basic`, `api-key`, `oauth2`, `cookie` or `other`."""

    kind: str
    header: str = ""
    source: Source = Source.DOCUMENTED


@dataclass(frozen=True, slots=True)
class Claims:
    """All claims of one description or file.

    Attributes:
        base_url: scheme and host that it names; reported to the owner, never called by itself.
        sources: what was read, for people ("OpenAPI 3.0.3, 41 operations").
        notes: other facts for the owner, e.g. references that were not followed.
    """

    base_url: str = ""
    results: EndpointClaim | None = None
    statistics: EndpointClaim | None = None
    login: LoginClaim | None = None
    security: tuple[SecurityClaim, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if neither an endpoint nor a login was found."""
        return self.results is None and self.statistics is None and self.login is None


def names_other_host(claims: Claims, base_url: str) -> bool:
    """Return True if the claims name a host that is not the owner's; it must not get the token."""
    return bool(claims.base_url) and origin_of(claims.base_url) != origin_of(base_url)


def origin_of(url: str) -> str:
    """Return scheme, host and port in lower case, without user and default port, or nothing.

    >>> origin_of("HTTPS://me:secret@Api.Example.com:443/v1")
    'https://api.example.com'
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    usual = {"http": 80, "https": 443}[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, usual) else "")


def path_below(base_url: str, path: str) -> str:
    """Return an endpoint's path as seen from the owner's base URL.

    >>> path_below("https://x.example/api/", "/api/analyse/results")
    '/analyse/results'
    >>> path_below("https://x.example", "/api/analyse/results")
    '/api/analyse/results'
    """
    prefix = urlsplit(base_url).path.rstrip("/")
    return path[len(prefix) :] if prefix and path.startswith(f"{prefix}/") else path
