"""Construct the services of one workspace: for all rows, for each role, for each caller.

They share the snapshots, the client of the Analytics API and the folder of the workspace with each
other, but with no other workspace.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial

import anyio
import anyio.to_thread
import httpx
from cachetools import LRUCache

from gateway.analytics.extract.extractor import Extractor, ExtractPolicy
from gateway.analytics.extract.totals import Totals
from gateway.analytics.read.client import AnalyticsClient, World, retry_policy
from gateway.analytics.read.observed_client import TIMES_UPSTREAM_TIMEOUT, ObservedClient
from gateway.analytics.read.request import PageRequest
from gateway.auth.caller_token import Acceptance
from gateway.auth.tokens import CallerTokenSource, TokenSource
from gateway.config import DEFAULT_WORKSPACE, STATED, Role, Settings
from gateway.contract.aliases import ending_aliases, without_ended_aliases
from gateway.contract.headers import digest_of, resolve_headers
from gateway.contract.model import Contract, RangeFilter
from gateway.edm.model import aliases_of
from gateway.errors import ConfigurationProblem
from gateway.fairness.call_limit import CallLimit
from gateway.fairness.parsing import Parser
from gateway.observe import Clock, Observer
from gateway.observe.directory import DataDirectory
from gateway.outgoing.options import client_options
from gateway.planner.pushdown import Pushdown
from gateway.proofs.abilities import Kind, name_of
from gateway.proofs.renewal import Renewal
from gateway.proofs.store import ProofStore
from gateway.proofs.trust import ANYONE, Trust, owner_of
from gateway.roles.limits import limit_contract, prune_sets
from gateway.roles.view import View
from gateway.service.dependencies import Dependencies
from gateway.service.long_queries import LongQueries
from gateway.service.page_cache import PageCache
from gateway.service.paging import PageSizes
from gateway.service.published import version_of, versioned
from gateway.service.schema_log import SchemaLog, warnings_of
from gateway.service.service import QueryService
from gateway.service.surroundings import Surroundings
from gateway.service.workbooks import Workbooks
from gateway.snapshots.cache import SnapshotCache
from gateway.snapshots.keep.catalog import Catalog
from gateway.snapshots.keep.store import SnapshotStore
from gateway.snapshots.load.extract_limit import ExtractLimit
from gateway.snapshots.load.extract_run import ExtractTools
from gateway.snapshots.peers.selection import build_peers
from gateway.snapshots.query_threads import QueryPool
from gateway.storage import (
    directory_of,
    open_store,
    policies_of,
    proofs_path,
    schema_log_path,
    sharing_of,
)
from gateway.writer.skiptoken import TokenSigner

_MEBIBYTE = 1_048_576
_LONG_QUERIES_BYTES = 16 * _MEBIBYTE
_MAX_CALLER_SERVICES = 256
_MAX_PRUNED_SERVICES = 64
_TIDY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Shared:
    """Objects that all workspaces share; only `pages` holds rows, each under its workspace's name.

    `mask_key` is the secret of the digests, None if there is none. `transport` replaces the network
    in tests. `stores` is the number of workspaces that share the memory.
    """

    clock: Clock
    observer: Observer
    signer: TokenSigner
    pages: PageCache
    parser: Parser = field(default_factory=Parser)
    workbooks: Workbooks = field(default_factory=Workbooks)
    stores: int = 1
    mask_key: bytes | None = field(default=None, repr=False)
    transport: httpx.AsyncBaseTransport | None = None


@dataclass(frozen=True, slots=True)
class _ViewParts:
    """The contract and dependencies of one view, and its name; "" is the view of all rows."""

    contract: Contract
    dependencies: Dependencies
    view: str


class Workspace:
    """One workspace; returns the service of a role, or of a caller with a token of their own.

    Raises:
        ConfigurationProblem: a role's table, or a file that a setting names, cannot be used.
    """

    def __init__(
        self, settings: Settings, contract: Contract, token: TokenSource, shared: Shared
    ) -> None:
        self.name = settings.workspace
        self.acceptance = Acceptance(self._try, shared.clock.monotonic)
        self._settings, self._contract, self._shared = settings, contract, shared
        headers = resolve_headers(contract, os.environ)
        self._http = _http_client(settings, contract, shared, headers)
        self._headers_digest = digest_of(headers, contract)
        self._proof_store = ProofStore(proofs_path(settings), shared.observer.warn)
        self._schema_log = SchemaLog(schema_log_path(settings), shared.observer.warn)
        self._announced: tuple[str, ...] = ()
        self.peers = build_peers(sharing_of(settings), shared.clock, shared.observer)
        self._store = open_store(settings, contract, shared.observer, shared.stores)
        self._query_pool = QueryPool(self._store.threads, settings.query_timeout)
        self._extract_limit = ExtractLimit(settings.extract_concurrency)
        self._calls = CallLimit(settings.upstream_concurrency)
        self._directory = DataDirectory(filter(None, (directory_of(settings),)))
        self._catalog = Catalog(self._store, self.peers, policies_of(settings), shared.clock)
        own = self._proofs(token.identity)
        self._common = self._dependencies(token, own)
        self.renewal = self._renewal_of(own)
        self._callers: LRUCache[tuple[str, str], QueryService] = LRUCache(_MAX_CALLER_SERVICES)
        self._publish()

    @property
    def held(self) -> tuple[SnapshotCache, SnapshotStore]:
        """Return the snapshot cache and the store, for gauges."""
        return self._common.cache, self._store

    def _publish(self) -> None:
        """Build the services of the columns that are published today."""
        today = self._shared.clock.now().date()
        self._published = without_ended_aliases(self._contract, today)
        self._ends = min(
            (a.until for a in aliases_of(self._published.schema).values()), default=date.max
        )
        self._epoch = (
            "" if self._published is self._contract else version_of(self._published.schema)
        )
        self._whole = self._in_epoch(_ViewParts(self._published, self._common, ""))
        self._views = {r.name: self._in_epoch(self._parts_of(r)) for r in self._settings.roles}
        self._roles = {name: self._serve(parts) for name, parts in self._views.items()}
        self._all = self._serve(self._whole)
        self._pruned: LRUCache[tuple[str | None, tuple[str, ...]], QueryService] = LRUCache(
            _MAX_PRUNED_SERVICES
        )

    def _in_epoch(self, parts: _ViewParts) -> _ViewParts:
        """Return the parts with pages of their own, once an alias has ended."""
        if not self._epoch:
            return parts
        pages = self._shared.pages.of_view(f"{parts.view}/{self._epoch}")
        return replace(parts, dependencies=replace(parts.dependencies, pages=pages))

    def _follow_the_calendar(self) -> None:
        """Publish again on the day after the last one of an alias."""
        if self._shared.clock.now().date() > self._ends:
            self._publish()

    def _announce(self) -> None:
        """Keep the schemas that are served, and warn of changes that can break reports."""
        schemas = {"": self._all.schema, **{n: s.schema for n, s in self._roles.items()}}
        versions = tuple(schema.version for schema in schemas.values())
        if versions == self._announced:
            return
        self._announced, now = versions, self._shared.clock.now()
        changes = self._schema_log.record(schemas, now)
        ending = ending_aliases(self._contract, now.date())
        for line in (*warnings_of(changes), *ending):
            self._shared.observer.warn(f"{self._named()}{line}")

    def _named(self) -> str:
        return "" if self.name == DEFAULT_WORKSPACE else f"workspace {self.name}: "

    def service_of(self, role: str | None, token: str | None) -> QueryService | None:
        """Return the service of a caller's token or of a role; None if there is no such role."""
        self._follow_the_calendar()
        if token is not None:
            return self._service_of_caller(token)
        return self._all if role is None else self._roles.get(role)

    def pruned(self, role: str | None, sets: tuple[str, ...]) -> QueryService:
        """Return the service of a role, None for all rows, with these entity sets alone.

        Raises:
            ConfigurationProblem: there is no such entity set, or the role does not have it.
        """
        self._follow_the_calendar()
        wanted = (role, tuple(sorted(set(sets))))
        found = self._pruned.get(wanted)
        if found is None:
            parts = self._whole if role is None else self._views[role]
            contract = prune_sets(parts.contract, wanted[1], "the sets of this key")
            facts = (parts.view, wanted[1], *([self._epoch] if self._epoch else []))
            name = hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
            pruned = parts.dependencies.view.pruned()
            dependencies = replace(self._for_view_alone(parts.dependencies, name), view=pruned)
            found = self._pruned[wanted] = self._serve(_ViewParts(contract, dependencies, name))
        return found

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Recover the snapshots on disk; stop all background work at the end of the block."""
        await self._common.cache.recover()
        await anyio.to_thread.run_sync(self._announce)
        async with AsyncExitStack() as stack, self._tidying():
            stack.push_async_callback(self._http.aclose)
            stack.push_async_callback(self._common.cache.close)
            stack.push_async_callback(self._close_callers)
            yield

    @asynccontextmanager
    async def _tidying(self) -> AsyncIterator[None]:
        """Drop old snapshots and renew proofs periodically inside the block."""
        chores = [asyncio.create_task(work) for work in (self._tidy(), self.renewal.run())]
        try:
            yield
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)

    async def _tidy(self) -> None:
        while True:
            await anyio.sleep(_TIDY_SECONDS)
            try:
                self._follow_the_calendar()
                await anyio.to_thread.run_sync(self._announce)
                await self._catalog.make_room()
            except Exception as error:
                self._shared.observer.fault("old snapshots could not be deleted", error)

    async def _close_callers(self) -> None:
        for service in self._callers.values():
            await service.end()

    def _serve(self, parts: _ViewParts) -> QueryService:
        contract = versioned(parts.contract)
        return QueryService(contract, parts.dependencies, _page_sizes(self._settings))

    def _for_view_alone(self, dependencies: Dependencies, view: str) -> Dependencies:
        """Return the dependencies with pages, links and long queries of this view alone."""
        return replace(
            dependencies,
            pages=self._shared.pages.of_view(view),
            signer=self._shared.signer.of_realm(f"{self.name}/{view}/"),
            long_queries=LongQueries(_LONG_QUERIES_BYTES),
        )

    def _parts_of(self, role: Role) -> _ViewParts:
        contract = limit_contract(self._published, role)
        view = View.of_role(role, self._contract, self._mask_secret(role))
        dependencies = replace(self._for_view_alone(self._common, view.name), view=view)
        return _ViewParts(contract, dependencies, view.name)

    def _mask_secret(self, role: Role) -> str:
        """Return the secret of a role's digests, "" without masks; all roles share one."""
        if not role.mask:
            return ""
        if self._shared.mask_key is None:
            raise ConfigurationProblem(
                f"{role.place} mask: digests need a secret, or people could be guessed: give"
                " --mask-key-file FILE, a secret of at least 32 random letters"
            )
        return hmac.digest(self._shared.mask_key, self.name.encode(), "sha256").hex()

    def _service_of_caller(self, token: str) -> QueryService:
        """Return the service of a caller, whose extracts use the caller's own token."""
        callers = CallerTokenSource(token, self.acceptance.forget)
        identity = callers.identity(), self._epoch
        found = self._callers.get(identity)
        if found is None:
            sizes = _page_sizes(self._settings)
            trust = self._proofs(lambda: ANYONE)  # proofs of any token, and never new ones
            contract = versioned(self._published)
            found = QueryService(contract, self._dependencies(callers, trust), sizes)
            self._callers[identity] = found
        return found

    async def _try(self, token: str) -> None:
        """Request one row with a caller's own token."""
        client = self._client(CallerTokenSource(token, self.acceptance.forget))
        await client.fetch(PageRequest(Pushdown(), 0, 1, self._contract.order_column))

    def _client(self, token: TokenSource) -> AnalyticsClient:
        shared = self._shared
        world = World(token, anyio.sleep, shared.clock, shared.observer.metrics.count_retry)
        policy = retry_policy(self._settings.retry_budget)
        return AnalyticsClient(self._http, self._contract, world, policy)

    def _proofs(self, identity: Callable[[], str]) -> Trust:
        """Return what queries may rely on, as the owner of a token sees the Analytics API."""
        settings, contract = self._settings, self._contract
        base = settings.upstream or contract.base_url
        return Trust(
            contract,
            self._proof_store,
            lambda: owner_of(base, identity(), self._headers_digest),
            self._shared.clock.now,
            stated=settings.trust == STATED,
        )

    def _renewal_of(self, trust: Trust) -> Renewal:
        path = proofs_path(self._settings)
        lock = None if path is None else path.with_name(f"{path.name}.proving")
        cache, scope = self._common.cache, self._common.scope
        return Renewal(
            trust, self._contract, self._common.client, cache, self._query_pool, scope, lock
        )

    def _dependencies(self, token: TokenSource, trust: Trust) -> Dependencies:
        settings, contract, shared = self._settings, self._contract, self._shared
        client = self._client(token)
        policy = ExtractPolicy(concurrency=settings.upstream_concurrency)
        totals = Totals(client.fetch, contract, shared.observer.warn)
        extractor = Extractor(
            client.fetch,
            contract,
            policy,
            shared.clock,
            totals,
            partial(_may_follow, trust, contract),
        )
        tools = ExtractTools(
            self._store,
            self._catalog,
            self.peers,
            extractor,
            shared.clock,
            shared.observer,
            self._extract_limit,
        )
        print_ = f"{contract.fingerprint}{self._headers_digest}"
        base = f"{self.name}/{settings.upstream or contract.base_url}/{print_}"
        return Dependencies(
            scope=lambda: f"{base}/{token.identity()}",
            client=client,
            totals=totals,
            trust=trust,
            cache=SnapshotCache(tools),
            store=self._store,
            pages=shared.pages,
            signer=shared.signer,
            clock=shared.clock,
            query_pool=self._query_pool,
            calls=self._calls,
            parser=shared.parser,
            query_timeout=settings.query_timeout,
            long_queries=LongQueries(_LONG_QUERIES_BYTES),
            workbooks=shared.workbooks,
            surroundings=self._surroundings(token),
            schema_log=self._schema_log,
        )

    def _surroundings(self, token: TokenSource) -> Surroundings:
        settings = self._settings
        return Surroundings(
            token.facts,
            self._http.typical_seconds,
            self._directory,
            settings.snapshot_budget * _MEBIBYTE,
            timedelta(seconds=settings.fresh_for + settings.stale_for),
        )


def _may_follow(trust: Trust, contract: Contract, pushdown: Pushdown) -> bool:
    """Return True if changes can be read newest first.

    Rows that are sorted inside of pages only, or a contradicted range, would hide some.
    """
    proved, contradicted = trust.proved(), trust.contradicted()
    ranges = (c.name for c in contract.columns if isinstance(c.filter, RangeFilter))
    if any(name_of(Kind.FILTER, name) in contradicted for name in ranges):
        return False
    orders = (name_of(Kind.WINDOW, term.column) for term in pushdown.terms)
    return proved is None or all(order in proved for order in orders)


def _page_sizes(settings: Settings) -> PageSizes:
    most = settings.max_page_size
    return PageSizes(min(settings.page_size, most), most, settings.early_pages)


def _http_client(
    settings: Settings, contract: Contract, shared: Shared, headers: Mapping[str, str]
) -> ObservedClient:
    limits = httpx.Limits(max_connections=settings.upstream_concurrency * 4)
    return ObservedClient(
        shared.observer,
        seconds=settings.upstream_timeout * TIMES_UPSTREAM_TIMEOUT,
        base_url=settings.upstream or contract.base_url,
        headers=headers,
        timeout=httpx.Timeout(
            settings.upstream_timeout, connect=min(10, settings.upstream_timeout)
        ),
        limits=limits,
        transport=shared.transport,
        follow_redirects=False,
        **client_options(),
    )
