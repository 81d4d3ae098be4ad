"""The fetch of pages for extracts, and the errors that several strategies share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract
from gateway.errors import UpstreamBrokeContract, UpstreamKeepsChanging

FetchPage = Callable[[PageRequest], Awaitable[Page]]


def keeps_changing() -> UpstreamKeepsChanging:
    """Return the error for data that could not be read consistently."""
    return UpstreamKeepsChanging(
        "the Analytics API's data changed so much while it was read that no consistent snapshot"
        " could be loaded; try again when it changes less",
        retry_after_seconds=30,
    )


def too_deep(deepest: int) -> UpstreamBrokeContract:
    """Return the error for rows behind the depth limit that no range can reach."""
    return UpstreamBrokeContract(
        f"the list has, or may have, more rows than the {deepest} that `deepest` of [pages] in the"
        " contract file allows; to read past it, it needs `order_by` of [extract] with a column"
        " that has `order`, an exact filter of kind range, and nullable = false, and fewer rows"
        " than that with one value of it"
    )


def timeless(page: Page, contract: Contract, skip: int) -> UpstreamBrokeContract:
    """Return the error for a page with a row that no range contains."""
    name = contract.order_column
    number = page.rows.column(name).to_pylist().index(None)
    key = page.rows.column(contract.key)[number].as_py()
    return UpstreamBrokeContract(
        f"the Analytics API sent a row without {name}, by which extracts are read (row"
        f" {skip + number + 1}); have it corrected, set nullable = true for the column {name} in"
        " the contract file, so that extracts do not need it, or name another column as order_by"
        " of [extract]",
        details=(f"the row's {contract.key} is {key!r}",),
    )
