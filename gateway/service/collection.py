"""Collections, page by page; every page of a feed comes from one snapshot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from gateway.contract.model import Contract
from gateway.engine.fitting import brings_many, rows_that_fit
from gateway.errors import FeedGone
from gateway.observe.record import Stage, note_page, note_rows
from gateway.planner.plan import QueryPlan
from gateway.query.tree.expressions import BoundOrder
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from gateway.service.delta import DeltaService
from gateway.service.dependencies import Dependencies
from gateway.service.long_queries import MAX_LINK_CHARACTERS
from gateway.service.messages import PlannedRequest, ResponseBody, ResponseOptions
from gateway.service.page_cache import CachedPage, PageKey, is_packed, is_small, packed
from gateway.service.paging import query_identity, rows_ready
from gateway.service.planning import plan_of
from gateway.service.prefetch import KeyFor, Prefetch, PreparedPage
from gateway.service.related import RelatedRows
from gateway.service.rows import RowReader
from gateway.service.source import SnapshotRows, Source, UpstreamRows, selection_of
from gateway.writer.bodies import PageBody, projection_for, write_collection
from gateway.writer.skiptoken import Position
from grammar import ResourcePath, encode_path


@dataclass(frozen=True, slots=True)
class _SnapshotPage:
    """One page of a snapshot: of which request, from which position on.

    `count` is the number of rows on all pages, None if it was not requested.
    """

    request: PlannedRequest
    at: Position
    source: SnapshotRows
    options: ResponseOptions
    count: int | None = None

    @property
    def plan(self) -> QueryPlan:
        """The request's plan."""
        return plan_of(self.request)

    @property
    def order(self) -> tuple[BoundOrder, ...]:
        """The order of the rows; none while they come as they arrived."""
        return () if self.source.is_early else self.plan.order

    def key(self, size: int, body: PageBody, path: ResourcePath) -> PageKey:
        """Return all that the page depends on; a row of a draft may still become newer."""
        at, options, request = self.at, self.options, self.request.request
        is_final = self.source.snapshot.draft is None
        facts = (
            at.offset,
            at.moment,
            at.early,
            size,
            body,
            is_final,
            options.format,
            options.links,
        )
        return PageKey(at.snapshot, (path, request.pairs, *facts))


class CollectionService:
    """Serves the collections of one workspace, page by page."""

    def __init__(
        self,
        contract: Contract,
        dependencies: Dependencies,
        rows: RowReader,
        delta: DeltaService,
        related: RelatedRows,
        prefetch: Prefetch,
    ) -> None:
        self._namespace = contract.schema.namespace
        self._with = dependencies
        self._rows = rows
        self._delta = delta
        self._related = related
        self._prefetch = prefetch

    async def first_page(
        self, request: PlannedRequest, source: Source, options: ResponseOptions
    ) -> ResponseBody:
        """Return the first page; the only one unless the source is a snapshot."""
        plan = plan_of(request)
        query = plan.query
        count = await self._rows.count(source, plan) if query.count else None
        if isinstance(source, SnapshotRows):
            tracks = options.preferences.track_changes
            start = Position(
                source.snapshot.id, query.skip, query.top, query.moment, tracks, source.is_early
            )
            return await self._page(_SnapshotPage(request, start, source, options, count))
        rows = await self._rows.fetch(
            source,
            plan,
            self._projection(query, options),
            order=plan.order,
            offset=query.skip,
            limit=query.top,
        )
        await self._related.check(request, options, found=bool(rows or count))
        body = PageBody(count, None, self._taken_at(source, options))
        note_rows(len(rows))
        with Stage("write"):
            text = write_collection(rows, body, query, options.format, options.links)
        return self._response(text, options)

    async def next_page(self, request: PlannedRequest, options: ResponseOptions) -> ResponseBody:
        """Return the page that the request's nextLink leads to, from the same snapshot.

        Raises:
            FeedGone: the snapshot of the link has been dropped.
        """
        token = request.request.options.skiptoken
        assert token is not None  # noqa: S101 - it is a request for a next page
        at = self._with.signer.verify(token, query_identity(request.request))
        async with self._with.cache.pinned(self._with.scope(), at.snapshot) as snapshot:
            if snapshot is None:
                raise FeedGone(
                    "$skiptoken: the extract that this link leads into is no longer kept; refresh"
                    " from the start of the feed (its owner can raise --token-lifetime and"
                    " --snapshot-budget)",
                    target="$skiptoken",
                )
            source = SnapshotRows(snapshot, is_early=at.early)
            return await self._page(
                _SnapshotPage(request, at, source, self._delta.ignored(options))
            )

    async def _page(self, page: _SnapshotPage) -> ResponseBody:
        """Return a page from the cache, or make it; 304 if the client has it already."""
        at, options, snapshot = page.at, page.options, page.source.snapshot
        size = self._rows.page_size(options.preferences)
        wanted = size if at.remaining is None else min(size, at.remaining)
        wanted = await rows_ready(snapshot, at, wanted)
        body = self._last_page(page)
        key_for = partial(page.key, wanted, body)
        key = key_for(page.request.request.path)
        headers = self._rows.cache_headers(snapshot, key)
        if options.has(headers.etag):
            note_page("known")
            return ResponseBody.unchanged(options.format.content_type, headers.headers)
        cached = self._with.pages.get(key, plain=options.plain)
        if cached is None:
            cached = await self._made(page, wanted, body, key_for)
            self._with.pages.put(key, cached)
            note_page("made", cached.rows)
        else:
            note_page("hit", cached.rows)
        return headers.put_on(self._response(cached.body, options, gzipped=is_packed(cached.body)))

    def _last_page(self, page: _SnapshotPage) -> PageBody:
        """Return what a page says beside its rows, if it is the last one."""
        at, options, snapshot = page.at, page.options, page.source.snapshot
        delta = None
        if at.tracks:
            delta = self._delta.link(page.request.request, snapshot, at.moment, options)
        moment = None if at.early else snapshot.taken_at  # early rows are of several moments
        taken_at = options.taken_at(self._namespace, moment)
        instead_of = options.instead_of(self._namespace, snapshot.instead_of)
        return PageBody(page.count, None, taken_at, delta, instead_of=instead_of)

    async def _made(
        self, page: _SnapshotPage, wanted: int, body: PageBody, key_for: KeyFor
    ) -> CachedPage:
        """Read and write a page; one row more than wanted shows whether there is a next one."""
        plan, options, at = page.plan, page.options, page.at
        wanted = await self._fitting(page, wanted)
        rows = await self._rows.fetch(
            page.source,
            plan,
            self._projection(plan.query, options),
            order=page.order,
            offset=at.offset,
            limit=wanted + 1,
        )
        whole = body
        if len(rows) > wanted and wanted != at.remaining:
            whole = replace(body, next_link=self._following(page, wanted), delta_link=None)
        await self._related.check(page.request, options, found=bool(rows))
        shown = rows[:wanted]
        with Stage("write"):
            text = write_collection(shown, whole, plan.query, options.format, options.links)
            kept = text if is_small(text) else await self._rows.in_thread(packed, text)
        prepared = PreparedPage(page.source.snapshot, plan, wanted, whole, key_for)
        await self._prefetch.after(page.request.request, prepared, options)
        return CachedPage(kept, len(shown))

    async def _fitting(self, page: _SnapshotPage, wanted: int) -> int:
        """Return how many rows fit where each brings many others, at least one."""
        expand = page.plan.query.expand
        if not (wanted and brings_many(expand)):
            return wanted
        selection = selection_of(page.source, page.plan, page.order, page.at.offset, wanted)
        fitting = await self._rows.run(page.source, page.plan, rows_that_fit, selection, expand)
        return max(1, fitting)

    def _following(self, page: _SnapshotPage, read: int) -> str:
        """Return the nextLink behind so many rows."""
        at, request = page.at, page.request.request
        remaining = None if at.remaining is None else at.remaining - read
        following = replace(at, offset=at.offset + read, remaining=remaining)
        token = self._with.signer.sign(following, query_identity(request))
        links = page.options.links
        link = links.next_page(encode_path(request.path), request.pairs, token)
        if len(link) <= MAX_LINK_CHARACTERS:
            return link
        name = self._with.long_queries.keep(request.pairs, token)
        return links.next_page(encode_path(request.path), request.options.custom, name)

    def _taken_at(self, source: Source, options: ResponseOptions) -> tuple[str, str] | None:
        """Return the annotation with the moment of rows that come from upstream, if requested."""
        if not isinstance(source, UpstreamRows):
            return None
        return options.taken_at(self._namespace, source.date or self._with.clock.now())

    def _response(
        self, body: bytes, options: ResponseOptions, *, gzipped: bool = False
    ) -> ResponseBody:
        headers = options.applied(self._rows.page_size(options.preferences))
        return ResponseBody(body, options.format.content_type, headers, gzipped)

    def _projection(self, query: BoundQuery, options: ResponseOptions) -> Projection:
        return projection_for(query, options.format, options.links, self._namespace)
