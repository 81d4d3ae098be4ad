"""One request from the raw URL to the response, on one screen: `QueryService.respond`.

This room alone calls the stages, in this order: understand (parse, bind, plan), choose the source,
read its rows, write them. It knows no HTTP: `gateway.web` brings the raw URL and the negotiated
options, and takes the response.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from gateway.contract.model import Contract
from gateway.edm.model import Schema
from gateway.errors import GatewayError
from gateway.observe.health import HealthFacts
from gateway.observe.record import note_read
from gateway.planner.pushdown import Pushdown
from gateway.query.bind.resource import MetadataDocument, ServiceDocument
from gateway.query.tree.queries import BoundQuery, PropertyQuery, Shape
from gateway.roles.status import WorkspaceStatus, status_of
from gateway.service.choose import SourceChooser
from gateway.service.collection import CollectionService
from gateway.service.delta import DeltaService
from gateway.service.dependencies import Dependencies
from gateway.service.documents import metadata_document, service_document
from gateway.service.explain import Explanation, explain_plan
from gateway.service.export import ExportService
from gateway.service.health import health_of
from gateway.service.messages import ExportStream, PlannedRequest, ResponseBody, ResponseOptions
from gateway.service.paging import PageSizes
from gateway.service.planning import RequestPlanner, plan_of
from gateway.service.prefetch import Prefetch
from gateway.service.related import RelatedRows
from gateway.service.rows import RowReader
from gateway.service.schema_log import Audience
from gateway.service.set_facts import counted_as, filtered_upstream, listed_in
from gateway.service.single import SingleService
from gateway.snapshots.load.single_flight import ExtractFailure
from gateway.snapshots.pinned import PinnedSnapshot

T = TypeVar("T")


class QueryService:
    """Serves the OData requests of one workspace, or of what one role sees of it."""

    def __init__(
        self,
        contract: Contract,
        dependencies: Dependencies,
        pages: PageSizes,
        planner: RequestPlanner | None = None,
    ) -> None:
        self._contract = contract
        self._with, self._pages = dependencies, pages
        self._planner = planner or RequestPlanner(contract, dependencies)
        self._rows = rows = RowReader(contract, dependencies, pages)
        self._chooser = SourceChooser(contract, dependencies, rows)
        related = RelatedRows(self._chooser, rows)
        plan_at = self._planner.plan_at
        self._delta = DeltaService(contract, dependencies, rows, plan_at)
        self._single = SingleService(contract, rows, related)
        self._export = ExportService(rows, related, dependencies.workbooks)
        prefetch = Prefetch(contract, dependencies, rows, plan_at)
        self._collection = CollectionService(
            contract, dependencies, rows, self._delta, related, prefetch
        )

    # --- one request ------------------------------------------------------------------------------

    async def understand(self, raw_path: bytes, raw_query: bytes, root: str = "") -> PlannedRequest:
        """Parse, bind and plan a URL below the service root `root`.

        Raises:
            GatewayError: 400, 404 or 501; 503 if a long URL did not get its turn in time.
        """
        return await self._planner.understand(raw_path, raw_query, root)

    async def respond(self, request: PlannedRequest, options: ResponseOptions) -> ResponseBody:
        """Return the whole response.

        Raises:
            GatewayError: from the catalogue; nothing has been sent then.
        """
        with self._public_errors():
            response = await self._respond(request, options)
        if not response.not_modified:
            note_read(request.personal, whole=True)
        return response

    async def _respond(self, request: PlannedRequest, options: ResponseOptions) -> ResponseBody:
        match request.bound:
            case ServiceDocument():
                return service_document(self._contract.schema, options)
            case MetadataDocument():
                return metadata_document(self._contract.schema, options)
        if request.request.options.deltatoken is not None:
            return await self._delta.respond(request, options)
        if request.request.options.skiptoken is not None:
            return await self._collection.next_page(request, options)
        options, plan = self._delta.considered(request, options), plan_of(request)
        match request.bound:
            case BoundQuery(shape=Shape.COUNT):
                async with self._chooser.choose(plan, options) as source:
                    return await self._single.count(request, source, options)
            case BoundQuery(shape=Shape.ENTITY):
                async with self._chooser.choose(plan, options) as source:
                    return await self._single.entity(request, source, options)
            case PropertyQuery() as query:
                async with self._chooser.choose(plan, options) as source:
                    return await self._single.property(query, request, source, options)
            case _:
                size = self._rows.page_size(options.preferences)
                async with self._chooser.choose(plan, options, page_size=size) as source:
                    return await self._collection.first_page(request, source, options)

    @asynccontextmanager
    async def export(
        self, request: PlannedRequest, options: ResponseOptions
    ) -> AsyncIterator[ExportStream]:
        """Open the whole collection as a file; its source is held until the `async with` ends.

        Raises:
            GatewayError: from the catalogue, before the first part is there.
        """
        with self._public_errors():
            self._export.check(request)
            options = self._delta.ignored(options)
            async with self._chooser.choose(plan_of(request), options) as source:
                file = await self._export.file(request, source, options)
                with closing(file):
                    if file.parts is not None:
                        note_read(request.personal, whole=False)
                    yield file

    @contextmanager
    def _public_errors(self) -> Iterator[None]:
        """Give a role the public words of an error, because the rest may be about other rows."""
        try:
            yield
        except GatewayError as error:
            shown = self._with.view.public(error)
            if shown is error:
                raise
            raise shown from None

    # --- for pages and explanations ---------------------------------------------------------------

    @property
    def schema(self) -> Schema:
        """The published model."""
        return self._contract.schema

    def schema_versions(self) -> dict[str, Audience]:
        """Return the served schema versions by role; for callers who see everything alone."""
        return self._with.schema_log.audiences()

    async def offload(self, size: int, work: Callable[..., T], *arguments: object) -> T:
        """Run work on a text of `size` bytes: in this thread if it is short, else in its turn.

        Raises:
            ServiceUnavailable: the turn did not come in time.
        """
        return await self._planner.offload(size, work, *arguments)

    def read(self, raw_path: bytes, raw_query: bytes, root: str = "") -> PlannedRequest:
        """Parse, bind and plan a URL as `understand` does, in this thread."""
        return self._planner.read(raw_path, raw_query, root)

    def explain(self, request: PlannedRequest, *, fresher: bool = False) -> Explanation:
        """Explain what a response would ask of the Analytics API, and which snapshot would do."""
        plan = request.plan
        if plan is None:
            return Explanation((("resource", "a document made from the contract"),), "", None)
        choice = self._rows.choice(plan, fresher=fresher)
        return explain_plan(plan, self._contract, self._with.view, choice, self._with.trust)

    def status(self) -> WorkspaceStatus:
        """Return the workspace's snapshots and running extracts, as far as its callers see them."""
        cache, scope = self._with.cache, self._with.scope()
        tables = (table for table in cache.tables if table.key.scope == scope)
        extracts = (progress for progress in cache.progress() if progress.key.scope == scope)
        return status_of(self._with.view, tables, extracts, cache.freshness)

    def at(self, snapshot_id: str) -> QueryService:
        """Return a service of one snapshot of all rows, however old; it starts nothing.

        It shares the plans of this service, which do not depend on snapshots.
        """
        pinned = replace(self._with, cache=PinnedSnapshot(self._with.cache, snapshot_id))
        return QueryService(self._contract, pinned, self._pages, self._planner)

    def begin(self) -> None:
        """Start an extract of all rows, unless one runs; do not wait for it."""
        self._with.cache.begin(self._rows.key(Pushdown()))

    def trouble(self) -> ExtractFailure | None:
        """Return why the workspace's last extract failed; None if one has succeeded since."""
        found = self._with.cache.last_failure(self._with.scope())
        return None if found is None else replace(found, error=self._with.view.public(found.error))

    async def health(self) -> HealthFacts | None:
        """Return the facts about the workspace's health; None if its callers see a part of it."""
        if not self._with.view.sees_everything:
            return None
        failure = self._with.cache.last_failure(self._with.scope())
        return await health_of(self._with, self.status(), failure)

    def now(self) -> datetime:
        """Return the present, by the clock that dates snapshots."""
        return self._with.clock.now()

    def counted_as(self, set_name: str) -> str:
        """Return the set that has as many rows, and is counted at no cost."""
        return counted_as(self._contract, set_name)

    def filtered_upstream(self, set_name: str) -> frozenset[str]:
        """Return the columns of a set whose conditions narrow what the Analytics API sends."""
        return filtered_upstream(self._contract, set_name)

    def listed_in(self, collection: str) -> tuple[str, str, str] | None:
        """Return the set, property and name that list the values of a collection, if any do."""
        return listed_in(self._contract, collection)

    async def end(self) -> None:
        """Stop running extracts; snapshots stay open for others."""
        await self._with.cache.end()
