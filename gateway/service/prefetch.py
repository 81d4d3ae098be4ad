"""Pages built before they are requested: Power Query requests related rows entity by entity.

When it expands a column of lists, it sends `Users('a')/results`, `Users('b')/results` and so on,
thousands of times, in the order of the keys. The third such request in a row builds the pages of
the entities that follow with one query, as `$expand` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

import msgspec
from cachetools import LRUCache

from gateway.contract.model import Contract
from gateway.engine.fitting import rows_that_fit
from gateway.engine.run import Selection, fetch_rows
from gateway.errors import LimitExceeded
from gateway.planner.plan import QueryPlan
from gateway.planner.pushdown import Pushdown
from gateway.query.request import ODataRequest
from gateway.service.dependencies import Dependencies
from gateway.service.messages import PlannedRequest, ResponseOptions
from gateway.service.page_cache import CachedPage, PageKey, packed
from gateway.service.planning import plan_of
from gateway.service.rows import RowReader
from gateway.service.source import SnapshotRows
from gateway.snapshots.cache import Snapshot
from gateway.writer.bodies import PageBody, projection_for, write_collection
from grammar import (
    Binary,
    ExpandItem,
    KeyPredicate,
    Literal,
    LiteralKind,
    Name,
    OrderItem,
    QueryOptions,
    ResourcePath,
    Segment,
    SelectItem,
)

KeyFor: TypeAlias = Callable[[ResourcePath], PageKey]
_REQUESTS_IN_A_ROW = 3
_MAX_PREFETCHED_ROWS = 200
_MIN_PREFETCHED_ROWS = 8
_MAX_STREAKS = 64


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """A first page that was just built: its source, page size in rows, and the key for others."""

    snapshot: Snapshot
    plan: QueryPlan
    wanted: int
    page: PageBody
    key_for: KeyFor


class Prefetch:
    """The prefetcher of one workspace; `plan_at` plans a request for a given now()."""

    def __init__(
        self,
        contract: Contract,
        dependencies: Dependencies,
        rows: RowReader,
        plan_at: Callable[[ODataRequest, datetime | None], PlannedRequest],
    ) -> None:
        self._namespace = contract.schema.namespace
        self._with = dependencies
        self._rows = rows
        self._plan_at = plan_at
        self._streaks: LRUCache[tuple[object, ...], int] = LRUCache(_MAX_STREAKS)

    async def after(
        self, request: ODataRequest, first: PreparedPage, options: ResponseOptions
    ) -> None:
        """Build the pages of the entities that follow, after the third page in a row."""
        if not _is_one_of_many(request, first):
            return
        entity, navigation = request.path.segments
        facts = (request.pairs, options.format, options.links)
        streak = (first.snapshot.id, entity.name, navigation.name, *facts)
        self._streaks[streak] = self._streaks.get(streak, 0) + 1
        if self._streaks[streak] >= _REQUESTS_IN_A_ROW:
            self._streaks[streak] = 0
            await self._make(request, first, options)

    async def _make(
        self, request: ODataRequest, first: PreparedPage, options: ResponseOptions
    ) -> None:
        """Build the pages, unless they are so large that few fit into the limit."""
        plan = plan_of(self._plan_at(_following(request, first), None))
        source = SnapshotRows(first.snapshot)
        selection = Selection(plan.query.filter, plan.order, 0, _MAX_PREFETCHED_ROWS)
        try:
            fitting = await self._rows.run(
                source, plan, rows_that_fit, selection, plan.query.expand
            )
        except LimitExceeded:
            return
        if fitting < _MIN_PREFETCHED_ROWS:
            return
        projection = projection_for(plan.query, options.format, options.links, self._namespace)
        selection = replace(selection, limit=fitting)
        found = await self._rows.run(source, plan, fetch_rows, selection, projection)
        for path, page in await self._rows.in_thread(_pages, found, request, first, options):
            self._with.pages.put(first.key_for(path), page)


def _is_one_of_many(request: ODataRequest, first: PreparedPage) -> bool:
    """Return True for the whole first page of all rows related to an entity with one text as key.

    The snapshot must hold the whole workspace, so that it has the other entities too. $orderby is
    excluded because $expand sorts ties differently.
    """
    query, segments = first.plan.query, request.path.segments
    key = segments[0].key
    return (
        len(segments) == 2
        and query.source is not None
        and key is not None
        and len(key.values) == 1
        and isinstance(key.values[0][1], Literal)
        and segments[1].key is None
        and query.apply is None
        and not (query.orderby or query.references or query.referenced_sets or query.moment)
        and first.page == PageBody(taken_at=first.page.taken_at, instead_of=first.page.instead_of)
        and first.snapshot.pushdown == Pushdown()
        and first.snapshot.is_complete
    )


def _following(request: ODataRequest, first: PreparedPage) -> ODataRequest:
    """Return `Users?$filter=id gt 'u'&$orderby=id&$select=id&$expand=results(...)`."""
    entity, navigation = request.path.segments
    source = first.plan.query.source
    assert source is not None  # noqa: S101 - see `_is_one_of_many`
    [key] = source.entity_set.entity_type.key
    inner = replace(request.options, format=None, custom=(), skiptoken=None)
    options = QueryOptions(
        filter=Binary("gt", Name(key), _literal_of(entity)),
        orderby=(OrderItem(Name(key)),),
        select=(SelectItem((key,)),),
        expand=(ExpandItem((navigation.name,), "", inner),),
    )
    return ODataRequest(ResourcePath((Segment(entity.name),)), options, ())


def _literal_of(entity: Segment) -> Literal:
    assert entity.key is not None  # noqa: S101 - see `_is_one_of_many`
    literal = entity.key.values[0][1]
    assert isinstance(literal, Literal)  # noqa: S101 - the same
    return literal


def _pages(
    rows: list[bytes], request: ODataRequest, first: PreparedPage, options: ResponseOptions
) -> list[tuple[ResourcePath, CachedPage]]:
    """Return the page of each entity, and the path of its request."""
    entity, navigation = request.path.segments
    source = first.plan.query.source
    assert source is not None  # noqa: S101 - see `_is_one_of_many`
    assert entity.key is not None  # noqa: S101 - the same
    [key], [(written, _)] = source.entity_set.entity_type.key, entity.key.values
    pages: list[tuple[ResourcePath, CachedPage]] = []
    for row in rows:
        members = msgspec.json.decode(row, type=dict[str, msgspec.Raw])
        related = msgspec.json.decode(members[navigation.name], type=list[msgspec.Raw])
        if len(related) > first.wanted:
            continue
        value = Literal(LiteralKind.STRING, msgspec.json.decode(members[key], type=str))
        named = replace(entity, key=KeyPredicate(((written, value),)))
        texts = [bytes(text) for text in related]
        query, format_ = first.plan.query, options.format
        body = write_collection(texts, first.page, query, format_, options.links)
        path = replace(request.path, segments=(named, navigation))
        pages.append((path, CachedPage(packed(body), len(texts))))
    return pages
