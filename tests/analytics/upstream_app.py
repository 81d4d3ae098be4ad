"""A client whose upstream is a function `Request -> Response`, and a clock that waits at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from gateway.analytics.read.client import AnalyticsClient, RetryPolicy, World
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown
from tests.analytics.small_contract import small_contract

TOKEN = "header.payload.signature-that-nobody-must-see"
START = datetime(2025, 1, 1, tzinfo=UTC)
FIRST_PAGE = PageRequest(Pushdown(), 0, 5, "changed")
NO_ROWS = b'{"rows":[],"total":0}'

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def ok(body: bytes = NO_ROWS, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=body, headers=headers)


@dataclass
class Scene:
    """A client and what is around it; calls take `call_seconds`, sleeping takes no time at all."""

    answers: Sequence[Answer]
    contract: Contract = field(default_factory=small_contract)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    tokens: list[str] = field(default_factory=lambda: [TOKEN])
    call_seconds: float = 0.0
    seconds: float = 1000.0

    def __post_init__(self) -> None:
        self.sent: list[httpx.Request] = []
        self.slept: list[float] = []
        self.clock = Clock(lambda: START + timedelta(seconds=self.seconds), lambda: self.seconds)
        http = httpx.AsyncClient(
            transport=httpx.MockTransport(self._answer), base_url="http://upstream"
        )
        world = World(self._token, self._sleep, self.clock)
        self.client = AnalyticsClient(http, self.contract, world, self.policy)

    async def _token(self, refused: str = "") -> str:
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers[min(len(self.sent), len(self.answers) - 1)]
        self.sent.append(request)
        self.seconds += self.call_seconds
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer
