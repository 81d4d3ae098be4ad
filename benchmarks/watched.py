"""The gateway with a clock in its event loop: `/stall` reports the longest gap.

Only for `benchmarks.latency`. The clock schedules itself every millisecond; any longer wait is
the wait of every other request.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.app import create_app
from gateway.cli.options import read_settings, setting_options
from gateway.cli.serve import server_options

_TURN = 0.001


@dataclass(slots=True)
class Watched:
    """An ASGI application around another; the clock runs from the first `/stall` on."""

    app: ASGIApp
    longest: float = 0.0
    clock: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to `/stall` with the longest gap since the last time, pass everything else on."""
        if scope["type"] != "http" or scope["path"] != "/stall":
            await self.app(scope, receive, send)
            return
        self.clock = self.clock or asyncio.create_task(self._watch())
        gap, self.longest = self.longest, 0.0
        await PlainTextResponse(f"{gap * 1000:.3f}")(scope, receive, send)

    async def _watch(self) -> None:
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(_TURN)
            self.longest = max(self.longest, time.perf_counter() - asked - _TURN)


@click.group()
def main() -> None:
    """Replace the gateway's own command."""


@main.command()
@setting_options()
def serve(config: Path | None, **given: Any) -> None:
    """Serve like the gateway."""
    settings = read_settings(config, given)
    uvicorn.run(Watched(create_app(settings)), **server_options(settings))
