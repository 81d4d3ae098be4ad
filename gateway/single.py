"""What is not a collection: a number of rows, one entity, one property of it."""

from __future__ import annotations

from gateway.contract.model import Contract
from gateway.engine.run import Selection, count_rows, fetch_rows
from gateway.errors import ResourceNotFound
from gateway.exchange import Answer, Reply
from gateway.observe.record import note_rows
from gateway.paging import left_to_check
from gateway.planner.plan import QueryPlan, Route, plan_query
from gateway.query.projection import Projection
from gateway.query.questions import BoundQuery, PropertyPart, PropertyQuery
from gateway.reading import Reading
from gateway.summing import Summing
from gateway.writer.bodies import projection_for, write_entity
from gateway.writer.property_bodies import projection_for_property, write_property


class Single:
    """Answers with one thing of one workspace."""

    def __init__(self, contract: Contract, rows: Reading, summing: Summing) -> None:
        self._contract = contract
        self._rows = rows
        self._summing = summing

    async def count(self, plan: QueryPlan, reply: Reply) -> int:
        """How many rows there are, for a query that asks for that."""
        if plan.route is Route.NOTHING:
            return 0
        if plan.route is Route.TOTAL and not self._rows.answers_here(plan, reply):
            page = await self._rows.first_page(plan, reply)
            if page is not None:
                return page.total
        told = await self._summing.count(plan, reply)
        if told is not None:
            return told
        async with self._rows.snapshot(plan.pushdown, fresher=reply.fresher) as snapshot:
            left = left_to_check(plan, snapshot)
            return await self._rows.on(snapshot, plan, count_rows, left, plan.query.apply)

    async def check_source(self, query: BoundQuery, reply: Reply) -> None:
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

    async def entity(self, plan: QueryPlan, reply: Reply) -> Answer:
        """The entity.

        Raises:
            ResourceNotFound: there is none.
        """
        row = await self._row(
            plan,
            projection_for(plan.query, reply.format, reply.links, self._contract.schema.namespace),
            reply,
        )
        body = write_entity(row, plan.query, reply.format, reply.links)
        return Answer(body, reply.format.content_type, reply.applied())

    async def property(self, query: PropertyQuery, plan: QueryPlan, reply: Reply) -> Answer:
        """A property of the entity, 204 where it is null.

        Raises:
            ResourceNotFound: there is no such entity.
        """
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
        note_rows(len(rows))
        if not rows:
            name = plan.query.entity_set.name
            raise ResourceNotFound(f"{name} has no entity with this key", target=name)
        return rows[0]
