"""Rows behind navigation from one entity: is it there, if it has no related rows?"""

from __future__ import annotations

from gateway.errors import ResourceNotFound
from gateway.observe.record import note_rows
from gateway.planner.plan import QueryPlan
from gateway.query.tree.projection import Projection
from gateway.service.choose import SourceChooser
from gateway.service.messages import PlannedRequest, ResponseOptions
from gateway.service.rows import RowReader


class RelatedRows:
    """Checks the entities that requests of one workspace start from."""

    def __init__(self, chooser: SourceChooser, rows: RowReader) -> None:
        self._chooser = chooser
        self._rows = rows

    async def check(
        self, request: PlannedRequest, options: ResponseOptions, *, found: bool
    ) -> None:
        """Check that the entity exists whose related rows were requested.

        Rows that were `found` are proof enough, unless $apply makes rows of no rows at all.

        Raises:
            ResourceNotFound: it does not, and so neither does the collection behind it.
        """
        related = request.related
        if related is None:
            return
        if found and (related.count is None or await self._count(related.count, options)):
            return
        await self._check_entity(related.entity, options)

    async def _count(self, plan: QueryPlan, options: ResponseOptions) -> int:
        async with self._chooser.choose(plan, options) as source:
            return await self._rows.count(source, plan)

    async def _check_entity(self, plan: QueryPlan, options: ResponseOptions) -> None:
        keys = Projection((), plan.query.entity_set.entity_type.key_properties)
        async with self._chooser.choose(plan, options) as source:
            rows = await self._rows.fetch(source, plan, keys, order=(), limit=1)
        note_rows(len(rows))
        if not rows:
            raise missing_entity(plan)


def missing_entity(plan: QueryPlan) -> ResourceNotFound:
    """Return the error for a key that no entity of the set has."""
    name = plan.query.entity_set.name
    return ResourceNotFound(f"{name} has no entity with this key", target=name)
