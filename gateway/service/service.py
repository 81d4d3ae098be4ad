"""The one path of a request through the house: parse, bind, plan, fetch, run, write.

Only this module calls the stages in order. It knows no HTTP: `gateway.web` brings the raw URL and
what was negotiated, and takes the answer back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from cachetools import LRUCache

from gateway.contract.model import Contract
from gateway.edm.model import Schema
from gateway.errors import GatewayError
from gateway.observe.record import Stage, note_read
from gateway.planner.plan import plan_query
from gateway.planner.pushdown import Pushdown
from gateway.query.bind.query import bind
from gateway.query.bind.resource import MetadataDocument, ServiceDocument
from gateway.query.request import ODataRequest, parse_request
from gateway.query.tree.queries import BoundQuery, PropertyQuery, Shape
from gateway.service.collection import CollectionService
from gateway.service.delta import DeltaService
from gateway.service.documents import metadata_document, service_document
from gateway.service.explain import Explanation, explain_plan
from gateway.service.export import ExportService
from gateway.service.listed import listed_in
from gateway.service.long_queries import may_stand_for_more
from gateway.service.messages import ExportStream, PlannedRequest, ResponseBody, ResponseOptions
from gateway.service.paging import (
    planned,
    query_identity,
)
from gateway.service.personal import personal_read
from gateway.service.reach import counted_as, filtered_upstream
from gateway.service.rows import Dependencies, PageSizes, RowReader
from gateway.service.single import SingleService
from gateway.service.statistics import StatisticsService
from gateway.snapshots.cache import Standing
from gateway.snapshots.keep.store import SnapshotKey, StoredTable
from gateway.snapshots.load.extract_run import Progress
from gateway.snapshots.load.single_flight import ExtractFailure
from gateway.snapshots.pinned import PinnedSnapshot

T = TypeVar("T")
_QUESTIONS = 512
_LONGEST_KEPT = 4_096
_INLINE_BYTES = 512
"""A query of this length is parsed and bound in some 4 ms; longer ones take a thread."""


class QueryService:
    """Answers OData questions about one workspace."""

    def __init__(self, contract: Contract, machinery: Dependencies, pages: PageSizes) -> None:
        self._contract = contract
        self._with, self._pages = machinery, pages
        self._rows = RowReader(contract, machinery, pages)
        summing = StatisticsService(self._rows, machinery, contract)
        self._changes = DeltaService(contract, machinery, self._rows, self._bind_at)
        self._single = SingleService(contract, machinery, self._rows, summing)
        self._filing = ExportService(self._rows, summing, self._single)
        shared = (contract, machinery, self._rows, summing)
        self._feed = CollectionService(*shared, self._changes, self._single)
        self._questions: LRUCache[tuple[bytes, bytes, str], PlannedRequest] = LRUCache(_QUESTIONS)

    @property
    def is_limited(self) -> bool:
        """True if it answers for a caller who may not see all rows, or not all entity sets.

        Such callers must not learn how many rows there are in all, or what others filter by.
        """
        return self._contract.limited or self._contract.pruned

    @property
    def schema(self) -> Schema:
        """What the service publishes."""
        return self._contract.schema

    async def understand(self, raw_path: bytes, raw_query: bytes, root: str = "") -> PlannedRequest:
        """Parse, bind and plan a URL below the service root `root`; raises 400, 404, 501 at once.

        A URL that was requested before costs a look-up, unless it is long: such trees are not kept.

        Raises:
            ServiceUnavailable: it is long, and its turn to be parsed did not come in time.
        """
        identity, size = (raw_path, raw_query, root), len(raw_path) + len(raw_query)
        question = self._questions.get(identity)
        if question is not None:
            return question
        stands_for_more = may_stand_for_more(raw_query)
        if stands_for_more:
            size = _INLINE_BYTES + 1
        question = await self.apart(size, self.read, *identity)
        if size <= _LONGEST_KEPT and question.moment is None and not stands_for_more:
            self._questions[identity] = question
        return question

    async def apart(self, size: int, work: Callable[..., T], *arguments: object) -> T:
        """Run work on a text of so many bytes: a long one in a thread, when it is its turn.

        Raises:
            ServiceUnavailable: the turn did not come in time.
        """
        if size <= _INLINE_BYTES:
            return work(*arguments)
        return await self._with.parser.run(self._with.query_timeout, work, *arguments)

    def read(self, raw_path: bytes, raw_query: bytes, root: str = "") -> PlannedRequest:
        """Parse, bind and plan a URL as `understand` does, in this thread."""
        with Stage("parse"):
            request = parse_request(raw_path, raw_query, root)
            whole = self._with.long_queries.recall(request.options.skiptoken)
            if whole is not None:
                request = parse_request(raw_path, whole, root)
        with Stage("plan"):
            return self._bind(request)

    def explain(self, question: PlannedRequest, *, fresher: bool = False) -> Explanation:
        """What answering would ask of the Analytics API, and which snapshot would answer."""
        plan = question.plan
        if plan is None:
            return Explanation((("resource", "a document made from the contract"),), "", None)
        return explain_plan(plan, self._contract, self._rows.choice(plan, fresher=fresher))

    def status(self) -> tuple[tuple[StoredTable, ...], tuple[Progress, ...]]:
        """The workspace's snapshots, youngest first, and its extracts that are being read.

        A role gets those of all rows, which are its own as well; others are others' questions.
        """
        scope, cache = self._with.scope(), self._with.cache
        keys = partial(_is_shown, scope, all_only=self.is_limited)
        kept = [table for table in cache.tables if keys(table.key)]
        tables = tuple(sorted(kept, key=lambda table: table.taken_at, reverse=True))
        return tables, tuple(p for p in cache.progress() if keys(p.key))

    def standing(self, snapshot: StoredTable) -> Standing:
        """Return how good a snapshot is now, and the error that it is served in place of."""
        return self._with.cache.standing(snapshot)

    def at(self, snapshot: StoredTable) -> QueryService:
        """Answers the same from one snapshot of all rows, however old; it asks nobody."""
        machinery = replace(self._with, cache=PinnedSnapshot(self._with.cache, snapshot.id))
        return QueryService(self._contract, machinery, self._pages)

    def begin(self) -> None:
        """Begin to read all rows, unless that is being done; it is not waited for."""
        self._with.cache.begin(self._rows.key(Pushdown()))

    def trouble(self) -> ExtractFailure | None:
        """Why the workspace's last extract failed; None when one has been made since."""
        found = self._with.cache.last_failure(self._with.scope())
        if found is None or not self.is_limited:
            return found
        return replace(found, error=found.error.in_public())

    def now(self) -> datetime:
        """This moment, by the clock that snapshots are dated by."""
        return self._with.clock.now()

    def counted_as(self, set_name: str) -> str:
        """The set that has as many rows, and is counted at no cost."""
        return counted_as(self._contract, set_name)

    def filtered_upstream(self, set_name: str) -> frozenset[str]:
        """Columns of a set whose conditions narrow what is asked of the Analytics API."""
        return filtered_upstream(self._contract, set_name)

    def listed_in(self, collection: str) -> tuple[str, str, str] | None:
        """Which set, property and name list the values of a collection; None when none does."""
        return listed_in(self._contract, collection)

    async def end(self) -> None:
        """End the extracts that are being read; the snapshots stay open for others."""
        await self._with.cache.end()

    def _bind(self, request: ODataRequest) -> PlannedRequest:
        """Bound and planned, where now() is this moment, on later pages the first one's."""
        question, token = self._bind_at(request, self._with.clock.now()), request.options.skiptoken
        if question.moment is None or token is None:
            return question
        first = self._with.signer.verify(token, query_identity(request)).moment
        return self._bind_at(request, first)

    def _bind_at(self, request: ODataRequest, now: datetime | None) -> PlannedRequest:
        bound = bind(request, self._contract.schema, now)
        query = bound.entity if isinstance(bound, PropertyQuery) else bound
        plan = plan_query(query, self._contract) if isinstance(query, BoundQuery) else None
        return PlannedRequest(request, bound, plan, personal_read(bound))

    @asynccontextmanager
    async def export(
        self, question: PlannedRequest, reply: ResponseOptions
    ) -> AsyncIterator[ExportStream]:
        """The whole collection as a file; its snapshot is held until the `async with` ends."""
        with self._discreetly():
            async with self._filing.export(question, reply) as export:
                if export.parts is not None:
                    note_read(question.personal, whole=False)
                yield export

    async def answer(self, question: PlannedRequest, reply: ResponseOptions) -> ResponseBody:
        """The whole answer, or a `GatewayError` from the catalogue; nothing in between."""
        with self._discreetly():
            answer = await self._answer(question, reply)
        if not answer.not_modified:
            note_read(question.personal, whole=True)
        return answer

    @contextmanager
    def _discreetly(self) -> Iterator[None]:
        """Failures of reading all rows tell of all rows: a role gets their public words."""
        try:
            yield
        except GatewayError as error:
            told = error.in_public() if self.is_limited else error
            if told is error:
                raise
            raise told from None

    async def _answer(self, question: PlannedRequest, reply: ResponseOptions) -> ResponseBody:
        if question.request.options.deltatoken is not None:
            return await self._changes.answer(question, reply)
        match question.bound:
            case ServiceDocument():
                return service_document(self._contract.schema, reply)
            case MetadataDocument():
                return metadata_document(self._contract.schema, reply)
            case BoundQuery(shape=Shape.COUNT) as query:
                found = await self._single.count(planned(question), reply)
                await self._single.check_source(query, reply, found=found.number > 0)
                return ResponseBody(str(found.number).encode(), reply.format.media, found.headers)
            case BoundQuery(shape=Shape.ENTITY):
                return await self._single.entity(planned(question), reply)
            case PropertyQuery() as query:
                return await self._single.property(query, planned(question), reply)
            case _:
                return await self._feed.answer(question.request, planned(question), reply)


def _is_shown(scope: str, key: SnapshotKey, *, all_only: bool) -> bool:
    return key.scope == scope and not (all_only and key.pushdown.terms)
