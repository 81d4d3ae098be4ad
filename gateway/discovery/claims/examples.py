"""Recorded exchanges (of HAR files, Postman collections, cURL commands, bare bodies) -> claims.

Nothing is replayed. An exchange lives only while a file is read, and its `repr` shows no value.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gateway.discovery.claims.claims import (
    Claims,
    EndpointClaim,
    HeaderClaim,
    LoginClaim,
    SecurityClaim,
    Source,
    origin_of,
)
from gateway.discovery.claims.logins import login_claim
from gateway.discovery.claims.operations import (
    LEAST_SCORE,
    login_score,
    reads,
    results_score,
    shape_score,
    statistics_score,
    total_headers,
)
from gateway.discovery.claims.private import is_harmless, is_secret_name
from gateway.discovery.claims.values import (
    constants,
    request_members,
    response_members,
    seen_in,
    skeleton_of,
)
from gateway.errors import ConfigurationProblem

ABSENT = object()
"""Marks an exchange without a body; None is JSON's null."""

MAX_EXCHANGES_OF_ONE = 50
LEAST_SHAPE = 4.0
_BROWSER_HEADERS = re.compile(
    r":.*|accept.*|sec-.*|user-agent|referer|origin|host|content-(?:length|type|encoding)|connection"
    r"|cache-control|pragma|dnt|priority|te|upgrade.*|if-.*|x-requested-with|traceparent|tracestate"
    r"|baggage|sentry-trace|x-(?:request|correlation|amzn|datadog|b3|newrelic).*|newrelic|postman-.*"
    r"|x-forwarded-.*|forwarded|via|expect|authorization|cookie|set-cookie|proxy-.*|x-client-.*|range"
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of a file, and its response if the file has it."""

    url: str = field(repr=False)
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    request: Any = field(default=ABSENT, repr=False)
    status: int | None = None
    response: Any = field(default=ABSENT, repr=False)
    response_headers: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """True if the response is a success, or unknown."""
        return self.status is None or 200 <= self.status < 300

    @property
    def path(self) -> str:
        """The path of the URL, without query; empty if it holds what looks like a secret."""
        try:
            path = urlsplit(self.url).path
        except ValueError:
            return ""
        steps = [step for step in path.split("/") if step]
        return path if all(is_harmless(step) or len(step) < 20 for step in steps) else ""


@dataclass(frozen=True, slots=True)
class _Group:
    """The exchanges of one endpoint."""

    origin: str
    path: str
    exchanges: tuple[Exchange, ...]

    @property
    def requests(self) -> list[Any]:
        return [one.request for one in self.exchanges if one.request is not ABSENT]

    @property
    def responses(self) -> list[Any]:
        return [one.response for one in self.exchanges if one.response is not ABSENT]


def claims_from_exchanges(exchanges: Iterable[Exchange], kind: str) -> Claims:
    """Return the claims of exchanges.

    Args:
        exchanges: of any endpoints; only successful POST requests are read.
        kind: the file's kind, for people.

    Raises:
        ConfigurationProblem: no exchange looks like a request for results or statistics.
    """
    posts = [one for one in exchanges if one.method == "POST"]
    groups = _groups(one for one in posts if one.succeeded)
    results = _best(groups, results_score, LEAST_SHAPE)
    statistics = _best([g for g in groups if g is not results], statistics_score, 99.0)
    login = _login(groups)
    if results is None and statistics is None and login is None:
        raise ConfigurationProblem(_nothing(kind, len(posts)))
    main = results or statistics
    return Claims(
        base_url=main.origin if main else "",
        results=None if results is None else _endpoint(results),
        statistics=None if statistics is None else _endpoint(statistics),
        login=login,
        security=() if main is None else _security(main),
        sources=(f"{kind}, {len(posts):,} POST request{'s' * (len(posts) != 1)}",),
    )


def _nothing(kind: str, posts: int) -> str:
    if posts == 0:
        return (
            f"the {kind} has no successful POST request with JSON; open the Analyse page with the"
            " browser's network tab open, filter or sort once, and save that"
        )
    return (
        f"none of the {posts:,} POST requests in the {kind} looks like a request for results;"
        " record the page that lists people's results, or give the API's own description (OpenAPI)"
    )


def _groups(exchanges: Iterable[Exchange]) -> list[_Group]:
    found: dict[tuple[str, str], list[Exchange]] = defaultdict(list)
    for one in exchanges:
        has_body = isinstance(one.request, dict) or isinstance(one.response, dict | list)
        if has_body and one.path:
            found[origin_of(one.url), one.path].append(one)
    return [
        _Group(origin, path, tuple(listed[:MAX_EXCHANGES_OF_ONE]))
        for (origin, path), listed in found.items()
    ]


def _best(groups: list[_Group], score: Any, least_shape: float) -> _Group | None:
    best: tuple[float, _Group] | None = None
    for group in groups:
        names = score(group.path)
        request, response = list(seen_in(group.requests)), list(seen_in(group.responses))
        shape = shape_score(request, response)
        if names < LEAST_SCORE and not (shape >= least_shape and reads(group.path, "", request)):
            continue
        if best is None or names + shape > best[0]:
            best = (names + shape, group)
    return None if best is None else best[1]


def _endpoint(group: _Group) -> EndpointClaim:
    statuses = {one.status for one in group.exchanges if one.status is not None}
    return EndpointClaim(
        path=group.path,
        headers=_headers(group),
        success=tuple(sorted(statuses)),
        request=request_members(group.requests),
        response=response_members(group.responses),
        body_example=skeleton_of(group.requests),
        constants=constants(group.requests),
        total_headers=total_headers(n for one in group.exchanges for n in one.response_headers),
        source=Source.EXAMPLE,
    )


def _headers(group: _Group) -> tuple[HeaderClaim, ...]:
    values: dict[str, set[str]] = defaultdict(set)
    for name, value in (pair for one in group.exchanges for pair in one.headers):
        if not _BROWSER_HEADERS.fullmatch(name.lower()):
            values[name].add(value)
    return tuple(_header(name, seen) for name, seen in values.items())


def _header(name: str, values: set[str]) -> HeaderClaim:
    value = next(iter(values)) if len(values) == 1 else ""
    secret = is_secret_name(name)
    kept = value if value and not secret and is_harmless(value) else None
    return HeaderClaim(name, False, kept, secret, Source.EXAMPLE)


def _security(group: _Group) -> tuple[SecurityClaim, ...]:
    found = [_scheme(*pair) for one in group.exchanges for pair in one.headers]
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _scheme(name: str, value: str) -> SecurityClaim | None:
    lower = name.lower()
    if lower == "authorization":
        scheme = value.partition(" ")[0].lower()
        kind = scheme if scheme in ("bearer", "basic") else "other"
        return SecurityClaim(kind, "Authorization", Source.EXAMPLE)
    if lower == "cookie":
        return SecurityClaim("cookie", "", Source.EXAMPLE)
    if is_secret_name(name) and not _BROWSER_HEADERS.fullmatch(lower):
        return SecurityClaim("api-key", name, Source.EXAMPLE)
    return None


def _login(groups: list[_Group]) -> LoginClaim | None:
    scored = sorted(((login_score(g.path), g) for g in groups), key=lambda pair: -pair[0])
    for score, group in scored:
        request, response = list(seen_in(group.requests)), list(seen_in(group.responses))
        claim = login_claim(group.path, request, response, Source.EXAMPLE)
        if score > 0 and claim is not None:
            return claim
    return None
