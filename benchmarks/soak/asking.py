"""Requests of the soak's clients: to any gateway for any URL, with retries after a refusal."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from benchmarks.soak.ledger import Ledger
from gateway.errors import UpstreamUnavailable

PUBLIC = "http://analytics.example"
"""The public URL of both gateways: no link shows which of them wrote it."""
_TRIES = 5
_WORTH_ASKING_AGAIN = {c.code for c in (UpstreamUnavailable, *UpstreamUnavailable.__subclasses__())}


class Stumble(Exception):  # it ends a round, and is in the ledger already
    """A wrong response; the client starts its round again."""


@dataclass(frozen=True)
class Reply:
    """A response with an expected status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body."""
        return msgspec.json.decode(self.body)


@dataclass
class Asker:
    """One client's connection; `dice` decides which gateway gets a request."""

    gateways: tuple[str, ...]
    http: aiohttp.ClientSession
    ledger: Ledger
    dice: random.Random
    until: float
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """True if the run has ended."""
        return time.monotonic() > self.until

    async def ask(
        self,
        kind: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        expected: int = 200,
        body: bytes | None = None,
    ) -> Reply:
        """Return the response, after at most as many refusals as a BI tool accepts.

        Raises:
            Stumble: another status, or no answer.
        """
        for _ in range(_TRIES):
            reply = await self._once(kind, path, headers or {}, body)
            if reply.status == expected:
                return reply
            await asyncio.sleep(self._patience(path, reply))
        self.ledger.problem(f"{path[:120]}: refused {_TRIES} times")
        raise Stumble

    async def _once(
        self, kind: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        base = self.dice.choice(self.gateways)
        url = URL(base + path.removeprefix(PUBLIC), encoded=True)
        method = "GET" if body is None else "POST"
        started = time.perf_counter()
        try:
            async with self.http.request(
                method, url, headers={**self.extra, **headers}, data=body
            ) as answer:
                content = await answer.read()
                reply = Reply(answer.status, answer.headers, content)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.ledger.problem(f"{path[:120]}: no whole answer: {type(error).__name__} {error}")
            raise Stumble from error
        self.ledger.answered(kind, time.perf_counter() - started, len(content))
        return reply

    def _patience(self, path: str, reply: Reply) -> float:
        """Return the seconds to wait after an acceptable refusal."""
        try:
            code = reply.json()["error"]["code"]
        except (msgspec.DecodeError, KeyError, TypeError):
            code = "no error of OData's"
        wait = reply.headers.get("Retry-After", "")
        if code in _WORTH_ASKING_AGAIN and reply.status == 503 and wait.isdigit():
            self.ledger.refusals[code] += 1
            return min(float(wait), 5.0)
        self.ledger.problem(f"{path[:120]}: {reply.status} {code} {reply.body[:200]!r}")
        raise Stumble
