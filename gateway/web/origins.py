"""Browser security: allowed hosts, HSTS and CORS, checked before anything else.

Two pure ASGI middlewares. Neither buffers a response: exports and batches stream through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.edge.public_root import Connection, PublicRoot
from gateway.errors import GatewayError, MisdirectedRequest
from gateway.web.respond import error_response, to_starlette_response

_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Requested by address, under any host name."""
_REQUEST_HEADERS = (
    *("Authorization", "X-API-Key", "apikey", "Content-Type", "Prefer"),
    *(
        "OData-Version",
        "OData-MaxVersion",
        "If-Match",
        "If-None-Match",
        "Cache-Control",
        "Isolation",
        "OData-Isolation",
    ),
    *("X-Request-Id", "traceparent", "tracestate"),
)
_RESPONSE_HEADERS = (
    *("OData-Version", "Preference-Applied", "ETag", "Age", "Cache-Status", "Location", "Allow"),
    *("Content-Location", "Content-Disposition", "Retry-After", "WWW-Authenticate"),
    *("Server-Timing", "X-Request-Id"),
)


@dataclass(frozen=True, slots=True)
class EdgePolicy:
    """Settings of the edge.

    `allowed_hosts` are names in lower case; a leading `*.` matches any subdomain; empty allows all.
    `hsts_seconds` 0 sends no header. Pages of `cors_origins` may read responses.
    """

    allowed_hosts: tuple[str, ...] = ()
    hsts_seconds: int = 0
    cors_origins: tuple[str, ...] = ()


def build_edge(root: PublicRoot, policy: EdgePolicy) -> Sequence[Middleware]:
    """Return the middlewares that the policy needs, outermost first.

    Other origins can never use credentials that a browser adds by itself: a script with a key sends
    it in `Authorization`.
    """
    middlewares = []
    if policy.allowed_hosts or policy.hsts_seconds:
        middlewares.append(Middleware(Edge, root=root, policy=policy))
    if policy.cors_origins:
        middlewares.append(
            Middleware(
                CORSMiddleware,
                allow_origins=policy.cors_origins,
                allow_methods=("GET", "HEAD", "POST", "OPTIONS"),
                allow_headers=_REQUEST_HEADERS,
                expose_headers=_RESPONSE_HEADERS,
            )
        )
    return middlewares


class Edge:
    """Refuses other hosts than the allowed ones, and adds Strict-Transport-Security over https."""

    def __init__(self, app: ASGIApp, root: PublicRoot, policy: EdgePolicy) -> None:
        self._app = app
        self._root = root
        self._hosts = policy.allowed_hosts
        self._hsts = f"max-age={policy.hsts_seconds}".encode() if policy.hsts_seconds else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        try:
            origin = self._root.origin(Connection.of(scope))
            self._check(origin.name)
        except GatewayError as error:
            await to_starlette_response(error_response(error, "4.0"))(scope, receive, send)
            return
        adds_hsts = self._hsts is not None and origin.scheme == "https"
        await self._app(scope, receive, self._adding_hsts(send) if adds_hsts else send)

    def _check(self, name: str) -> None:
        if not self._hosts or any(_fits(name, allowed) for allowed in self._hosts):
            return
        raise MisdirectedRequest(
            f"Host: this service does not accept the name {name!r}; use its own name, or ask its"
            " owner to add this one to --allowed-hosts",
            target="Host",
        )

    def _adding_hsts(self, send: Send) -> Send:
        """Return a `send` that adds Strict-Transport-Security (RFC 6797), for this host alone."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                header = (b"strict-transport-security", self._hsts)
                message = {**message, "headers": [*message["headers"], header]}
            await send(message)

        return sending


def _fits(name: str, allowed: str) -> bool:
    return name.endswith(allowed[1:]) if allowed.startswith("*.") else name == allowed
