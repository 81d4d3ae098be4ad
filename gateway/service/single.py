"""What is not a collection: a number of rows, one entity, one property of it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.analytics.read.request import first_request
from gateway.contract.model import Contract
from gateway.engine.run import Selection, count_rows, fetch_rows
from gateway.errors import ResourceNotFound
from gateway.observe.record import note_rows
from gateway.planner.plan import QueryPlan, Route, plan_query
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery, PropertyPart, PropertyQuery, Shape
from gateway.query.tree.transformations import makes_rows_of_nothing
from gateway.service.messages import ResponseBody, ResponseOptions, Served
from gateway.service.paging import left_to_check
from gateway.service.rows import Dependencies, RowReader
from gateway.service.statistics import StatisticsService
from gateway.writer.bodies import projection_for, write_entity
from gateway.writer.property_bodies import projection_for_property, write_property


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of rows; `served` is there if it was counted in a snapshot."""

    number: int
    served: Served | None = None

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Age and Cache-Status, or none for a number that is as new as the response."""
        return () if self.served is None else self.served.headers


class SingleService:
    """Answers with one thing of one workspace."""

    def __init__(
        self,
        contract: Contract,
        machinery: Dependencies,
        rows: RowReader,
        summing: StatisticsService,
    ) -> None:
        self._contract = contract
        self._with = machinery
        self._rows = rows
        self._summing = summing

    async def count(self, plan: QueryPlan, reply: ResponseOptions) -> Counted:
        """How many rows there are, for a query that asks for that."""
        if plan.route is Route.NOTHING:
            return Counted(0)
        if plan.route is Route.TOTAL and not self._rows.at_hand(plan, reply):
            call = self._with.client.fetch(first_request(plan, self._contract))
            page = await self._rows.asked(call, plan, reply)
            if page is not None:
                return Counted(page.total)
        told = await self._summing.count(plan, reply)
        if told is not None:
            return Counted(told)
        async with self._rows.snapshot(plan.pushdown, fresher=reply.fresher) as snapshot:
            left = left_to_check(plan, snapshot)
            number = await self._rows.on(snapshot, plan, count_rows, left, plan.query.apply)
            return Counted(number, self._rows.served(snapshot))

    async def check_source(self, query: BoundQuery, reply: ResponseOptions, *, found: bool) -> None:
        """Check that the entity exists whose related rows were requested, in every format alike.

        Rows that were `found` are proof enough, unless $apply makes rows of no rows at all.

        Raises:
            ResourceNotFound: it does not, and so neither does the collection behind it.
        """
        if query.source is None or (found and not await self._is_made_of_nothing(query, reply)):
            return
        plan = plan_query(query.source, self._contract)
        await self._row(
            plan, Projection((), query.source.entity_set.entity_type.key_properties), reply
        )

    async def _is_made_of_nothing(self, query: BoundQuery, reply: ResponseOptions) -> bool:
        """Return True if $apply had no related row to work on."""
        if query.apply is None or not makes_rows_of_nothing(query.apply.steps):
            return False
        related = BoundQuery(
            query.entity_set,
            Shape.COUNT,
            (),
            filter=query.filter,
            count=True,
            moment=query.moment,
            referenced_sets=query.referenced_sets,
        )
        return not await self.count(plan_query(related, self._contract), reply)

    async def entity(self, plan: QueryPlan, reply: ResponseOptions) -> ResponseBody:
        """The entity; 204 where a way from one that is there leads to none.

        Raises:
            ResourceNotFound: there is none.
        """
        namespace = self._contract.schema.namespace
        projection = projection_for(plan.query, reply.format, reply.links, namespace)
        try:
            row, served = await self._row(plan, projection, reply)
        except ResourceNotFound:
            if plan.query.source is None:
                raise
            await self.check_source(plan.query, reply, found=False)
            return ResponseBody(b"", reply.format.content_type, no_content=True)
        body = write_entity(row, plan.query, reply.format, reply.links)
        return ResponseBody(body, reply.format.content_type, (*reply.applied(), *served.headers))

    async def property(
        self, query: PropertyQuery, plan: QueryPlan, reply: ResponseOptions
    ) -> ResponseBody:
        """A property of the entity, 204 where it is null.

        Raises:
            ResourceNotFound: there is no such entity.
        """
        row, served = await self._row(plan, projection_for_property(query, reply.format), reply)
        body = write_property(row, query, reply.format, reply.links)
        text = query.part is PropertyPart.TEXT
        content_type = "text/plain;charset=utf-8" if text else reply.format.content_type
        return ResponseBody(body or b"", content_type, served.headers, no_content=body is None)

    async def _row(
        self, plan: QueryPlan, projection: Projection, reply: ResponseOptions
    ) -> tuple[bytes, Served]:
        async with self._rows.snapshot(plan.pushdown, fresher=reply.fresher) as snapshot:
            selection = Selection(left_to_check(plan, snapshot), (), limit=1)
            rows: list[bytes] = await self._rows.on(
                snapshot, plan, fetch_rows, selection, projection
            )
            served = self._rows.served(snapshot)
        note_rows(len(rows))
        if not rows:
            name = plan.query.entity_set.name
            raise ResourceNotFound(f"{name} has no entity with this key", target=name)
        return rows[0], served
