"""A reading of some pages with the contract file that discovery has written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from gateway.analytics.extract.totals import Totals
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract, Paging
from gateway.discovery.learned import Learned
from gateway.errors import GatewayError
from gateway.planner.pushdown import Pushdown


class Reads(Protocol):
    """A client of the Analytics API."""

    async def fetch(self, request: PageRequest) -> Page:
        """Return a page.

        Raises:
            GatewayError: the page cannot be read.
        """


async def verify(client: Reads, contract: Contract, learned: Learned) -> tuple[str, ...]:
    """Return what does not fit: messages of the pages that cannot be read as the feed reads them."""
    problems = []
    for request in _requests(contract, learned):
        try:
            page = await client.fetch(request)
            if contract.has_total and contract.order_column and not request.skip:
                await Totals(client.fetch, contract).confirm(Pushdown(), page)
        except GatewayError as error:
            problems.append(error.message)
    return tuple(dict.fromkeys(problems))


def _requests(contract: Contract, learned: Learned) -> Iterator[PageRequest]:
    """Yield the first page, the last one, and the oldest rows."""
    limit, order = contract.request.page_limit, contract.order_column
    yield PageRequest(Pushdown(), 0, limit, order)
    total = learned.total
    if contract.pages.kind is Paging.CURSOR:
        return
    if total is not None and total.number > limit:
        last = (total.number - 1) // limit * limit
        if contract.pages.deepest is None or last + limit <= contract.pages.deepest:
            yield PageRequest(Pushdown(), last, limit, order)
    if order:
        yield PageRequest(Pushdown(), 0, limit, order, descending=False)
