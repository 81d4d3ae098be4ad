"""Pages made before they are requested: Power Query requests related rows entity by entity.

When it expands a column of lists, it sends `Users('a')/results`, `Users('b')/results` and so on,
thousands of times, in the order of the keys. The third such request in a row makes the pages of the
entities that follow, by one query, as `$expand` does.
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
    Key,
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
_ENOUGH = 3
_AHEAD = 200
_FEWEST = 8
_STREAKS = 64


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """A first page that was just made: of what, how many rows it may have, and its facts."""

    snapshot: Snapshot
    plan: QueryPlan
    wanted: int
    page: PageBody
    key_for: KeyFor


class Prefetch:
    """Makes pages of one workspace ahead; `plan_at` plans a request for a given now()."""

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
        self._streaks: LRUCache[tuple[object, ...], int] = LRUCache(_STREAKS)

    async def after(
        self, request: ODataRequest, made: PreparedPage, options: ResponseOptions
    ) -> None:
        """Make the pages of the entities that follow, after the third page in a row was made."""
        if not _is_one_of_many(request, made):
            return
        entity, way = request.path.segments
        facts = (request.pairs, options.format, options.links)
        streak = (made.snapshot.id, entity.name, way.name, *facts)
        self._streaks[streak] = self._streaks.get(streak, 0) + 1
        if self._streaks[streak] >= _ENOUGH:
            self._streaks[streak] = 0
            await self._make(request, made, options)

    async def _make(
        self, request: ODataRequest, made: PreparedPage, options: ResponseOptions
    ) -> None:
        """Make the pages, unless each has so many rows that few would fit."""
        plan = plan_of(self._plan_at(_following(request, made), None))
        source = SnapshotRows(made.snapshot)
        selection = Selection(plan.query.filter, plan.order, 0, _AHEAD)
        try:
            fitting = await self._rows.run(
                source, plan, rows_that_fit, selection, plan.query.expand
            )
        except LimitExceeded:
            return
        if fitting < _FEWEST:
            return
        projection = projection_for(plan.query, options.format, options.links, self._namespace)
        selection = replace(selection, limit=fitting)
        found = await self._rows.run(source, plan, fetch_rows, selection, projection)
        for path, kept in await self._rows.in_thread(_pages, found, request, made, options):
            self._with.pages.put(made.key_for(path), kept)


def _is_one_of_many(request: ODataRequest, made: PreparedPage) -> bool:
    """Whether it is the whole first page of all rows related to an entity with one text as its key.

    The snapshot must be of the whole workspace: the others are in it, too. Ties of $orderby are
    sorted otherwise inside of $expand.
    """
    query, segments = made.plan.query, request.path.segments
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
        and made.page == PageBody(taken_at=made.page.taken_at, instead_of=made.page.instead_of)
        and made.snapshot.pushdown == Pushdown()
        and made.snapshot.is_complete
    )


def _following(request: ODataRequest, made: PreparedPage) -> ODataRequest:
    """`Users?$filter=id gt 'u'&$orderby=id&$select=id&$expand=results(...)`."""
    entity, way = request.path.segments
    source = made.plan.query.source
    assert source is not None  # noqa: S101 - see `_is_one_of_many`
    [key] = source.entity_set.entity_type.key
    inner = replace(request.options, format=None, custom=(), skiptoken=None)
    options = QueryOptions(
        filter=Binary("gt", Name(key), _literal_of(entity)),
        orderby=(OrderItem(Name(key)),),
        select=(SelectItem((key,)),),
        expand=(ExpandItem((way.name,), "", inner),),
    )
    return ODataRequest(ResourcePath((Segment(entity.name),)), options, ())


def _literal_of(entity: Segment) -> Literal:
    assert entity.key is not None  # noqa: S101 - see `_is_one_of_many`
    literal = entity.key.values[0][1]
    assert isinstance(literal, Literal)  # noqa: S101 - the same
    return literal


def _pages(
    rows: list[bytes], request: ODataRequest, made: PreparedPage, reply: ResponseOptions
) -> list[tuple[ResourcePath, CachedPage]]:
    """The page of each entity, and the path that it will be asked by."""
    entity, way = request.path.segments
    source = made.plan.query.source
    assert source is not None  # noqa: S101 - see `_is_one_of_many`
    assert entity.key is not None  # noqa: S101 - the same
    [key], [(written, _)] = source.entity_set.entity_type.key, entity.key.values
    pages: list[tuple[ResourcePath, CachedPage]] = []
    for row in rows:
        members = msgspec.json.decode(row, type=dict[str, msgspec.Raw])
        related = msgspec.json.decode(members[way.name], type=list[msgspec.Raw])
        if len(related) > made.wanted:
            continue
        value = Literal(LiteralKind.STRING, msgspec.json.decode(members[key], type=str))
        named = replace(entity, key=Key(((written, value),)))
        texts = [bytes(text) for text in related]
        query, format_ = made.plan.query, reply.format
        body = write_collection(texts, made.page, query, format_, reply.links)
        path = replace(request.path, segments=(named, way))
        pages.append((path, CachedPage(packed(body), len(texts))))
    return pages
