"""Checks that a page fits its request.

Much of the contract is assumed. The upstream is likely to ignore a member with a wrong name. The
response then looks right and is wrong: all rows instead of some, twenty instead of a thousand,
unsorted instead of sorted. These checks find what the page itself can show.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract, RangeFilter
from gateway.errors import UpstreamBrokeContract
from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm

_MIN_ROWS = 20
"""The minimum of rows; fewer may lack a member by chance."""


def check_length(request: PageRequest, page: Page) -> None:
    """Compare the number of rows with the request and with the total.

    Data may change between an upstream's separate count and read: then retry. If only the total is
    requested, rows do not matter.

    Raises:
        UpstreamBrokeContract: names the tables of the contract file to correct.
    """
    if request.for_total or request.cursor is not None:
        return  # behind a cursor, no number says where in the list the page is
    found = page.rows.num_rows
    most = page.stated if page.stated is not None else request.skip + min(request.limit, found)
    expected = max(0, min(request.limit, most - request.skip))
    if found == expected:
        return
    whole = "an unknown number" if page.stated is None else page.stated
    window = f"{request.limit} rows after the first {request.skip} of {whole}"
    if found < expected:
        remedy = "lower `largest` of [pages] to the most it gives, or correct"
    else:
        remedy = "correct ${limit} and ${skip} in [request.body], or"
    raise UpstreamBrokeContract(
        f"the gateway requested {window} from the Analytics API and got {found}; {remedy}"
        " `total` of [response] in the contract file"
    )


def check_rows(request: PageRequest, page: Page, contract: Contract) -> None:
    """Check keys, order and exact filters, unless only the total is requested.

    Raises:
        UpstreamBrokeContract: names the table of the contract file to correct.
    """
    _check_missing(request, page, contract)
    if request.for_total:
        return
    key = contract.key
    repeated = _first_repeated(page.rows.column(key))
    if repeated is not None:
        path = ".".join(contract.column(key).path)
        raise UpstreamBrokeContract(
            f"the Analytics API sent two rows with the same {key} ({path}) in one page, rows"
            f" {repeated[0] + 1} and {repeated[1] + 1} of it; correct `key` of [service], or `path`"
            f" of the column {key}, in the contract file"
        )
    if request.order_by and not _is_sorted(
        page.rows.column(request.order_by), descending=request.descending
    ):
        direction = "descending" if request.descending else "ascending"
        raise UpstreamBrokeContract(
            f"the Analytics API did not sort by {request.order_by} {direction}; correct"
            " [order], and ${order.field} in [request.body], in the contract file"
        )
    check_filters(request.pushdown, page, contract)


def _first_repeated(keys: pa.ChunkedArray) -> tuple[int, int] | None:
    """Return the first two rows with one key, counted from 0; None if each has its own.

    A message must not show the key itself: the wrong column may name a person.
    """
    if pc.count_distinct(keys).as_py() == len(keys):
        return None
    first: dict[object, int] = {}
    for row, key in enumerate(keys.to_pylist()):
        if key in first:
            return first[key], row
        first[key] = row
    return None


def check_filters(pushdown: Pushdown, page: Page, contract: Contract) -> None:
    """Look at the values of columns that were filtered exactly.

    Raises:
        UpstreamBrokeContract: a row does not match.
    """
    for term in pushdown.terms:
        _check_term(term, page, contract)


def _check_missing(request: PageRequest, page: Page, contract: Contract) -> None:
    """Refuse the first page of all rows if no row has a member: it was probably renamed."""
    of_all = request.limit == contract.request.page_limit and not request.pushdown.terms
    if page.missing and of_all and not request.skip and page.rows.num_rows >= _MIN_ROWS:
        column = contract.column(page.missing[0])
        raise UpstreamBrokeContract(
            f"no row of the Analytics API's first page has {'.'.join(column.path)}; correct `path`"
            f" of the column {column.name} in the contract file, or set optional = true there"
        )


def _is_sorted(values: pa.ChunkedArray, *, descending: bool) -> bool:
    """Return True if sorted, or not comparable: the upstream's collation of texts is unknown."""
    known = values.drop_null().combine_chunks()
    if len(known) < 2 or not _is_ordinal(known.type):
        return True
    before, after = known.slice(0, len(known) - 1), known.slice(1)
    compare = pc.greater_equal if descending else pc.less_equal
    return bool(pc.all(compare(before, after)).as_py())


def _is_ordinal(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_timestamp(kind) or types.is_integer(kind) or types.is_floating(kind))


def _check_term(term: PushedTerm, page: Page, contract: Contract) -> None:
    column = contract.column(term.column)
    if column.filter is None or not column.filter.exact:
        return
    values = page.rows.column(term.column)
    outside = page.outside_in(term.column)
    if isinstance(term, PushedRange):
        if outside:  # an instant beyond our years may well be in the range
            values = values.filter(_all_but(outside, len(values)))
        fits = isinstance(column.filter, RangeFilter) and _within(term, column.filter, values)
    else:
        fits = _among(term.values, values)
    if not fits:
        raise UpstreamBrokeContract(
            f"the gateway requested some values of {term.column} and the Analytics API sent a row"
            " with another; correct its placeholder in [request.body] of the contract file, or set"
            " exact = false"
        )


def _all_but(rows: tuple[int, ...], count: int) -> pa.Array:
    """Return a mask of `count` rows that excludes some."""
    excluded = frozenset(rows)
    return pa.array((row not in excluded for row in range(count)), pa.bool_())


def _within(term: PushedRange, filter_: RangeFilter, values: pa.ChunkedArray) -> bool:
    """Return True if all values are in a range, with a grid step of tolerance at each end."""
    ends = pc.min_max(values)
    low, high = ends["min"], ends["max"]
    if low.as_py() is None:
        return not values.null_count
    step = filter_.resolution_milliseconds * 1000
    micros = pa.timestamp("us")
    lower = term.lower and pa.scalar(term.lower.replace(tzinfo=None), micros).value - step
    upper = term.upper and pa.scalar(term.upper.replace(tzinfo=None), micros).value + step
    reaches = (lower is None or low.value >= lower) and (upper is None or high.value <= upper)
    return bool(reaches and values.null_count == 0)


def _among(wanted: tuple[str, ...], values: pa.ChunkedArray) -> bool:
    """Return True if each row has a wanted value; of a collection one element is enough."""
    found = pa.array(wanted, type=pa.string())
    if not pa.types.is_list(values.type):
        return bool(pc.all(pc.is_in(values, value_set=found), min_count=0).as_py())
    rows = pc.list_parent_indices(values).filter(pc.is_in(pc.list_flatten(values), value_set=found))
    return int(pc.count_distinct(rows).as_py()) == len(values)
