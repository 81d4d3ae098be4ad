"""Responses that are not collections: a number of rows, one entity, one property of it."""

from __future__ import annotations

from gateway.contract.model import Contract
from gateway.observe.record import note_rows
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import PropertyPart, PropertyQuery
from gateway.service.messages import PlannedRequest, ResponseBody, ResponseOptions
from gateway.service.planning import plan_of
from gateway.service.related import RelatedRows, missing_entity
from gateway.service.rows import RowReader
from gateway.service.source import SnapshotRows, Source
from gateway.writer.bodies import projection_for, write_entity
from gateway.writer.property_bodies import projection_for_property, write_property


class SingleService:
    """Serves single values of one workspace."""

    def __init__(self, contract: Contract, rows: RowReader, related: RelatedRows) -> None:
        self._namespace = contract.schema.namespace
        self._rows = rows
        self._related = related

    async def count(
        self, request: PlannedRequest, source: Source, options: ResponseOptions
    ) -> ResponseBody:
        """Return the number of rows as text.

        Raises:
            ResourceNotFound: the entity whose related rows are counted does not exist.
        """
        number = await self._rows.count(source, plan_of(request))
        await self._related.check(request, options, found=number > 0)
        return ResponseBody(str(number).encode(), options.format.media, self._served(source))

    async def entity(
        self, request: PlannedRequest, source: Source, options: ResponseOptions
    ) -> ResponseBody:
        """Return the entity; 204 where navigation from an existing entity leads to none.

        Raises:
            ResourceNotFound: there is none.
        """
        query = plan_of(request).query
        projection = projection_for(query, options.format, options.links, self._namespace)
        row = await self._row(request, source, projection)
        if row is None and request.related is not None:
            await self._related.check(request, options, found=False)
            return ResponseBody(b"", options.format.content_type, no_content=True)
        if row is None:
            raise missing_entity(plan_of(request))
        body = write_entity(row, query, options.format, options.links)
        headers = (*options.applied(), *self._served(source))
        return ResponseBody(body, options.format.content_type, headers)

    async def property(
        self,
        query: PropertyQuery,
        request: PlannedRequest,
        source: Source,
        options: ResponseOptions,
    ) -> ResponseBody:
        """Return a property of the entity, 204 where it is null.

        Raises:
            ResourceNotFound: there is no such entity.
        """
        row = await self._row(request, source, projection_for_property(query, options.format))
        if row is None:
            raise missing_entity(plan_of(request))
        body = write_property(row, query, options.format, options.links)
        is_text = query.part is PropertyPart.TEXT
        content_type = "text/plain;charset=utf-8" if is_text else options.format.content_type
        return ResponseBody(
            body or b"", content_type, self._served(source), no_content=body is None
        )

    async def _row(
        self, request: PlannedRequest, source: Source, projection: Projection
    ) -> bytes | None:
        plan = plan_of(request)
        rows = await self._rows.fetch(source, plan, projection, order=(), limit=1)
        note_rows(len(rows))
        return rows[0] if rows else None

    def _served(self, source: Source) -> tuple[tuple[str, str], ...]:
        """Return Age and Cache-Status; nothing for rows as new as the response."""
        if not isinstance(source, SnapshotRows):
            return ()
        return self._rows.served(source.snapshot).headers
