"""What the operator and the machines in front ask: `/healthz`, `/readyz` and `/metrics`.

Metrics are of the whole process, of all workspaces: no workspace's key opens them. They are for who
asks on this computer by a loopback name and through no proxy, or has the token of
`metrics_token_file`.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from gateway.auth.hosts import is_loopback
from gateway.edge.proxies import FORWARDING, TrustedProxies
from gateway.edge.unnamed_proxies import forwarding_of
from gateway.errors import ResourceNotFound, Unauthorized
from gateway.observe import Observer
from gateway.observe.directory import DataDirectory
from gateway.observe.ledger import Ledger

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_BY_A_PROXY = FORWARDING | {"via", "x-real-ip"}


@dataclass(slots=True)
class Readiness:
    """The readiness of the process; the application sets `is_open` as it starts and stops.

    Only starting and stopping make it unready. Counts, windows and retained snapshots need neither
    the Analytics API nor a disk, and another process would do no better: an unready one would turn
    a degradation into an outage. What is degraded is in the facts.
    """

    observer: Observer
    directory: DataDirectory
    is_open: bool = False

    async def look(self) -> tuple[bool, dict[str, object]]:
        """Return whether the process is ready, and the facts about its surroundings."""
        seen = self.observer.upstream
        asked = {"outcome": seen.outcome, "secondsAgo": round(time.time() - seen.at)}
        facts: dict[str, object] = {
            "serving": "yes" if self.is_open else "no: it starts or ends",
            "dataDirectory": await self.directory.state(),
            "upstream": asked if seen.at else "not asked yet",
        }
        return self.is_open, facts


@dataclass(frozen=True, slots=True)
class OperatorEndpoints:
    """`look` is called before metrics are told, so that they are of now.

    `is_open_here` tells that metrics are told without a token to who asks on this computer: not
    where others are let in, because a proxy that says nothing of itself looks just so.
    """

    observer: Observer
    ledger: Ledger
    readiness: Readiness
    look: Callable[[], Awaitable[None]]
    proxies: TrustedProxies
    token: bytes | None = field(default=None, repr=False)
    is_open_here: bool = True

    async def health(self, request: Request) -> Response:
        """The process lives."""
        return PlainTextResponse("ok")

    async def ready(self, request: Request) -> Response:
        """200 when it can answer, else 503; says nothing secret."""
        is_ready, facts = await self.readiness.look()
        headers = {"Cache-Control": "no-store"}
        peer = request.client.host if request.client else ""
        facts["forwardingHeaders"] = forwarding_of(peer, request.headers.keys(), self.proxies)
        return JSONResponse({"ready": is_ready, **facts}, 200 if is_ready else 503, headers)

    async def metrics(self, request: Request) -> Response:
        """The text format of Prometheus.

        Raises:
            Unauthorized: the token is wrong or missing.
            ResourceNotFound: there is no token, and the request is not from this computer.
        """
        self._admit(request)
        self.ledger.flush()
        await self.look()
        text = await anyio.to_thread.run_sync(self.observer.metrics.text)
        return Response(text, headers={"Content-Type": _TEXT, "Cache-Control": "no-store"})

    def _admit(self, request: Request) -> None:
        if self.token is not None:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), self.token):
                return
        elif self.is_open_here and _is_direct(request):
            return
        else:
            raise ResourceNotFound(
                "metrics are told on the gateway's own computer, by a loopback address, as long as"
                " nobody needs a key and there is no --public-url; else its owner sets"
                " --metrics-token-file"
            )
        raise Unauthorized(
            "the metrics' token is needed: send it as Authorization: Bearer TOKEN",
            challenges=('Bearer realm="metrics"',),
        )


def _is_direct(request: Request) -> bool:
    """From this computer, by one of its own names, and through nothing in front.

    A proxy on this computer makes everybody's peer a loopback address; a web page that is found by
    a name of its own (DNS rebinding) makes the operator's browser ask.
    """
    names = request.headers.keys()
    if any(name in _BY_A_PROXY or name.startswith("x-forwarded-") for name in names):
        return False
    if request.client is None:
        return False
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    return is_loopback(request.client.host) and is_loopback(host)
