"""Reading rows: from snapshots, found or made, or from one upstream page; in worker threads.

What `gateway.service.service` and `gateway.service.export` share. Which rows are read is the
plan's decision.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import pyarrow as pa

from gateway.analytics.read.client import AnalyticsClient
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import first_request
from gateway.contract.derived import ColumnKind
from gateway.contract.model import Contract
from gateway.engine.copies import compile_days, rows_of_copies
from gateway.engine.derive import compile_derivation
from gateway.engine.navigate import no_rows
from gateway.engine.run import Relation
from gateway.engine.sql import Sql
from gateway.errors import UpstreamUnavailable
from gateway.fairness.call_limit import CallLimit
from gateway.fairness.parsing import Parser
from gateway.observe import Clock
from gateway.observe.record import Stage
from gateway.planner.plan import QueryPlan, Route, copied_order, key_order, natural_order
from gateway.planner.pushdown import Pushdown
from gateway.query.bind.derivation import bind_derivation
from gateway.query.preferences import Preferences
from gateway.query.tree.expressions import BoundOrder
from gateway.query.tree.transformations import ARRIVAL
from gateway.roles.limits import RoleLimits
from gateway.roles.view_sql import compile_salt, compile_seen, compile_seen_by_digest, rows_seen
from gateway.service.long_queries import LongQueries
from gateway.service.messages import CacheHeaders, ResponseOptions, Served
from gateway.service.page_cache import PageCache, PageKey
from gateway.service.paging import tie_at_the_end
from gateway.snapshots.cache import Snapshot, SnapshotCache, SnapshotChoice
from gateway.snapshots.freshness import Verdict
from gateway.snapshots.keep.store import SnapshotKey, SnapshotStore
from gateway.snapshots.query_threads import QueryPool
from gateway.writer.skiptoken import TokenSigner

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageSizes:
    """Rows a page: what is sent unless the client asks, and the most it may ask for.

    `early` tells whether the first pages may come while their extract is still read.
    """

    default: int
    maximum: int
    early: bool = True


@dataclass(frozen=True, slots=True)
class RoleView:
    """What a role sees; `name` differs where anything of it does. `salt` is what masks are made of.

    Nothing of it shows in a repr: rules name groups and people.
    """

    name: str
    limits: RoleLimits = field(repr=False)
    salt: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What `gateway.app` constructs for the service.

    `scope` names workspace, upstream, contract and the token's owner: whose snapshots count. `view`
    is what of them a role sees, None for all. Memories of queries and pages, and what signs links,
    are those of one view alone. `query_timeout` is the time limit of a request in seconds, for
    parsing and queries together.
    """

    scope: Callable[[], str]
    client: AnalyticsClient
    cache: SnapshotCache
    store: SnapshotStore
    pages: PageCache
    signer: TokenSigner
    clock: Clock
    desk: QueryPool
    calls: CallLimit
    parser: Parser
    query_timeout: float
    long_queries: LongQueries
    view: RoleView | None = None


class RowReader:
    """Reads the rows of one workspace."""

    def __init__(self, contract: Contract, machinery: Dependencies, pages: PageSizes) -> None:
        self._contract = contract
        self._with = machinery
        self._pages = pages

    def key(self, pushdown: Pushdown) -> SnapshotKey:
        """No snapshot is found by anyone else (law 5)."""
        return SnapshotKey(self._with.scope(), pushdown)

    def at_hand(self, plan: QueryPlan, reply: ResponseOptions) -> bool:
        """Whether a snapshot answers without an upstream call."""
        return self._with.cache.is_fresh(self.key(plan.pushdown), fresher=reply.fresher)

    def choice(self, plan: QueryPlan, *, fresher: bool) -> SnapshotChoice:
        """What snapshot there is, fresh or not."""
        return self._with.cache.choice(self.key(plan.pushdown), fresher=fresher)

    def snapshot(
        self, pushdown: Pushdown, *, fresher: bool, early: bool = False
    ) -> AbstractAsyncContextManager[Snapshot]:
        """A snapshot that has the rows; `early` also while they are still coming, if allowed.

        What a role sees of rows can be told only when all are there.
        """
        early = early and self._pages.early and self._with.view is None
        return self._with.cache.open(self.key(pushdown), fresher=fresher, early=early)

    async def on(
        self, snapshot: Snapshot, plan: QueryPlan, run: Callable[..., T], *arguments: object
    ) -> T:
        """Run a function of the engine on the plan's rows of a snapshot, in a worker thread."""
        return await self.queried(self.run_on, snapshot, plan, run, *arguments)

    async def on_draft(self, snapshot: Snapshot, run: Callable[..., T], *arguments: object) -> T:
        """The same on results as they came, for who began to read before all were there."""
        return await self.queried(self._run_on_draft, snapshot, run, *arguments)

    def _run_on_draft(self, snapshot: Snapshot, run: Callable[..., T], *arguments: object) -> T:
        assert self._with.view is None  # noqa: S101 - see `snapshot`: this is no role's table
        with self._with.store.cursor() as cursor:
            relation = Relation(cursor, snapshot.table_name, position=ARRIVAL)
            return run(relation, *arguments)

    def run_on(
        self, snapshot: Snapshot, plan: QueryPlan, run: Callable[..., T], *arguments: object
    ) -> T:
        """The same in this thread."""
        tables = {name: self._derived(snapshot, name) for name in plan.derived}
        name, table = plan.query.entity_set.name, self._results(snapshot)
        others = tuple((other, tables.get(other, table)) for other in plan.query.others)
        order = self._own_order(name)
        with self._with.store.cursor() as cursor:
            return run(Relation(cursor, tables.get(name, table), order, others), *arguments)

    def _own_order(self, name: str) -> tuple[BoundOrder, ...]:
        """The order that a set's POSITION stands for."""
        derived = self._contract.derived_set(name)
        if derived is None:
            return natural_order(self._contract)
        if derived.copies_results:
            return copied_order(derived, self._contract)
        return key_order(derived.entity_set.entity_type)

    def _results(self, snapshot: Snapshot) -> str:
        """The FROM item of the results: all of them, or those that the role sees."""
        view, rows = self._with.view, snapshot.table_name
        if view is None:
            return rows
        limits, salt = view.limits, None
        if limits.masked:
            salt = self._made(snapshot, "salt", partial(compile_salt, view.salt))
        seen = self._seen(snapshot, limits, salt)
        return rows_seen(limits.columns, limits.masked, rows, seen, salt)

    def _seen(self, snapshot: Snapshot, limits: RoleLimits, salt: str | None) -> str | None:
        """The table of which rows a role sees; None where that is all of them, in their order."""
        rows = snapshot.table_name
        rule = limits.rule and limits.rule(snapshot.made_at)
        if salt is not None and self._contract.key in limits.masked:
            order = natural_order(self._contract)
            by_digest = partial(compile_seen_by_digest, rule, rows, order, salt)
            return self._made(snapshot, "seen", by_digest)
        if rule is None:
            return None
        return self._made(snapshot, "seen", partial(compile_seen, rule, rows))

    def _derived(self, snapshot: Snapshot, name: str) -> str:
        """The FROM item of a set that is made of a snapshot, which is complete."""
        derived = self._contract.derived_set(name)
        assert derived is not None  # noqa: S101 - the planner has found it
        rows = self._results(snapshot)
        bind = partial(bind_derivation, derived, self._contract, snapshot.made_at)
        if not derived.copies_results:
            return self._made(snapshot, name, lambda: compile_derivation(bind(), rows))
        derivation = bind()
        has_days = bool(derivation.of_kind(ColumnKind.DAY))
        days = (
            self._made(snapshot, name, lambda: compile_days(derivation, rows)) if has_days else None
        )
        return rows_of_copies(derivation, rows, days)

    def _made(self, snapshot: Snapshot, name: str, compile_: Callable[[], Sql]) -> str:
        """The table that is made of the snapshot's rows once, as long as it lives.

        `compile_` is asked for the SELECT only then.
        """

        def question() -> tuple[str, tuple[object, ...]]:
            made = compile_()
            return made.text, made.parameters

        view = self._with.view
        whole = name if view is None else f"{name}@{view.name}"
        return self._with.store.derived(snapshot.id, whole, question)

    def run_transient(
        self, rows: pa.Table, run: Callable[[Relation], T], others: tuple[str, ...] = ()
    ) -> T:
        """Run a function of the engine on rows that are not kept, in this thread.

        The sets of these `others` names have no rows.
        """
        sets = (s for s in self._contract.schema.entity_sets if s.name in others)
        empty = tuple((found.name, no_rows(found)) for found in sets)
        with self._with.store.transient(rows) as (cursor, name):
            return run(Relation(cursor, name, others=empty))

    async def queried(self, run: Callable[..., T], *arguments: object) -> T:
        """A query in a thread, counted with the time that it waits for one."""
        with Stage("query"):
            return await self.in_thread(run, *arguments)

    async def in_thread(self, run: Callable[..., T], *arguments: object) -> T:
        """Blocking work, a few at once and not for ever (`gateway.snapshots.query_threads`)."""
        return await self._with.desk.run(run, *arguments)

    def goes_straight_through(self, plan: QueryPlan, reply: ResponseOptions) -> bool:
        """A small exact window that fits one page, unless a fresh snapshot is at hand."""
        if plan.route is not Route.WINDOW or self.at_hand(plan, reply):
            return False
        return (plan.query.top or 0) <= self.page_size(reply.preferences)

    async def window_page(self, plan: QueryPlan, reply: ResponseOptions) -> Page | None:
        """The upstream page that holds the window; None when a snapshot must answer.

        That is so when a tie crosses its end, and in the case of `asked`.
        """
        request = first_request(plan, self._contract)
        page = await self.asked(self._with.client.fetch(request), plan, reply)
        return None if page is None or tie_at_the_end(page, request) else page

    async def asked(self, call: Awaitable[T], plan: QueryPlan, reply: ResponseOptions) -> T | None:
        """What a call answers; None when the upstream is down and an older snapshot may answer.

        Raises:
            UpstreamUnavailable: there is none.
            ServiceUnavailable: the call's turn did not come in time.
        """
        try:
            async with _turn_of(call, self._with.calls):
                return await call
        except UpstreamUnavailable:
            if self.choice(plan, fresher=reply.fresher).verdict is Verdict.EXPIRED:
                raise
            return None

    def about(self, snapshot: Snapshot, key: PageKey) -> CacheHeaders:
        """What caches may know of a page."""
        digest = self._with.pages.digest(key)
        return CacheHeaders(f'W/"{digest}"', snapshot.taken_at, self.served(snapshot))

    def served(self, snapshot: Snapshot) -> Served:
        """Return what every response from a snapshot says of it."""
        return Served(self._with.clock.now() - snapshot.taken_at, snapshot.status)

    def page_size(self, preferences: Preferences) -> int:
        """Rows a page, as wished within the limit."""
        return min(preferences.max_page_size or self._pages.default, self._pages.maximum)


@asynccontextmanager
async def _turn_of(call: Awaitable[object], calls: CallLimit) -> AsyncIterator[None]:
    """Wait until a call may be made; one that never is must be closed, or Python warns of it."""
    async with AsyncExitStack() as turn:
        try:
            await turn.enter_async_context(calls.turn())
        except BaseException:
            if isinstance(call, Coroutine):
                call.close()
            raise
        yield
