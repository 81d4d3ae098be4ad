"""The parts that `gateway.workspace` constructs and hands to the service of one workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.analytics.extract.totals import Totals
from gateway.analytics.read.client import AnalyticsClient
from gateway.fairness.call_limit import CallLimit
from gateway.fairness.parsing import Parser
from gateway.observe import Clock
from gateway.proofs.trust import Trust
from gateway.roles.view import EVERYTHING, View
from gateway.service.long_queries import LongQueries
from gateway.service.page_cache import PageCache
from gateway.service.schema_log import SchemaLog
from gateway.service.surroundings import Surroundings
from gateway.service.workbooks import Workbooks
from gateway.snapshots.cache import SnapshotCache
from gateway.snapshots.keep.store import SnapshotStore
from gateway.snapshots.query_threads import QueryPool
from gateway.writer.skiptoken import TokenSigner


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The objects that one service works with.

    `scope` returns a name of the workspace, the upstream, the contract and the owner of the token;
    snapshots of other scopes are invisible (law 5). `totals` decides which totals of the upstream
    to trust, and `trust` which filters, orders and numbers. `view` limits what callers see;
    `pages`, `long_queries` and `signer` belong to one view alone. `query_timeout` limits parsing
    and queries of a request together, in seconds.
    """

    scope: Callable[[], str]
    client: AnalyticsClient
    totals: Totals
    trust: Trust
    cache: SnapshotCache
    store: SnapshotStore
    pages: PageCache
    signer: TokenSigner
    clock: Clock
    query_pool: QueryPool
    calls: CallLimit
    parser: Parser
    query_timeout: float
    long_queries: LongQueries
    workbooks: Workbooks
    surroundings: Surroundings
    schema_log: SchemaLog
    view: View = EVERYTHING
