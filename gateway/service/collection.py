"""Collections, page by page, each feed from one snapshot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from gateway.contract.model import Contract
from gateway.engine.fitting import brings_many, rows_that_fit
from gateway.engine.run import Selection, count_rows, fetch_rows
from gateway.errors import FeedGone
from gateway.observe.record import Stage, note_page, note_rows
from gateway.planner.plan import QueryPlan, Route
from gateway.query.request import ODataRequest
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from gateway.service.delta import DeltaService
from gateway.service.long_queries import LONGEST_LINK
from gateway.service.messages import ResponseBody, ResponseOptions
from gateway.service.page_cache import CachedPage, PageKey, is_packed, is_small, packed
from gateway.service.paging import left_to_check, may_be_early, query_identity, rows_ready
from gateway.service.prefetch import Prefetch, PreparedPage
from gateway.service.rows import Dependencies, RowReader
from gateway.service.single import SingleService
from gateway.service.statistics import StatisticsRows, StatisticsService
from gateway.snapshots.cache import Snapshot
from gateway.writer.bodies import PageBody, projection_for, write_collection
from gateway.writer.skiptoken import Position
from grammar import ResourcePath, encode_path


@dataclass(frozen=True, slots=True)
class _PageOfSnapshot:
    """A page of a snapshot: of which query, from where on, and how many rows there are in all."""

    request: ODataRequest
    plan: QueryPlan
    at: Position
    snapshot: Snapshot
    reply: ResponseOptions
    count: int | None

    def selection(self, limit: int) -> Selection:
        """Its rows, in the order in which they came while their extract is still read."""
        plan = self.plan
        left, order = left_to_check(plan, self.snapshot), () if self.at.early else plan.order
        return Selection(left, order, self.at.offset, limit, plan.query.apply)


def _key(asked: _PageOfSnapshot, wanted: int, page: PageBody, path: ResourcePath) -> PageKey:
    """All that a page depends on; a row of a draft may still become newer."""
    at, reply, final = asked.at, asked.reply, asked.snapshot.draft is None
    facts = (at.offset, at.moment, at.early, wanted, page, final, reply.format, reply.links)
    return PageKey(at.snapshot, (path, asked.request.pairs, *facts))


class CollectionService:
    """Answers with collections of one workspace."""

    def __init__(
        self,
        contract: Contract,
        machinery: Dependencies,
        rows: RowReader,
        summing: StatisticsService,
        changes: DeltaService,
        single: SingleService,
    ) -> None:
        self._namespace = contract.schema.namespace
        self._with = machinery
        self._rows = rows
        self._summing = summing
        self._changes = changes
        self._single = single
        self._ahead = Prefetch(contract, machinery, rows)

    async def answer(
        self, request: ODataRequest, plan: QueryPlan, reply: ResponseOptions
    ) -> ResponseBody:
        """A page: the first, or the one that the request's link leads to.

        Raises:
            FeedGone: the snapshot of the link is no longer kept.
        """
        query, token = plan.query, request.options.skiptoken
        if token is not None:
            position = self._with.signer.verify(token, query_identity(request))
            return await self._next_page(request, plan, position, reply)
        reply = self._changes.considered(request, plan, reply)
        if reply.preferences.track_changes:
            return await self._first_page(request, plan, reply)
        if plan.route in (Route.NOTHING, Route.TOTAL):
            if not query.count:
                await self._single.check_source(query, reply, found=False)
                return self._write([], PageBody(), plan, reply)
            found = await self._single.count(plan, reply)
            await self._single.check_source(query, reply, found=found.number > 0)
            counted = self._write([], PageBody(found.number), plan, reply)
            return replace(counted, headers=(*counted.headers, *found.headers))
        if self._rows.goes_straight_through(plan, reply):
            answer = await self._straight_through(plan, reply)
            if answer is not None:
                return answer
        if plan.told is not None:
            projection = self._projection(query, reply)
            summed = await self._summing.collection(plan, projection, reply)
            if summed is not None:
                return await self._summed(summed, plan, reply)
        return await self._first_page(request, plan, reply)

    async def _first_page(
        self, request: ODataRequest, plan: QueryPlan, reply: ResponseOptions
    ) -> ResponseBody:
        """Changes are those of a complete snapshot: rows of a draft may differ from it."""
        query, tracks = plan.query, reply.preferences.track_changes
        early = may_be_early(plan) and not tracks
        async with self._rows.snapshot(
            plan.pushdown, fresher=reply.fresher, early=early
        ) as snapshot:
            left = left_to_check(plan, snapshot)
            counted = (count_rows, left, query.apply)
            count = await self._rows.on(snapshot, plan, *counted) if query.count else None
            begun = snapshot.draft is not None
            start = Position(snapshot.id, query.skip, query.top, query.moment, tracks, begun)
            return await self._page(_PageOfSnapshot(request, plan, start, snapshot, reply, count))

    async def _next_page(
        self, request: ODataRequest, plan: QueryPlan, position: Position, reply: ResponseOptions
    ) -> ResponseBody:
        async with self._with.cache.pinned(self._with.scope(), position.snapshot) as snapshot:
            if snapshot is None:
                raise FeedGone(
                    "$skiptoken: the extract that this link leads into is no longer kept; refresh"
                    " from the start of the feed (its owner can raise --token-lifetime and"
                    " --snapshot-budget)",
                    target="$skiptoken",
                )
            reply = self._changes.ignored(reply)
            return await self._page(_PageOfSnapshot(request, plan, position, snapshot, reply, None))

    async def _page(self, asked: _PageOfSnapshot) -> ResponseBody:
        """From the cache, or made; a client that has it already is told so."""
        at, snapshot, reply = asked.at, asked.snapshot, asked.reply
        size = self._rows.page_size(reply.preferences)
        wanted = size if at.remaining is None else min(size, at.remaining)
        wanted = await rows_ready(snapshot, at, wanted)
        page = self._last_page(asked)
        key_for = partial(_key, asked, wanted, page)
        key = key_for(asked.request.path)
        about = self._rows.about(snapshot, key)
        if about.etag in reply.known or "*" in reply.known:
            note_page("known")
            return ResponseBody(b"", reply.format.content_type, about.headers, not_modified=True)
        kept = self._with.pages.get(key, plain=reply.plain)
        if kept is not None:
            note_page("hit", kept.rows)
        else:
            made = PreparedPage(
                snapshot, asked.plan, await self._fitting(asked, wanted), page, key_for
            )
            whole, kept = await self._made(asked, made)
            self._with.pages.put(key, kept)
            note_page("made", kept.rows)
            await self._ahead.noticed(asked.request, replace(made, page=whole), reply)
        return about.put_on(self._as_answer(kept.body, reply, gzipped=is_packed(kept.body)))

    def _last_page(self, asked: _PageOfSnapshot) -> PageBody:
        """What a page says beside its rows, if it is the last one."""
        at, reply = asked.at, asked.reply
        delta = None
        if at.tracks:
            delta = self._changes.link(asked.request, asked.snapshot, at.moment, reply)
        moment = None if at.early else asked.snapshot.taken_at  # early pages are not all of one
        taken_at = reply.taken_at(self._namespace, moment)
        instead_of = reply.instead_of(self._namespace, asked.snapshot.instead_of)
        return PageBody(asked.count, None, taken_at, delta, instead_of=instead_of)

    async def _fitting(self, asked: _PageOfSnapshot, wanted: int) -> int:
        """Fewer rows where each brings many others, but one at least."""
        expand = asked.plan.query.expand
        if not (wanted and brings_many(expand)):
            return wanted
        fitting = (rows_that_fit, asked.selection(wanted), expand)
        return max(1, await self._rows.on(asked.snapshot, asked.plan, *fitting))

    async def _made(
        self, asked: _PageOfSnapshot, made: PreparedPage
    ) -> tuple[PageBody, CachedPage]:
        """The page, with its link if there is a next one, and what of it is kept.

        One row more than wanted tells whether there is.
        """
        plan, at, reply = asked.plan, asked.at, asked.reply
        selection = asked.selection(made.wanted + 1)
        projection = self._projection(plan.query, reply)
        if at.early:
            rows = await self._rows.on_draft(asked.snapshot, fetch_rows, selection, projection)
        else:
            rows = await self._rows.on(asked.snapshot, plan, fetch_rows, selection, projection)
        page = made.page
        if len(rows) > made.wanted and made.wanted != at.remaining:
            link = self._following(asked, made.wanted)
            page = replace(page, next_link=link, delta_link=None)
        await self._single.check_source(plan.query, reply, found=bool(rows))
        found = rows[: made.wanted]
        with Stage("write"):
            body = write_collection(found, page, plan.query, reply.format, reply.links)
            kept = body if is_small(body) else await self._rows.in_thread(packed, body)
        return page, CachedPage(kept, len(found))

    def _following(self, asked: _PageOfSnapshot, read: int) -> str:
        at = asked.at
        remaining = None if at.remaining is None else at.remaining - read
        following = replace(at, offset=at.offset + read, remaining=remaining)
        token = self._with.signer.sign(following, query_identity(asked.request))
        return self._link(asked.request, token, asked.reply)

    def _link(self, request: ODataRequest, token: str, reply: ResponseOptions) -> str:
        path = encode_path(request.path)
        link = reply.links.next_page(path, request.pairs, token)
        if len(link) <= LONGEST_LINK:
            return link
        name = self._with.long_queries.keep(request.pairs, token)
        return reply.links.next_page(path, request.options.custom, name)

    async def _straight_through(
        self, plan: QueryPlan, reply: ResponseOptions
    ) -> ResponseBody | None:
        """One upstream page, or None when it is not enough: see `Window`."""
        page = await self._rows.window_page(plan, reply)
        if page is None:
            return None
        selection = Selection(None, plan.order, plan.query.skip, plan.query.top)
        projection = self._projection(plan.query, reply)
        rows = await self._rows.queried(
            self._rows.run_transient,
            page.rows,
            partial(fetch_rows, selection=selection, projection=projection),
        )
        await self._single.check_source(plan.query, reply, found=bool(rows))
        count = page.total if plan.query.count else None
        taken_at = reply.taken_at(self._namespace, page.date or self._with.clock.now())
        return self._write(rows, PageBody(count, None, taken_at), plan, reply)

    async def _summed(
        self, summed: StatisticsRows, plan: QueryPlan, reply: ResponseOptions
    ) -> ResponseBody:
        """All rows of a collection that the statistics tell."""
        await self._single.check_source(plan.query, reply, found=bool(summed.rows))
        taken_at = reply.taken_at(self._namespace, summed.date or self._with.clock.now())
        body = PageBody(summed.count, None, taken_at)
        return self._write(summed.rows[: plan.query.top], body, plan, reply)

    def _write(
        self, rows: list[bytes], page: PageBody, plan: QueryPlan, reply: ResponseOptions
    ) -> ResponseBody:
        note_rows(len(rows))
        with Stage("write"):
            body = write_collection(rows, page, plan.query, reply.format, reply.links)
        return self._as_answer(body, reply)

    def _as_answer(
        self, body: bytes, reply: ResponseOptions, *, gzipped: bool = False
    ) -> ResponseBody:
        headers = reply.applied(self._rows.page_size(reply.preferences))
        return ResponseBody(body, reply.format.content_type, headers, gzipped)

    def _projection(self, query: BoundQuery, reply: ResponseOptions) -> Projection:
        return projection_for(query, reply.format, reply.links, self._namespace)
