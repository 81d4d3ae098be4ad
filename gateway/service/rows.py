"""Reading the rows of a source: the FROM items of a query, and its run in a worker thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import TypeVar, assert_never

import pyarrow as pa

from gateway.analytics.read.page import schema_of
from gateway.contract.derived import ColumnKind
from gateway.contract.model import Contract
from gateway.edm.model import EntityType
from gateway.engine.copies import compile_days, rows_of_copies
from gateway.engine.derive import compile_derivation
from gateway.engine.navigate import no_rows
from gateway.engine.run import Relation, count_rows, fetch_rows
from gateway.engine.sql import Sql
from gateway.observe.oddities import OddRows
from gateway.observe.record import Stage
from gateway.planner.plan import QueryPlan, copied_order, key_order, natural_order
from gateway.planner.pushdown import Pushdown
from gateway.query.bind.derivation import bind_derivation
from gateway.query.preferences import Preferences
from gateway.query.tree.expressions import BoundOrder
from gateway.query.tree.projection import Projection
from gateway.query.tree.transformations import ARRIVAL, POSITION
from gateway.service.dependencies import Dependencies
from gateway.service.messages import CacheHeaders, ResponseOptions, Served
from gateway.service.page_cache import PageKey
from gateway.service.paging import PageSizes
from gateway.service.source import (
    NoRows,
    SnapshotRows,
    Source,
    Total,
    UpstreamRows,
    residual_of,
    selection_of,
)
from gateway.service.undecoded import (
    can_be_undecoded,
    can_fail,
    columns_read,
    columns_shown,
    refuse_undecoded,
    undecoded,
    undecoded_in_page,
)
from gateway.snapshots.cache import Snapshot, SnapshotChoice
from gateway.snapshots.freshness import Verdict
from gateway.snapshots.keep.store import SnapshotKey

T = TypeVar("T")


class RowReader:
    """Reads the rows of one workspace."""

    def __init__(self, contract: Contract, dependencies: Dependencies, pages: PageSizes) -> None:
        self._contract = contract
        self._with = dependencies
        self._pages = pages

    # --- snapshots --------------------------------------------------------------------------------

    def key(self, pushdown: Pushdown) -> SnapshotKey:
        """Return the key of a pushdown's snapshots; other scopes never find them (law 5)."""
        return SnapshotKey(self._with.scope(), pushdown)

    def is_cached(self, plan: QueryPlan, options: ResponseOptions) -> bool:
        """Return True if a snapshot serves the plan without an upstream call."""
        return self._with.cache.is_fresh(self.key(plan.pushdown), fresher=options.fresher)

    def choice(self, plan: QueryPlan, *, fresher: bool) -> SnapshotChoice:
        """Return the best snapshot for a plan, fresh or not."""
        return self._with.cache.choice(self.key(plan.pushdown), fresher=fresher)

    def snapshot(
        self, pushdown: Pushdown, *, fresher: bool, early: bool = False
    ) -> AbstractAsyncContextManager[Snapshot]:
        """Open a snapshot that has the rows; with `early` perhaps one whose extract still runs."""
        early = early and self._pages.early and self._with.view.may_read_drafts
        return self._with.cache.open(self.key(pushdown), fresher=fresher, early=early)

    def cache_headers(self, snapshot: Snapshot, key: PageKey) -> CacheHeaders:
        """Return what HTTP caches may know of a page."""
        digest = self._with.pages.digest(key)
        return CacheHeaders(f'W/"{digest}"', snapshot.taken_at, self.served(snapshot))

    def served(self, snapshot: Snapshot) -> Served:
        """Return what every response from a snapshot says about it."""
        return Served(self._with.clock.now() - snapshot.taken_at, snapshot.status)

    def now(self) -> datetime:
        """Return the present, by the clock that dates snapshots."""
        return self._with.clock.now()

    def page_size(self, preferences: Preferences) -> int:
        """Return the number of rows in a page."""
        return self._pages.size(preferences)

    # --- rows of a source -------------------------------------------------------------------------

    async def count(self, source: Source, plan: QueryPlan) -> int:
        """Return the number of rows without $skip and $top, after $apply."""
        match source:
            case NoRows():
                return 0
            case Total(number) | UpstreamRows(count=int(number)):
                return number
            case UpstreamRows():
                return await self.run(source, plan, count_rows, None, source.apply)
            case SnapshotRows():
                residual = residual_of(source, plan)
                return await self.run(source, plan, count_rows, residual, plan.query.apply)
            case _:
                assert_never(source)

    async def fetch(
        self,
        source: Source,
        plan: QueryPlan,
        projection: Projection,
        *,
        order: tuple[BoundOrder, ...],
        offset: int = 0,
        limit: int | None = None,
    ) -> list[bytes]:
        """Return rows as JSON objects, in order."""
        if isinstance(source, NoRows | Total):
            return []
        selection = selection_of(source, plan, order, offset, limit)
        rows: list[bytes] = await self.run(source, plan, fetch_rows, selection, projection)
        return rows

    async def run(
        self, source: Source, plan: QueryPlan, function: Callable[..., T], *arguments: object
    ) -> T:
        """Run a function of the engine on the plan's rows of a source, in a worker thread."""
        with Stage("query"):
            return await self.in_thread(self.run_here, source, plan, function, *arguments)

    def run_here(
        self, source: Source, plan: QueryPlan, function: Callable[..., T], *arguments: object
    ) -> T:
        """Run the same in this thread.

        Raises:
            UpstreamBrokeContract: the query reads a column whose values could not be decoded.
        """
        self.check_decoded(source, plan)
        match source:
            case NoRows() | Total():
                rows = _no_rows(plan.query.entity_set.entity_type)
                return self._on_table(rows, plan, function, arguments)
            case UpstreamRows(rows):
                return self._on_table(rows, plan, function, arguments)
            case SnapshotRows(snapshot, is_early=True):
                return self._on_arrivals(snapshot, plan, function, arguments)
            case SnapshotRows(snapshot):
                return self._on_snapshot(snapshot, plan, function, arguments)
            case _:
                assert_never(source)

    def check_decoded(self, source: Source, plan: QueryPlan, known: Iterable[OddRows] = ()) -> None:
        """Check that nothing depends on values that the contract cannot decode.

        `known` are odd rows beside those of the source, for rows that the upstream selected.

        Raises:
            UpstreamBrokeContract: names the column and the remedy.
        """
        found, rows = undecoded(known), 0
        match source:
            case SnapshotRows(snapshot):
                found, rows = found | undecoded(snapshot.odd), snapshot.rows
            case UpstreamRows(odd=odd, rows=page):
                found, rows = found | undecoded_in_page(odd), page.num_rows
            case Total(odd=odd):
                found |= undecoded_in_page(odd)
            case _:
                return
        rules = self._with.view.rule_columns
        refuse_undecoded(found, plan.query, self._contract, rules, of=rows)

    def known_odd(self) -> tuple[OddRows, ...]:
        """Return the odd rows of the snapshot of all rows, if it would still be served."""
        choice = self._with.cache.choice(self.key(Pushdown()))
        is_current = choice.table is not None and choice.verdict is not Verdict.EXPIRED
        return choice.table.extracted.odd if choice.table is not None and is_current else ()

    def may_be_undecoded(self, plan: QueryPlan) -> bool:
        """Return True if a query may turn out to depend on values that cannot be decoded."""
        contract, query = self._contract, plan.query
        made, failing = can_be_undecoded(contract), can_fail(contract)
        is_read = bool(made and made & columns_read(query, contract))
        return is_read or bool(failing and failing & columns_shown(query, contract))

    async def in_thread(self, run: Callable[..., T], *arguments: object) -> T:
        """Run blocking work in its turn, limited in time (`gateway.snapshots.query_threads`)."""
        return await self._with.query_pool.run(run, *arguments)

    def _on_table(
        self,
        rows: pa.Table,
        plan: QueryPlan,
        function: Callable[..., T],
        arguments: tuple[object, ...],
    ) -> T:
        """Run on rows that are not kept; other sets that the query names have no rows."""
        sets = (
            s for s in self._contract.schema.entity_sets if s.name in plan.query.referenced_sets
        )
        empty = tuple((found.name, no_rows(found)) for found in sets)
        with self._with.store.transient(rows) as (cursor, name):
            return function(
                Relation(cursor, name, referenced_tables=empty, query=plan.query), *arguments
            )

    def _on_snapshot(
        self,
        snapshot: Snapshot,
        plan: QueryPlan,
        function: Callable[..., T],
        arguments: tuple[object, ...],
    ) -> T:
        tables = {name: self._derived(snapshot, name) for name in plan.derived}
        name, table = plan.query.entity_set.name, self._results(snapshot)
        others = tuple((other, tables.get(other, table)) for other in plan.query.referenced_sets)
        order = self._own_order(name)
        with self._with.store.cursor() as cursor:
            rows = Relation(cursor, tables.get(name, table), order, others, query=plan.query)
            return function(rows, *arguments)

    def _on_arrivals(
        self,
        snapshot: Snapshot,
        plan: QueryPlan,
        function: Callable[..., T],
        arguments: tuple[object, ...],
    ) -> T:
        """Run on results as they arrived, for clients that began to read while the extract ran."""
        assert self._with.view.may_read_drafts  # noqa: S101 - see `snapshot`
        with self._with.store.cursor() as cursor:
            rows = Relation(cursor, snapshot.table_name, position=ARRIVAL, query=plan.query)
            return function(rows, *arguments)

    def _own_order(self, name: str) -> tuple[BoundOrder, ...]:
        """Return the order that a set's positions follow."""
        derived = self._contract.derived_set(name)
        if derived is None:
            return natural_order(self._contract)
        if derived.copies_results:
            return copied_order(derived, self._contract)
        return key_order(derived.entity_set.entity_type)

    def _results(self, snapshot: Snapshot) -> str:
        """Return the FROM item of the results: all of them, or those that the role sees."""
        derive, order = partial(self._table_beside, snapshot), natural_order(self._contract)
        return self._with.view.relation(snapshot.table_name, snapshot.made_at, order, derive)

    def _derived(self, snapshot: Snapshot, name: str) -> str:
        """Return the FROM item of a set that is derived from a complete snapshot."""
        derived = self._contract.derived_set(name)
        assert derived is not None  # noqa: S101 - the planner has found it
        rows = self._results(snapshot)
        bind = partial(bind_derivation, derived, self._contract, snapshot.made_at)
        if not derived.copies_results:
            return self._table_beside(snapshot, name, lambda: compile_derivation(bind(), rows))
        derivation, days = bind(), None
        if derivation.of_kind(ColumnKind.DAY):
            days = self._table_beside(snapshot, name, lambda: compile_days(derivation, rows))
        return rows_of_copies(derivation, rows, days)

    def _table_beside(self, snapshot: Snapshot, name: str, compile_: Callable[[], Sql]) -> str:
        """Return a table made of the snapshot's rows, once in its lifetime and for each view."""

        def statement() -> tuple[str, tuple[object, ...]]:
            made = compile_()
            return made.text, made.parameters

        return self._with.store.derived(snapshot.id, self._with.view.named(name), statement)


def _no_rows(entity_type: EntityType) -> pa.Table:
    position = pa.field(POSITION.name, pa.int64())
    return schema_of(entity_type.properties).append(position).empty_table()
