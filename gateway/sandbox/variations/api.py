"""The endpoints of a variation: parse in its own form, select in the canonical one, render."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gateway.sandbox.drift import Drift
from gateway.sandbox.failures import ApiFailure
from gateway.sandbox.instants import Clock
from gateway.sandbox.payloads import Filters
from gateway.sandbox.records import Row
from gateway.sandbox.store import Store
from gateway.sandbox.tokens import check_access
from gateway.sandbox.variations.aggregates import render_statistics
from gateway.sandbox.variations.door import Pace, check_headers, take_constants
from gateway.sandbox.variations.envelope import Page, wrap_page
from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.ordering import Order, arrange, take_order
from gateway.sandbox.variations.paging import (
    Window,
    build_cursor,
    settle_beyond_end,
    take_window,
)
from gateway.sandbox.variations.reader import BodyReader
from gateway.sandbox.variations.refusals import Invalid
from gateway.sandbox.variations.resolving import resolve_filters
from gateway.sandbox.variations.rows import RowEncoder
from gateway.sandbox.variations.selection import take_filters
from gateway.sandbox.variations.visibility import Aging, Curtain
from gateway.sandbox.variations.wordings import Problem

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Selection:
    """The rows that a request selects."""

    filters: Filters
    include_archived: bool
    order: Order = field(default_factory=Order)


class VariantApi:
    """The endpoints of one variation for one store of rows."""

    def __init__(
        self,
        variation: Variation,
        store: Store,
        drift: Drift,
        *,
        secret: str,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._variation = variation
        self._store = store
        self._drift = drift
        self._secret = secret
        self._clock = clock
        self._sleep = sleep
        self._draw = Random(0)
        self._encoder = RowEncoder(variation)
        self._pace = Pace(variation.door)
        self._curtain = Curtain(store.rows, variation.population)
        self._aging = Aging(store, variation.population, clock)
        self._aging.advance()

    async def results(self, request: Request) -> Response:
        """Return one page in the variation's form; rows may change afterwards."""
        headers, reader = await self._enter(request)
        selection, window = self._parse(reader)
        await self._sleep(self._variation.door.seconds_a_page)
        self._aging.advance()
        body, more = self._page(selection, window)
        self._drift.after_page()
        return self._json(body, headers | more)

    async def statistics(self, request: Request) -> Response:
        """Return aggregates of the matching rows."""
        headers, reader = await self._enter(request)
        form = self._variation.statistics
        take_constants(reader, self._variation.door)
        selection = self._select(reader)
        reader.finish(strict=self._variation.status.unknown_members == "refused")
        self._aging.advance()
        if form.filters == "ignored":
            selection = _Selection(Filters(), include_archived=False)
        rows = self._rows(selection)
        return self._json(render_statistics(rows, form, self._variation.values.words), headers)

    async def _enter(self, request: Request) -> tuple[dict[str, str], BodyReader]:
        """Let a request in, and return the headers of its response and its body."""
        headers = self._pace.admit(self._clock())
        authorization = request.headers.get("authorization")
        check_access(authorization, secret=self._secret, now=self._clock())
        check_headers(request.headers, self._variation.door)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise ApiFailure(415, "Content-Type must be application/json")
        return headers, BodyReader(await request.body())

    def _parse(self, reader: BodyReader) -> tuple[_Selection, Window]:
        take_constants(reader, self._variation.door)
        window = take_window(reader, self._variation.paging, self._clock())
        order = take_order(reader, self._variation.order)
        selection = self._select(reader)
        reader.finish(strict=self._variation.status.unknown_members == "refused")
        return _Selection(selection.filters, selection.include_archived, order), window

    def _select(self, reader: BodyReader) -> _Selection:
        variation = self._variation
        archived = self._curtain.take(reader)
        numbers = variation.number_roles
        filters = take_filters(reader, variation.filters, variation.ranges, numbers)
        matching = variation.filters.matching
        resolved = resolve_filters(filters, self._store.rows, numbers=numbers, matching=matching)
        return _Selection(resolved, archived)

    def _rows(self, selection: _Selection) -> list[Row]:
        matching = self._store.matching(selection.filters, selection.order.ordering)
        return self._curtain.draw(
            matching, selection.filters, include_archived=selection.include_archived
        )

    def _page(self, selection: _Selection, window: Window) -> tuple[object, dict[str, str]]:
        form = self._variation
        rows = arrange(self._rows(selection), selection.order, form.order, self._draw)
        window = settle_beyond_end(form.paging, window, len(rows), self._beyond_end)
        page = Page(
            rows=self._encoder.encode(rows[window.start : window.end]),
            window=window,
            matching=len(rows),
            cursor=build_cursor(window, len(rows), self._clock()),
        )
        return wrap_page(page, form.envelope, form.paging, form.status.success_word)

    def _beyond_end(self) -> ApiFailure:
        return Invalid([Problem("most", self._variation.paging.position, "the number of pages")])

    def _json(self, body: object, headers: dict[str, str]) -> Response:
        encoded = msgspec.json.encode(body)
        return Response(encoded, self._variation.status.success, headers, "application/json")
