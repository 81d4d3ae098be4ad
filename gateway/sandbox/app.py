"""Construction of the sandbox, an ASGI application, from all of its parts."""

from collections import deque
from collections.abc import Iterable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.admin import Admin
from gateway.sandbox.api import AnalyticsApi
from gateway.sandbox.dataset import Dataset
from gateway.sandbox.date_header import DateHeader
from gateway.sandbox.drift import Drift
from gateway.sandbox.failures import respond_to_failure
from gateway.sandbox.faults import Faults
from gateway.sandbox.gate import FaultGate
from gateway.sandbox.instants import Clock, utc_now
from gateway.sandbox.journal import Journal, Received
from gateway.sandbox.store import Store


class Sandbox(Starlette):
    """An Analytics API over a dataset, with attributes for tests in the same process.

    `store` holds the current rows, `faults` the switches; `drift` changes rows on demand.
    """

    def __init__(
        self, dataset: Dataset, faults: Faults, *, secret: str, page_limit: int, clock: Clock
    ) -> None:
        self.store = Store(dataset)
        self.faults = faults
        self.drift = Drift(self.store, faults, clock)
        self.journal = Journal()
        api = AnalyticsApi(
            self.store, self.drift, secret=secret, page_limit=page_limit, clock=clock
        )
        gate = [Middleware(FaultGate, faults=faults, journal=self.journal, clock=clock)]
        super().__init__(
            routes=[
                Route("/analyse/results", api.results, methods=["POST"], middleware=gate),
                Route("/analyse/statistics", api.statistics, methods=["POST"], middleware=gate),
                Route("/health", _health),
            ],
            middleware=[Middleware(DateHeader, clock=clock)],
            exception_handlers={HTTPException: respond_to_failure},
        )

    @property
    def received(self) -> deque[Received]:
        """The latest requests to the documented endpoints, failed ones included, oldest first."""
        return self.journal.requests


def create_sandbox(
    dataset: Dataset | Iterable[Mapping[str, object]],
    *,
    secret: str,
    faults: Faults | None = None,
    page_limit: int = 1000,
    clock: Clock = utc_now,
    admin: bool = False,
) -> Sandbox:
    """Create a sandbox over a dataset, or over nested rows for `Dataset.from_rows`.

    The sandbox uses the given `faults` object, so that callers can set its switches. With `admin`,
    every client may set switches and read the requests, without a token.
    """
    rows = dataset if isinstance(dataset, Dataset) else Dataset.from_rows(dataset)
    switches = Faults() if faults is None else faults
    sandbox = Sandbox(rows, switches, secret=secret, page_limit=page_limit, clock=clock)
    if admin:
        sandbox.router.routes.extend(Admin(switches, sandbox.journal).routes())
    return sandbox


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})
