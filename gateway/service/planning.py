"""Raw URL -> `PlannedRequest`: parse, bind and plan, the stages that need no rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from cachetools import LRUCache

from gateway.contract.model import Contract
from gateway.observe.record import Stage
from gateway.planner.plan import QueryPlan
from gateway.proofs.abilities import plan_proved
from gateway.query.bind.query import bind
from gateway.query.request import ODataRequest, parse_request
from gateway.query.tree.queries import BoundQuery, PropertyQuery, Shape
from gateway.query.tree.transformations import makes_rows_of_nothing
from gateway.service.dependencies import Dependencies
from gateway.service.long_queries import refers_to_long_query
from gateway.service.messages import PlannedRequest, RelatedPlans
from gateway.service.paging import query_identity
from gateway.service.personal import personal_read

T = TypeVar("T")
_MAX_CACHED_REQUESTS = 512
_MAX_CACHED_URL_BYTES = 4_096
_MAX_INLINE_BYTES = 512
"""A query of this length is parsed and bound in some 4 ms; longer ones take a thread."""


class RequestPlanner:
    """Plans the requests of one workspace; identical short URLs are planned once."""

    def __init__(self, contract: Contract, dependencies: Dependencies) -> None:
        self._contract = contract
        self._with = dependencies
        self._cache: LRUCache[tuple[bytes, bytes, str], PlannedRequest] = LRUCache(
            _MAX_CACHED_REQUESTS
        )
        self._usable: tuple[object, Contract] = (None, contract)

    async def understand(self, raw_path: bytes, raw_query: bytes, root: str = "") -> PlannedRequest:
        """Parse, bind and plan a URL below the service root `root`.

        Raises:
            GatewayError: 400, 404 or 501; 503 if a long URL did not get its turn in time.
        """
        usable = self._usable_contract()
        identity, size = (raw_path, raw_query, root), len(raw_path) + len(raw_query)
        cached = self._cache.get(identity)
        if cached is not None:
            return cached
        is_reference = refers_to_long_query(raw_query)
        if is_reference:
            size = _MAX_INLINE_BYTES + 1
        planned = await self.offload(size, self.read, *identity)
        is_lasting = planned.moment is None and not is_reference
        if size <= _MAX_CACHED_URL_BYTES and is_lasting and self._usable_contract() is usable:
            self._cache[identity] = planned  # its abilities were not withdrawn meanwhile
        return planned

    async def offload(self, size: int, work: Callable[..., T], *arguments: object) -> T:
        """Run work on a text of `size` bytes: in this thread if it is short, else in its turn.

        Raises:
            ServiceUnavailable: the turn did not come in time.
        """
        if size <= _MAX_INLINE_BYTES:
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
            return self._plan(request)

    def _plan(self, request: ODataRequest) -> PlannedRequest:
        """Plan for the present; later pages keep the now() of the first."""
        planned = self.plan_at(request, self._with.clock.now())
        token = request.options.skiptoken
        if planned.moment is None or token is None:
            return planned
        first = self._with.signer.verify(token, query_identity(request)).moment
        return self.plan_at(request, first)

    def plan_at(self, request: ODataRequest, now: datetime | None) -> PlannedRequest:
        """Bind and plan a parsed request for a given now(); None where nothing may depend on it."""
        bound = bind(request, self._contract.schema, now)
        query = bound.entity if isinstance(bound, PropertyQuery) else bound
        if not isinstance(query, BoundQuery):
            return PlannedRequest(request, bound)
        plan = self._planned(query)
        return PlannedRequest(request, bound, plan, self._related(query), personal_read(bound))

    def _related(self, query: BoundQuery) -> RelatedPlans | None:
        """Return the plans that tell a missing entity from one without related rows."""
        if query.source is None:
            return None
        entity = self._planned(query.source)
        if query.apply is None or not makes_rows_of_nothing(query.apply.steps):
            return RelatedPlans(entity)
        return RelatedPlans(entity, self._planned(_count_of(query)))

    def _planned(self, query: BoundQuery) -> QueryPlan:
        contract = self._usable_contract()
        return plan_proved(query, contract, self._with.trust.proved())

    def _usable_contract(self) -> Contract:
        """Return the contract with the proved abilities; drop plans that were made with others."""
        proved = self._with.trust.proved()
        if proved is not self._usable[0]:
            self._usable = proved, self._with.trust.usable(self._contract)
            self._cache.clear()
        return self._usable[1]


def _count_of(query: BoundQuery) -> BoundQuery:
    """Return the number of the rows that $apply works on, as a query."""
    return replace(
        BoundQuery(query.entity_set, Shape.COUNT, (), filter=query.filter, count=True),
        moment=query.moment,
        referenced_sets=query.referenced_sets,
    )


def plan_of(planned: PlannedRequest) -> QueryPlan:
    """Return the plan of a request for rows; all such requests have one."""
    assert planned.plan is not None  # noqa: S101 - see `RequestPlanner.plan_at`
    return planned.plan
