"""The parts that `gateway.workspace` constructs and hands to the service of one workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.analytics.extract.totals import Totals
from gateway.analytics.read.client import AnalyticsClient
from gateway.fairness.call_limit import CallLimit
from gateway.fairness.parsing import Parser
from gateway.observe import Clock
from gateway.roles.view import EVERYTHING, View
from gateway.service.long_queries import LongQueries
from gateway.service.page_cache import PageCache
from gateway.snapshots.cache import SnapshotCache
from gateway.snapshots.keep.store import SnapshotStore
from gateway.snapshots.query_threads import QueryPool
from gateway.writer.skiptoken import TokenSigner


@dataclass(frozen=True, slots=True)
class PageSizes:
    """Rows in a page: the default, and the most that a client may request.

    `early` is True if the first pages may be sent while their extract still runs.
    """

    default: int
    maximum: int
    early: bool = True


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What one service works with.

    `scope` names the workspace, the upstream, the contract and the owner of the token: snapshots of
    other scopes do not exist here (law 5). `totals` knows
    which numbers of the upstream are believed. `view` is what the callers may see; `pages`,
    `long_queries` and `signer` belong to one view alone. `query_timeout` limits a request in
    seconds: parsing and queries together.
    """

    scope: Callable[[], str]
    client: AnalyticsClient
    totals: Totals
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
    view: View = EVERYTHING
