"""The HTTP client of the Analytics API: each call is counted, timed and traced, and has limits.

httpx bounds the time between two pieces of a response. Here the whole of it is bounded, in time and
in bytes as they are once unpacked.
"""

from __future__ import annotations

from base64 import b64encode
from time import perf_counter
from typing import Any

import anyio
import httpx
from httpx_aiohttp import HttpxAiohttpClient

from gateway.errors import UpstreamBrokeContract
from gateway.observe import Observer
from gateway.observe.pace import Pace
from gateway.observe.record import note_call

_LABELLED_STATUSES = frozenset({200, 400, 401, 403, 404, 429, 500, 502, 503, 504})
"""Statuses with a label of their own; others share their class's, so that labels are few."""
MAX_RESPONSE_BYTES = 268_435_456
"""A page of a thousand rows takes about 1 MiB."""
TIMES_UPSTREAM_TIMEOUT = 4
"""A response may take this many times as long as the silence before and within it."""
_CODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class ObservedClient(HttpxAiohttpClient):
    """httpx's client on aiohttp's connections; it logs no URL, header or body.

    `seconds` is how long a call may take from its beginning to the last byte of the response.
    """

    def __init__(
        self,
        observer: Observer,
        *,
        seconds: float,
        most_bytes: int = MAX_RESPONSE_BYTES,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._observer = observer
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._pace = Pace()

    def typical_seconds(self) -> float | None:
        """Return the typical time of a recent call; None without enough of them."""
        return self._pace.typical_seconds(perf_counter())

    def _init_proxy_transport(
        self, proxy: httpx.Proxy, *arguments: Any, **options: Any
    ) -> httpx.AsyncBaseTransport:
        """Return the transport of a proxy, with user and password as a header.

        aiohttp deprecates the form in which httpx-aiohttp passes them. It sends this header to the
        proxy alone, as Proxy-Authorization.
        """
        if proxy.auth is not None:
            code = b64encode(":".join(proxy.auth).encode()).decode()
            proxy = httpx.Proxy(proxy.url, headers={"Authorization": f"Basic {code}"})
        return super()._init_proxy_transport(proxy, *arguments, **options)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send as httpx does, and read the response to its end.

        Raises:
            httpx.HTTPError: there is no response, or not in time.
            UpstreamBrokeContract: it has too many bytes.
        """
        call = self._observer.traces.call(request.method, request.url.path, request.headers)
        began, outcome = perf_counter(), "cancelled"
        try:
            response = await self._whole(request, options)
            outcome = _status(response.status_code)
        except Exception as error:
            outcome = _failure(error)
            raise
        else:
            return response
        finally:
            ended = perf_counter()
            self._observer.called(outcome, ended - began)
            note_call(began, ended)
            self._pace.add(began, ended)
            if call is not None:
                call.end(outcome)

    async def _whole(self, request: httpx.Request, options: dict[str, Any]) -> httpx.Response:
        try:
            with anyio.fail_after(self._seconds):
                response = await super().send(request, **{**options, "stream": True})
                try:
                    body = await self._body(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            late = f"the response took longer than {self._seconds:g} seconds"
            raise httpx.ReadTimeout(late, request=request) from error
        kept = [pair for pair in response.headers.multi_items() if pair[0] not in _CODED]
        return httpx.Response(response.status_code, headers=kept, content=body, request=request)

    async def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > self._most_bytes:
                raise UpstreamBrokeContract(
                    f"the Analytics API sent more than {self._most_bytes // 1_048_576} MiB at once;"
                    " lower the page size in the contract file"
                )
        return bytes(body)


def _status(status: int) -> str:
    return str(status) if status in _LABELLED_STATUSES else f"{status // 100}xx"


def _failure(error: Exception) -> str:
    """Classify by the cause: httpx-aiohttp reports a refused or reset connection as a timeout."""
    reason = error.__cause__ or error
    return "timeout" if isinstance(reason, httpx.TimeoutException | TimeoutError) else "connection"
