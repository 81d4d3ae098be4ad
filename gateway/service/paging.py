"""What decides how pages and windows are cut: facts of a plan, a snapshot and a page, no more."""

from __future__ import annotations

from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.planner.plan import QueryPlan
from gateway.query.request import ODataRequest
from gateway.snapshots.cache import Snapshot
from gateway.writer.skiptoken import Position


def may_be_early(plan: QueryPlan) -> bool:
    """Whether pages are right before the extract is complete: all its rows, in its own order."""
    query = plan.query
    plain = not query.orderby and query.apply is None and not query.count and not plan.derived
    return plain and plan.residual is None


async def rows_ready(snapshot: Snapshot, at: Position, wanted: int) -> int:
    """How many rows the page gets: of an extract that has just begun, the first come at once."""
    if snapshot.is_complete:
        return wanted
    least = 2 if at.offset == 0 else wanted + 1  # one more tells that the page is not the last
    ready = await snapshot.reach(at.offset + least)
    return wanted if snapshot.is_complete else min(wanted, ready - at.offset - 1)


def query_identity(request: ODataRequest) -> str:
    """The query that a token belongs to: its options, without the token.

    Custom options mean nothing here, and proxies append theirs to links too.
    """
    custom = set(request.options.custom)
    options = [
        (n, v) for n, v in request.pairs if n.lower() != "$skiptoken" and (n, v) not in custom
    ]
    return repr((request.path, options))


def tie_at_the_end(page: Page, request: PageRequest) -> bool:
    """Whether the page's last two rows, of which one is beyond the window, are alike in order."""
    if page.rows.num_rows < request.limit:
        return False
    last = page.rows.column(request.order_by).slice(request.limit - 2, 2).to_pylist()
    return bool(last[0] == last[1])
