"""The outer edge: what is decided about a request before anything else looks at it.

Two pure ASGI middlewares. Neither holds an answer back: files and batches stream through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.edge.public_root import Connection, PublicRoot
from gateway.errors import GatewayError, MisdirectedRequest
from gateway.web.respond import react_to_error, to_response

_FOR_MACHINES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked by address, whatever the service is called."""
_ASKED_BY_SCRIPTS = (
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
_SHOWN_TO_SCRIPTS = (
    *("OData-Version", "Preference-Applied", "ETag", "Age", "Cache-Status", "Location", "Allow"),
    *("Content-Location", "Content-Disposition", "Retry-After", "WWW-Authenticate"),
    *("Server-Timing", "X-Request-Id"),
)


@dataclass(frozen=True, slots=True)
class EdgePolicy:
    """Settings of the edge.

    `allowed_hosts` are names in lower case, `*.` in front stands for any name below; empty allows
    all. `hsts_seconds` 0 sends no header. Pages of `cors_origins` may read answers.
    """

    allowed_hosts: tuple[str, ...] = ()
    hsts_seconds: int = 0
    cors_origins: tuple[str, ...] = ()


def build_edge(root: PublicRoot, policy: EdgePolicy) -> Sequence[Middleware]:
    """The middlewares that the policy needs, outermost first; none costs nothing.

    Credentials that a browser would add by itself are never allowed to other origins: a script
    that has a key sends it in `Authorization`.
    """
    found = []
    if policy.allowed_hosts or policy.hsts_seconds:
        found.append(Middleware(Edge, root=root, policy=policy))
    if policy.cors_origins:
        found.append(
            Middleware(
                CORSMiddleware,
                allow_origins=policy.cors_origins,
                allow_methods=("GET", "HEAD", "POST", "OPTIONS"),
                allow_headers=_ASKED_BY_SCRIPTS,
                expose_headers=_SHOWN_TO_SCRIPTS,
            )
        )
    return found


class Edge:
    """Refuses hosts that the service is not known by, and lets browsers remember https."""

    def __init__(self, app: ASGIApp, root: PublicRoot, policy: EdgePolicy) -> None:
        self._app = app
        self._root = root
        self._hosts = policy.allowed_hosts
        self._https = f"max-age={policy.hsts_seconds}".encode() if policy.hsts_seconds else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"] in _FOR_MACHINES:
            await self._app(scope, receive, send)
            return
        try:
            origin = self._root.origin(Connection.of(scope))
            self._check(origin.name)
        except GatewayError as error:
            await to_response(react_to_error(error, "4.0"))(scope, receive, send)
            return
        remembered = self._https is not None and origin.scheme == "https"
        await self._app(scope, receive, self._remembering(send) if remembered else send)

    def _check(self, name: str) -> None:
        if not self._hosts or any(_fits(name, allowed) for allowed in self._hosts):
            return
        raise MisdirectedRequest(
            f"Host: this service is not known as {name!r}; ask it by its own name, or let its owner"
            " add this one to --allowed-hosts",
            target="Host",
        )

    def _remembering(self, send: Send) -> Send:
        """Adds Strict-Transport-Security (RFC 6797), for this host alone."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                line = (b"strict-transport-security", self._https)
                message = {**message, "headers": [*message["headers"], line]}
            await send(message)

        return sending


def _fits(name: str, allowed: str) -> bool:
    return name.endswith(allowed[1:]) if allowed.startswith("*.") else name == allowed
