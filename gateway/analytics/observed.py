"""The HTTP client of the Analytics API, watched: each call is counted, timed and traced."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import httpx
from httpx_aiohttp import HttpxAiohttpClient

from gateway.observe import Observer
from gateway.observe.record import current

_TOLD = frozenset({200, 400, 401, 403, 404, 429, 500, 502, 503, 504})
"""Statuses that are told as they are; of the others only the class, so that labels are few."""


class ObservedClient(HttpxAiohttpClient):
    """httpx's client on aiohttp's connections; URL, headers and bodies are told to nobody."""

    def __init__(self, observer: Observer, **options: Any) -> None:
        super().__init__(**options)
        self._observer = observer

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """As httpx's, to the end of the body."""
        call = self._observer.traces.call(request.method, request.url.path, request.headers)
        began, outcome = perf_counter(), "cancelled"
        try:
            response = await super().send(request, **options)
            outcome = _status(response.status_code)
        except Exception as error:
            outcome = _failure(error)
            raise
        else:
            return response
        finally:
            ended = perf_counter()
            self._observer.called(outcome, ended - began)
            record = current()
            if record is not None:
                record.spend("upstream", began, ended)
            if call is not None:
                call.end(outcome)


def _status(status: int) -> str:
    return str(status) if status in _TOLD else f"{status // 100}xx"


def _failure(error: Exception) -> str:
    """httpx-aiohttp calls a refused or reset connection a timeout; its cause knows better."""
    said = error.__cause__ or error
    return "timeout" if isinstance(said, httpx.TimeoutException | TimeoutError) else "connection"
