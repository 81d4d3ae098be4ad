"""Endpoints for operators and load balancers: `/healthz`, `/readyz` and `/metrics`.

Metrics cover the whole process with all workspaces, so no workspace's key opens them. Clients need
the token of `metrics_token_file`, or must use a loopback name on this computer without a proxy.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from gateway.auth.hosts import is_loopback
from gateway.edge.proxies import FORWARDING, TrustedProxies
from gateway.edge.unnamed_proxies import Forwarding, forwarding_of
from gateway.errors import ResourceNotFound, Unauthorized
from gateway.observe import Observer
from gateway.observe.directory import DataDirectory
from gateway.observe.health import Kind, Problem, TokenFacts, token_problem
from gateway.observe.ledger import Ledger

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_PROXY_HEADERS = FORWARDING | {"via", "x-real-ip"}


@dataclass(slots=True)
class Readiness:
    """The readiness of the process; the application sets `is_open` as it starts and stops.

    Only starting and stopping make it unready. Counts, windows and retained snapshots need neither
    the Analytics API nor a disk, and another process would do no better: an unready process would
    turn a degradation into an outage. The facts describe any degradation. `unusable_files` returns
    the settings of files that the gateway reads again while it runs, and cannot use now. `tokens`
    return the facts of each workspace's token; `/readyz` is open, so it names no workspace.
    """

    observer: Observer
    directory: DataDirectory
    unusable_files: Callable[[], tuple[str, ...]]
    tokens: tuple[Callable[[], TokenFacts], ...] = ()
    is_open: bool = False

    async def check(self) -> tuple[bool, dict[str, object]]:
        """Return whether the process is ready, and the facts about its surroundings."""
        health = self.observer.upstream
        last_call = {"outcome": health.outcome, "secondsAgo": round(time.time() - health.at)}
        facts: dict[str, object] = {
            "serving": "yes" if self.is_open else "no: it is starting or stopping",
            "dataDirectory": (await self.directory.state()).text,
            "upstream": last_call if health.at else "not called yet",
        }
        unusable = await anyio.to_thread.run_sync(self.unusable_files)
        if unusable:
            facts["unusableFiles"] = unusable
        warnings = await anyio.to_thread.run_sync(self._warnings)
        if warnings:
            facts["warnings"] = warnings
        return self.is_open, facts

    def _warnings(self) -> tuple[str, ...]:
        """Return a text for each problem of a token, each once."""
        now = time.time()
        found = (token_problem(token(), now) for token in self.tokens)
        return tuple(dict.fromkeys(_warning(problem) for problem in found if problem is not None))


@dataclass(frozen=True, slots=True)
class OperatorEndpoints:
    """The endpoints; `sample` updates the gauges before metrics are served.

    `is_open_here` is True if clients on this computer get metrics without a token. It is False if
    the gateway serves remote clients, because a silent proxy looks like a local client.
    """

    observer: Observer
    ledger: Ledger
    readiness: Readiness
    sample: Callable[[], Awaitable[None]]
    proxies: TrustedProxies
    token: bytes | None = field(default=None, repr=False)
    is_open_here: bool = True

    async def health(self, request: Request) -> Response:
        """Return 200 while the process lives."""
        return PlainTextResponse("ok")

    async def ready(self, request: Request) -> Response:
        """Return 200 if the process serves requests, else 503; the facts hold no secret."""
        is_ready, facts = await self.readiness.check()
        headers = {"Cache-Control": "no-store"}
        peer = request.client.host if request.client else ""
        forwarding = forwarding_of(peer, request.headers.keys(), self.proxies)
        if forwarding is not Forwarding.NONE:
            facts["forwardingHeaders"] = forwarding
        return JSONResponse({"ready": is_ready, **facts}, 200 if is_ready else 503, headers)

    async def metrics(self, request: Request) -> Response:
        """Return metrics in the text format of Prometheus.

        Raises:
            Unauthorized: the token is wrong or missing.
            ResourceNotFound: no token is set, and the request is not from this computer.
        """
        self._admit(request)
        self.ledger.flush()
        await self.sample()
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
                "metrics are served only on the gateway's own computer, at a loopback address,"
                " while it needs no key and has no --public-url; otherwise set --metrics-token-file"
            )
        raise Unauthorized(
            "metrics need their token: send it as Authorization: Bearer TOKEN",
            challenges=('Bearer realm="metrics"',),
        )


def _warning(problem: Problem) -> str:
    days = problem.age // timedelta(days=1)
    match problem.kind:
        case Kind.TOKEN_ENDS:
            when = f"ends in {days} {'day' if days == 1 else 'days'}" if days else "ends today"
            return f"a token for the Analytics API {when}; replace it"
        case Kind.TOKEN_ENDED:
            return "a token for the Analytics API has ended; replace it"
        case _:
            return "there is no usable token for the Analytics API; correct its source"


def _is_direct(request: Request) -> bool:
    """Return True for a request from this computer, to a loopback name, through no proxy.

    Behind a proxy on this computer, every client has a loopback address; a web page can make the
    operator's browser send requests under the page's own name (DNS rebinding).
    """
    names = request.headers.keys()
    if any(name in _PROXY_HEADERS or name.startswith("x-forwarded-") for name in names):
        return False
    if request.client is None:
        return False
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    return is_loopback(request.client.host) and is_loopback(host)
