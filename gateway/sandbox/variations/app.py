"""Construction of a sandbox that behaves like a variation of the Analytics API."""

import asyncio
from collections import deque

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.admin import Admin
from gateway.sandbox.dataset import Dataset
from gateway.sandbox.date_header import DateHeader
from gateway.sandbox.drift import Drift
from gateway.sandbox.faults import Faults
from gateway.sandbox.gate import FaultGate
from gateway.sandbox.instants import Clock, utc_now
from gateway.sandbox.journal import Journal, Received
from gateway.sandbox.store import Store
from gateway.sandbox.tokens import make_token
from gateway.sandbox.variations.api import Sleep, VariantApi
from gateway.sandbox.variations.blocking import Blocker
from gateway.sandbox.variations.calls import CallLog, new_log
from gateway.sandbox.variations.description import describe_routes
from gateway.sandbox.variations.login import Login
from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.population import populate
from gateway.sandbox.variations.refusals import build_handler


class Variant(Starlette):
    """One variation of the API over a dataset, with attributes for tests in the same process.

    `store` holds the current rows in the canonical shape, `faults` the switches; `drift` changes
    rows on demand; `variation` is the form, and `calls` are all requests to any path.
    """

    def __init__(
        self,
        variation: Variation,
        dataset: Dataset,
        *,
        secret: str,
        faults: Faults,
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        self.variation = variation
        self.store = Store(populate(dataset, variation.population, variation.values))
        self.faults = faults
        self.drift = Drift(self.store, faults, clock)
        self.journal = Journal()
        self.calls = new_log()
        self._clock = clock
        self._secret = _token_secret(secret, variation)
        api = VariantApi(
            variation, self.store, self.drift, secret=self._secret, clock=clock, sleep=sleep
        )
        super().__init__(
            routes=self._routes(api),
            middleware=[
                Middleware(CallLog, calls=self.calls),
                Middleware(DateHeader, clock=clock),
                Middleware(Blocker, blocked=variation.door.blocked),
            ],
            exception_handlers={HTTPException: build_handler(variation.status)},
        )

    def _routes(self, api: VariantApi) -> list[Route]:
        door, statistics = self.variation.door, self.variation.statistics
        gate = [Middleware(FaultGate, faults=self.faults, journal=self.journal, clock=self._clock)]
        results = Route(door.prefix + door.results, api.results, methods=["POST"], middleware=gate)
        path = door.prefix + statistics.path
        aggregates = Route(path, api.statistics, methods=["POST"], middleware=gate)
        return [
            results,
            *([aggregates] if statistics.present else []),
            *Login(door, self.make_token).routes(),
            *describe_routes(self.variation, self.store.rows),
            Route("/health", _health),
        ]

    @property
    def received(self) -> deque[Received]:
        """The latest requests to results and statistics, failed ones included, oldest first."""
        return self.journal.requests

    def make_token(self) -> str:
        """Make a token that is valid from now on, as long as the variation's tokens are."""
        seconds = self.variation.door.token_seconds
        return make_token(self._secret, expires_in_seconds=seconds, clock=self._clock)


def create_variant(
    variation: Variation,
    dataset: Dataset,
    *,
    secret: str,
    faults: Faults | None = None,
    clock: Clock = utc_now,
    sleep: Sleep = asyncio.sleep,
    admin: bool = False,
) -> Variant:
    """Create a sandbox of one variation over a dataset.

    `make_token(secret)` makes its tokens, except behind a login. Slow pages call `sleep`,
    so a test that passes its own clock never waits.
    """
    switches = Faults() if faults is None else faults
    variant = Variant(variation, dataset, secret=secret, faults=switches, clock=clock, sleep=sleep)
    if admin:
        variant.router.routes.extend(Admin(switches, variant.journal).routes())
    return variant


def _token_secret(secret: str, variation: Variation) -> str:
    """Return the key of tokens; behind a login, tokens made by hand are not accepted."""
    return secret if variation.door.login is None else f"{secret} behind a login"


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})
