"""Rules of pages and windows; they depend on the plan, the snapshot and the page only."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.planner.plan import QueryPlan
from gateway.query.preferences import Preferences
from gateway.query.request import ODataRequest
from gateway.snapshots.cache import Snapshot
from gateway.writer.skiptoken import Position


@dataclass(frozen=True, slots=True)
class PageSizes:
    """Rows in a page: the default, and the most that a client may request.

    `early` is True if the first pages may be sent while their extract still runs.
    """

    default: int
    maximum: int
    early: bool = True

    def size(self, preferences: Preferences) -> int:
        """Return the number of rows in a page: what the client prefers, within the maximum."""
        return min(preferences.max_page_size or self.default, self.maximum)


def may_be_early(plan: QueryPlan) -> bool:
    """Return True if pages are correct before the extract is complete: all rows in its order."""
    query = plan.query
    plain = not query.orderby and query.apply is None and not query.count and not plan.derived
    return plain and plan.residual is None


async def rows_ready(snapshot: Snapshot, at: Position, wanted: int) -> int:
    """Return the number of rows of the page; the first page of a draft does not wait for more."""
    if snapshot.is_complete:
        return wanted
    least = 2 if at.offset == 0 else wanted + 1  # one more: the page is not the last
    ready = await snapshot.reach(at.offset + least)
    return wanted if snapshot.is_complete else min(wanted, ready - at.offset - 1)


def query_identity(request: ODataRequest) -> str:
    """Return an identity of the query of a token: its path and options, without the token.

    Custom options are ignored: they have no meaning, and proxies append theirs to links.
    """
    custom = set(request.options.custom)
    options = [
        (n, v) for n, v in request.pairs if n.lower() != "$skiptoken" and (n, v) not in custom
    ]
    return repr((request.path, options))


def tie_at_the_end(page: Page, request: PageRequest) -> bool:
    """Return True if the window's last row ties with the row after it in the order column."""
    if page.rows.num_rows < request.limit:
        return False
    last = page.rows.column(request.order_by).slice(request.limit - 2, 2).to_pylist()
    return bool(last[0] == last[1])
