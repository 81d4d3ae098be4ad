"""The sandbox as an ASGI application: construction only, and the one place that knows all parts."""

from collections.abc import Iterable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.api import AnalyticsApi
from gateway.sandbox.dataset import Dataset
from gateway.sandbox.failures import ApiFailure, answer_failure
from gateway.sandbox.faults import Faults
from gateway.sandbox.instants import Clock, utc_now
from gateway.sandbox.store import Store


class Sandbox(Starlette):
    """An Analytics API over a dataset, with handles for tests.

    `store` holds the rows as they are now, `faults` the switches.
    """

    def __init__(
        self, store: Store, faults: Faults, *, secret: str, page_limit: int, clock: Clock
    ) -> None:
        self.store = store
        self.faults = faults
        api = AnalyticsApi(store, secret=secret, page_limit=page_limit, clock=clock)
        super().__init__(
            routes=[
                Route("/analyse/results", api.results, methods=["POST"]),
                Route("/analyse/statistics", api.statistics, methods=["POST"]),
                Route("/health", _health),
            ],
            exception_handlers={ApiFailure: answer_failure, HTTPException: answer_failure},
        )


def create_sandbox(
    dataset: Dataset | Iterable[Mapping[str, object]],
    *,
    secret: str,
    faults: Faults | None = None,
    page_limit: int = 1000,
    clock: Clock = utc_now,
) -> Sandbox:
    """Create a sandbox over a dataset, or over nested rows as `Dataset.from_rows` takes them."""
    rows = dataset if isinstance(dataset, Dataset) else Dataset.from_rows(dataset)
    return Sandbox(
        Store(rows), faults or Faults(), secret=secret, page_limit=page_limit, clock=clock
    )


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})
