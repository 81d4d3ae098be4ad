"""The one path of a request through the house: parse, bind, plan, fetch, run, write.

Only this module calls the stages in order. It knows no HTTP: `gateway.web` brings the raw URL and
what was negotiated, and takes the answer back.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from cachetools import LRUCache
from isal import igzip

from gateway.analytics.payload import first_request
from gateway.changes import Changes
from gateway.contract.model import Contract
from gateway.documents import metadata_document, service_document
from gateway.engine.fitting import brings_many, rows_that_fit
from gateway.engine.run import Selection, count_rows, fetch_rows
from gateway.errors import FeedGone, ResourceNotFound
from gateway.exchange import Answer, Export, Question, Reply
from gateway.explanation import Explanation, explain_plan
from gateway.filing import Filing
from gateway.paging import (
    left_to_check,
    may_be_early,
    planned,
    query_identity,
    rows_ready,
)
from gateway.planner.plan import QueryPlan, Route, plan_query
from gateway.query.bind_query import bind
from gateway.query.bound import BoundQuery, PropertyPart, PropertyQuery, Shape
from gateway.query.projection import Projection
from gateway.query.request import ODataRequest, parse_request
from gateway.query.resource import MetadataDocument, ServiceDocument
from gateway.reading import Machinery, PageSizes, Reading
from gateway.recall import LONGEST_LINK, may_stand_for_more
from gateway.snapshots.cache import Snapshot
from gateway.snapshots.flight import Progress
from gateway.snapshots.pages import PageKey
from gateway.snapshots.store import StoredTable
from gateway.summing import Summed, Summing
from gateway.writer.bodies import (
    PageBody,
    projection_for,
    write_collection,
    write_entity,
)
from gateway.writer.property_bodies import projection_for_property, write_property
from gateway.writer.skiptoken import Position
from grammar import encode_path

T = TypeVar("T")
_QUESTIONS = 512
_LONGEST_KEPT = 4_096
_WORTH_COMPRESSING = 1_000
_GZIP = b"\x1f\x8b"


class QueryService:
    """Answers OData questions about one workspace."""

    def __init__(self, contract: Contract, machinery: Machinery, pages: PageSizes) -> None:
        self._contract = contract
        self._namespace = contract.schema.namespace
        self._with = machinery
        self._rows = Reading(contract, machinery, pages)
        self._summing = Summing(self._rows, machinery)
        self._filing = Filing(self._rows, self._summing)
        self._changes = Changes(contract, machinery, self._rows, self._bind_at)
        self._questions: LRUCache[tuple[bytes, bytes, str], Question] = LRUCache(_QUESTIONS)

    def read(self, raw_path: bytes, raw_query: bytes, root: str = "") -> Question:
        """Parse, bind and plan a URL below the service root `root`; raises 400, 404, 501 at once.

        A URL that was asked before costs a look-up, unless it is long: such trees are not kept.
        """
        if len(raw_path) + len(raw_query) > _LONGEST_KEPT or may_stand_for_more(raw_query):
            return self._understand(raw_path, raw_query, root)
        identity = (raw_path, raw_query, root)
        question = self._questions.get(identity)
        if question is None:
            question = self._understand(raw_path, raw_query, root)
            if question.moment is None:
                self._questions[identity] = question
        return question

    def _understand(self, raw_path: bytes, raw_query: bytes, root: str) -> Question:
        request = parse_request(raw_path, raw_query, root)
        whole = self._with.long_queries.recall(request.options.skiptoken)
        if whole is not None:
            request = parse_request(raw_path, whole, root)
        return self._bind(request)

    def explain(self, question: Question, *, fresher: bool = False) -> Explanation:
        """What answering would ask of the Analytics API, and which snapshot would answer."""
        plan = question.plan
        if plan is None:
            return Explanation((("resource", "a document made from the contract"),), "", None)
        return explain_plan(plan, self._contract, self._rows.choice(plan, fresher=fresher))

    def status(self) -> tuple[tuple[StoredTable, ...], tuple[Progress, ...]]:
        """The workspace's snapshots, youngest first, and its extracts that are being read."""
        scope, cache = self._with.scope(), self._with.cache
        kept = [table for table in cache.tables if table.key.scope == scope]
        tables = tuple(sorted(kept, key=lambda table: table.taken_at, reverse=True))
        return tables, tuple(p for p in cache.progress() if p.key.scope == scope)

    def _bind(self, request: ODataRequest) -> Question:
        """Bound and planned, where now() is this moment, on later pages the first one's."""
        question, token = self._bind_at(request, self._with.clock.now()), request.options.skiptoken
        if question.moment is None or token is None:
            return question
        first = self._with.signer.verify(token, query_identity(request)).moment
        return self._bind_at(request, first)

    def _bind_at(self, request: ODataRequest, now: datetime | None) -> Question:
        bound = bind(request, self._contract.schema, now)
        query = bound.entity if isinstance(bound, PropertyQuery) else bound
        plan = plan_query(query, self._contract) if isinstance(query, BoundQuery) else None
        return Question(request, bound, plan)

    def export(self, question: Question, reply: Reply) -> AbstractAsyncContextManager[Export]:
        """The whole collection as a file; its snapshot is held until the `async with` ends."""
        return self._filing.export(question, reply)

    async def answer(self, question: Question, reply: Reply) -> Answer:
        """The whole answer, or a `GatewayError` from the catalogue; nothing in between."""
        if question.request.options.deltatoken is not None:
            return await self._changes.answer(question, reply)
        match question.bound:
            case ServiceDocument():
                return service_document(self._contract.schema, reply)
            case MetadataDocument():
                return metadata_document(self._contract.schema, reply)
            case BoundQuery(shape=Shape.COUNT) as query:
                number = await self._count(planned(question), reply)
                if not number:
                    await self._check_source(query, reply)
                return Answer(str(number).encode(), reply.format.media)
            case BoundQuery(shape=Shape.ENTITY):
                return await self._entity(planned(question), reply)
            case PropertyQuery() as query:
                return await self._property(query, planned(question), reply)
            case _:
                return await self._collection(question.request, planned(question), reply)

    # --- one number -------------------------------------------------------------------------------

    async def _count(self, plan: QueryPlan, reply: Reply) -> int:
        if plan.route is Route.NOTHING:
            return 0
        if plan.route is Route.TOTAL and not self._rows.at_hand(plan, reply):
            return (await self._with.client.fetch(first_request(plan, self._contract))).total
        told = await self._summing.count(plan, reply)
        if told is not None:
            return told
        async with self._rows.snapshot(plan.pushdown, fresher=reply.fresher) as snapshot:
            left = left_to_check(plan, snapshot)
            return await self._rows.on(snapshot, plan, count_rows, left, plan.query.apply)

    async def _check_source(self, query: BoundQuery, reply: Reply) -> None:
        """Nothing is related to an entity; does it exist?

        Raises:
            ResourceNotFound: it does not, and so neither does what is behind it.
        """
        if query.source is None:
            return
        plan = plan_query(query.source, self._contract)
        await self._row(
            plan, Projection((), query.source.entity_set.entity_type.key_properties), reply
        )

    # --- one entity -------------------------------------------------------------------------------

    async def _entity(self, plan: QueryPlan, reply: Reply) -> Answer:
        row = await self._row(plan, self._projection(plan.query, reply), reply)
        body = write_entity(row, plan.query, reply.format, reply.links)
        return Answer(body, reply.format.content_type, reply.applied())

    async def _property(self, query: PropertyQuery, plan: QueryPlan, reply: Reply) -> Answer:
        row = await self._row(plan, projection_for_property(query, reply.format), reply)
        body = write_property(row, query, reply.format, reply.links)
        text = query.part is PropertyPart.TEXT
        content_type = "text/plain;charset=utf-8" if text else reply.format.content_type
        return Answer(body or b"", content_type, no_content=body is None)

    async def _row(self, plan: QueryPlan, projection: Projection, reply: Reply) -> bytes:
        async with self._rows.snapshot(plan.pushdown, fresher=reply.fresher) as snapshot:
            selection = Selection(left_to_check(plan, snapshot), (), limit=1)
            rows: list[bytes] = await self._rows.on(
                snapshot, plan, fetch_rows, selection, projection
            )
        if not rows:
            name = plan.query.entity_set.name
            raise ResourceNotFound(f"{name} has no entity with this key", target=name)
        return rows[0]

    # --- a collection, page by page ---------------------------------------------------------------

    async def _collection(self, request: ODataRequest, plan: QueryPlan, reply: Reply) -> Answer:
        query, token = plan.query, request.options.skiptoken
        if token is not None:
            position = self._with.signer.verify(token, query_identity(request))
            return await self._next_page(request, plan, position, reply)
        reply = self._changes.considered(request, plan, reply)
        if reply.preferences.track_changes:
            return await self._first_page(request, plan, reply)
        if plan.route in (Route.NOTHING, Route.TOTAL):
            count = await self._count(plan, reply) if query.count else None
            if not count:
                await self._check_source(query, reply)
            return self._write([], PageBody(count), plan, reply)
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

    async def _first_page(self, request: ODataRequest, plan: QueryPlan, reply: Reply) -> Answer:
        """Changes are those of a complete snapshot: rows of a draft may differ from it."""
        query, tracks = plan.query, reply.preferences.track_changes
        early = may_be_early(plan) and not tracks
        async with self._rows.snapshot(
            plan.pushdown, fresher=reply.fresher, early=early
        ) as snapshot:
            left = left_to_check(plan, snapshot)
            counted = (count_rows, left, query.apply)
            count = await self._rows.on(snapshot, plan, *counted) if query.count else None
            begun = snapshot.growing is not None
            start = Position(snapshot.id, query.skip, query.top, query.moment, tracks, begun)
            return await self._page(request, plan, start, snapshot, reply, count)

    async def _next_page(
        self, request: ODataRequest, plan: QueryPlan, position: Position, reply: Reply
    ) -> Answer:
        async with self._with.cache.pinned(self._with.scope(), position.snapshot) as snapshot:
            if snapshot is None:
                raise FeedGone(
                    "$skiptoken: the extract that this link leads into is no longer kept; refresh"
                    " from the start of the feed (its owner can raise --token-lifetime and"
                    " --snapshot-budget)",
                    target="$skiptoken",
                )
            reply = self._changes.ignored(reply)
            return await self._page(request, plan, position, snapshot, reply, None)

    async def _page(
        self,
        request: ODataRequest,
        plan: QueryPlan,
        at: Position,
        snapshot: Snapshot,
        reply: Reply,
        count: int | None,
    ) -> Answer:
        size = self._rows.page_size(reply.preferences)
        wanted = size if at.remaining is None else min(size, at.remaining)
        wanted = await rows_ready(snapshot, at, wanted)
        left, order = left_to_check(plan, snapshot), () if at.early else plan.order
        selection = Selection(left, order, at.offset, wanted, plan.query.apply)
        if wanted and brings_many(plan.query.expand):
            fitting = (rows_that_fit, selection, plan.query.expand)
            wanted = max(1, await self._rows.on(snapshot, plan, *fitting))
        delta = self._changes.link(request, snapshot, at.moment, reply) if at.tracks else None
        facts = (at.offset, at.moment, at.early, wanted, count, delta)
        identity = (request.path, request.pairs, *facts)
        final = snapshot.growing is None  # a row of a draft may still become newer
        moment = None if at.early else snapshot.taken_at  # early pages are not all of one
        taken_at = reply.taken_at(self._namespace, moment)
        key = PageKey(at.snapshot, (*identity, final, taken_at, reply.format, reply.links))
        about = self._rows.about(snapshot, key)
        if about.etag in reply.known or "*" in reply.known:
            return Answer(b"", reply.format.content_type, about.headers, not_modified=True)
        kept = self._with.pages.get(key)
        if kept is not None:
            return about.put_on(self._as_answer(kept, reply, gzipped=kept.startswith(_GZIP)))
        selection = replace(selection, limit=wanted + 1)
        projection = self._projection(plan.query, reply)
        if at.early:
            rows = await self._rows.on_draft(snapshot, fetch_rows, selection, projection)
        else:
            rows = await self._rows.on(snapshot, plan, fetch_rows, selection, projection)
        link = None
        if len(rows) > wanted and wanted != at.remaining:
            remaining = None if at.remaining is None else at.remaining - wanted
            following = replace(at, offset=at.offset + wanted, remaining=remaining)
            token = self._with.signer.sign(following, query_identity(request))
            link = self._link(request, token, reply)
            delta = None
        if not rows and at.offset == 0:
            await self._check_source(plan.query, reply)
        page = PageBody(count, link, taken_at, delta)
        answer = self._write(rows[:wanted], page, plan, reply)
        if len(answer.body) < _WORTH_COMPRESSING:
            self._with.pages.put(key, answer.body)
            return about.put_on(answer)
        compressed = await self._rows.in_thread(igzip.compress, answer.body, 1)
        self._with.pages.put(key, compressed)
        return about.put_on(replace(answer, body=compressed, gzipped=True))

    def _link(self, request: ODataRequest, token: str, reply: Reply) -> str:
        path = encode_path(request.path)
        link = reply.links.next_page(path, request.pairs, token)
        if len(link) <= LONGEST_LINK:
            return link
        name = self._with.long_queries.keep(request.pairs, token)
        return reply.links.next_page(path, request.options.custom, name)

    async def _straight_through(self, plan: QueryPlan, reply: Reply) -> Answer | None:
        """One upstream page, or None when it is not enough: see `Window`."""
        page = await self._rows.window_page(plan)
        if page is None:
            return None
        selection = Selection(None, plan.order, plan.query.skip, plan.query.top)
        projection = self._projection(plan.query, reply)
        rows = await self._rows.in_thread(
            self._rows.run_transient,
            page.rows,
            partial(fetch_rows, selection=selection, projection=projection),
        )
        if not rows:
            await self._check_source(plan.query, reply)
        count = page.total if plan.query.count else None
        taken_at = reply.taken_at(self._namespace, page.date or self._with.clock.now())
        return self._write(rows, PageBody(count, None, taken_at), plan, reply)

    async def _summed(self, summed: Summed, plan: QueryPlan, reply: Reply) -> Answer:
        """All rows of a collection that the statistics tell."""
        if not summed.rows and not plan.query.skip:
            await self._check_source(plan.query, reply)
        taken_at = reply.taken_at(self._namespace, summed.date or self._with.clock.now())
        body = PageBody(summed.count, None, taken_at)
        return self._write(summed.rows[: plan.query.top], body, plan, reply)

    # --- the machinery ----------------------------------------------------------------------------

    def _write(self, rows: list[bytes], page: PageBody, plan: QueryPlan, reply: Reply) -> Answer:
        body = write_collection(rows, page, plan.query, reply.format, reply.links)
        return self._as_answer(body, reply)

    def _as_answer(self, body: bytes, reply: Reply, *, gzipped: bool = False) -> Answer:
        headers = reply.applied(self._rows.page_size(reply.preferences))
        return Answer(body, reply.format.content_type, headers, gzipped)

    def _projection(self, query: BoundQuery, reply: Reply) -> Projection:
        return projection_for(query, reply.format, reply.links, self._namespace)
