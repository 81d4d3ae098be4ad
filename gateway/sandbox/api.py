"""The two documented endpoints: `POST /analyse/results` and `POST /analyse/statistics`.

A request is authorized by its token, then its body is parsed, then the rows are selected.
"""

from starlette.requests import Request
from starlette.responses import Response

from gateway.sandbox.drift import Drift
from gateway.sandbox.failures import ApiFailure
from gateway.sandbox.instants import Clock
from gateway.sandbox.payloads import Filters, parse_body, parse_results_request
from gateway.sandbox.records import encode_rows
from gateway.sandbox.statistics import encode_statistics
from gateway.sandbox.store import Store
from gateway.sandbox.tokens import check_access
from gateway.sandbox.views import Ordering, to_ordering


class AnalyticsApi:
    """The endpoints for one store of rows."""

    def __init__(
        self, store: Store, drift: Drift, *, secret: str, page_limit: int, clock: Clock
    ) -> None:
        self._store = store
        self._drift = drift
        self._secret = secret
        self._page_limit = page_limit
        self._clock = clock

    async def results(self, request: Request) -> Response:
        """Return one page and the number of rows on all pages; rows may change afterwards."""
        body = await self._authorized_body(request)
        parsed = parse_results_request(body, self._page_limit)
        options = parsed.options
        rows = self._store.matching(parsed.filters(), to_ordering(options))
        page = encode_rows(rows[options.skip : options.skip + options.limit])
        response = b'{"total":%d,"results":[%b]}' % (len(rows), page)
        self._drift.after_page()
        return _json(response)

    async def statistics(self, request: Request) -> Response:
        """Return aggregates of the matching rows."""
        body = await self._authorized_body(request)
        filters = parse_body(body, Filters)
        return _json(encode_statistics(self._store.matching(filters, Ordering())))

    async def _authorized_body(self, request: Request) -> bytes:
        authorization = request.headers.get("authorization")
        check_access(authorization, secret=self._secret, now=self._clock())
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise ApiFailure(415, "Content-Type must be application/json")
        return await request.body()


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
