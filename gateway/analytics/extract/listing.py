"""One reading of a list, page by page to its end, by row numbers, page numbers or cursors.

The end is accepted only if two facts agree. A page that says it is the last one (`stop` of [pages])
is followed by a request beyond it, unless a full page has proved the limit and a total or has-more
agrees. Rows beyond the end are read. An empty page is the end under every rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.analytics.extract.fetching import FetchPage, too_deep
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract, Paging, Stop
from gateway.errors import UpstreamBrokeContract, UpstreamRejectedRequest
from gateway.planner.pushdown import Pushdown

_REPEATED_ROWS = 20
"""The number of rows without a new key that shows a repeated page, not moved rows."""
_EMPTY_PAGES = 100
"""The limit of consecutive empty pages with more to come: rows may be filtered after paging."""
_RESTARTS = 3


class Listing:
    """A reading in progress; `read` can be called again after a failure, and goes on.

    `take` receives each page with rows. `cut_off` is True if the list ended with a full first page
    without a cursor, which may mean that the cursor is elsewhere. `repeated` counts rows that
    occurred again on a later page.
    """

    def __init__(
        self,
        fetch: FetchPage,
        contract: Contract,
        pushdown: Pushdown,
        limit: int,
        take: Callable[[Page], None],
    ) -> None:
        self._fetch = fetch
        self._contract = contract
        self._pages = contract.pages
        self._pushdown = pushdown
        self._limit = limit
        self._take = take
        self._restarts = 0
        self.cut_off = False
        self._start()

    def _start(self) -> None:
        self.ended = False
        self.repeated = 0
        self._cursor: str | int | None = None
        self._number = self._skip = self._largest = 0
        self._seen: set[str] = set()
        self._signalled = False
        self._stated: int | None = None
        self._stale = self._stale_rows = self._empty = 0

    async def read(self) -> None:
        """Read to the end.

        Raises:
            UpstreamBrokeContract: pages repeat, or lie deeper than the upstream allows.
            UpstreamRejectedRequest: a page was refused before the end.
        """
        while not self.ended:
            request = self._request()
            if request is None:
                self.ended = True
                return
            try:
                if self._signalled and not await self._is_more(request):
                    self.ended = True
                    return
                page = await self._fetch(request)
            except UpstreamRejectedRequest as error:
                self._refused(error)
            else:
                self._note(page)

    async def _is_more(self, request: PageRequest) -> bool:
        """Look beyond the signalled end; a page there may be empty, or the last one again."""
        page = await self._fetch(replace(request, for_total=True))
        keys: set[str] = set(page.rows.column(self._contract.key).to_pylist())
        return not keys <= self._seen

    def _request(self) -> PageRequest | None:
        """Return the next request; None if the end was signalled and nothing deeper is allowed."""
        skip, limit, deepest = self._skip, self._limit, self._pages.deepest
        if self._pages.kind is Paging.PAGE_NUMBER:
            skip = self._number * limit
        elif self._pages.kind is Paging.OFFSET and deepest is not None:
            limit = min(limit, deepest - skip)
        if deepest is not None and (limit < 1 or skip + limit > deepest):
            if self._signalled and not self._may_be_capped(deepest):
                return None
            raise too_deep(deepest)
        column = self._contract.order_column
        can_order = bool(column) and self._contract.column(column).order is not None
        order = column if can_order else ""
        return PageRequest(self._pushdown, skip, limit, order, cursor=self._cursor)

    def _may_be_capped(self, deepest: int) -> bool:
        """Return True if the total that signalled the end may stop at the deepest row as well."""
        is_total = self._pages.stop is Stop.TOTAL
        return is_total and (self._stated is None or self._stated >= deepest)

    def _refused(self, error: UpstreamRejectedRequest) -> None:
        """End or restart after a refused page.

        A page beyond the signalled end may be refused. A cursor may have expired.
        """
        if self._signalled:
            self.ended = True
        elif self._cursor is not None and self._restarts < _RESTARTS:
            self._restarts += 1
            self._start()
        elif self._skip and not error.wants_smaller_page:
            raise UpstreamRejectedRequest(
                f"{error.message} (after {self._skip} rows of a list; if it refuses pages deeper"
                " than that, set `deepest` of [pages] in the contract file)",
                details=error.details,
            ) from error
        else:
            raise error

    def _note(self, page: Page) -> None:
        """Take a page, and decide whether it is the last one."""
        rows, before = page.rows.num_rows, len(self._seen)
        self._seen.update(page.rows.column(self._contract.key).to_pylist())
        self.repeated += before + rows - len(self._seen)
        self._count_stale(rows, len(self._seen) > before)
        if rows:
            self._take(page)
        if 0 < rows < self._largest and len(self._seen) == before:
            self.ended = True
            return
        self._largest = max(self._largest, rows)
        self._skip += rows or self._limit
        self._number += 1
        self._cursor, self._stated = page.cursor, page.stated
        self._signalled = self._says_last(page)
        self.ended = self._is_end(page, rows)

    def _says_last(self, page: Page) -> bool:
        rows: int = page.rows.num_rows
        match self._pages.stop:
            case Stop.TOTAL:
                return page.stated is not None and bool(self._skip >= page.stated)
            case Stop.HAS_MORE:
                return page.has_more is False
            case Stop.SHORT_PAGE:
                return bool(rows < self._limit)
            case Stop.EMPTY_PAGE:
                return not rows

    def _is_end(self, page: Page, rows: int) -> bool:
        self._empty = 0 if rows else self._empty + 1
        if self._empty > _EMPTY_PAGES:
            raise _endless()
        if self._pages.kind is Paging.CURSOR:
            return self._is_end_of_cursors(page, rows)
        if not rows:
            return page.has_more is not True
        is_proved = rows < self._limit == self._largest
        counts = self._pages.stop in (Stop.TOTAL, Stop.HAS_MORE)
        return self._signalled and is_proved and counts

    def _is_end_of_cursors(self, page: Page, rows: int) -> bool:
        """Return True if no cursor leads on, or an empty page ends lists whose cursors never do."""
        if page.cursor is not None and page.has_more is not False:
            return not rows and page.has_more is None and self._pages.stop is not Stop.TOTAL
        is_known = page.has_more is False or page.stated == self._skip or self._number > 1
        self.cut_off = rows >= self._limit and not is_known
        return True

    def _count_stale(self, rows: int, has_new: bool) -> None:
        """Detect pages that repeat endlessly.

        Raises:
            UpstreamBrokeContract: consecutive pages had no new key.
        """
        if has_new or not rows:
            self._stale = self._stale_rows = 0
            return
        self._stale += 1
        self._stale_rows += rows
        if self._stale > 1 and self._stale_rows >= _REPEATED_ROWS:
            raise self._repeats()

    def _repeats(self) -> UpstreamBrokeContract:
        name = {
            Paging.OFFSET: "${skip}",
            Paging.PAGE_NUMBER: "${page}",
            Paging.CURSOR: "${cursor}",
        }[self._pages.kind]
        return UpstreamBrokeContract(
            f"the Analytics API repeats rows: after {len(self._seen)} distinct rows, {self._stale}"
            f" pages had no new one. It ignores {name} of [request.body], or sends its last page"
            " repeatedly; correct that placeholder, or `kind` and `first` of [pages], in the"
            " contract file"
        )


def _endless() -> UpstreamBrokeContract:
    return UpstreamBrokeContract(
        f"the Analytics API sent {_EMPTY_PAGES} empty pages in a row and says that more follow;"
        " correct `has_more` or `cursor` of [response], or `stop` of [pages], in the contract file"
    )
