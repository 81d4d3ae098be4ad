"""Filters that discovery does not try, proved on rows by the reader of the feed.

Each request selects some of the newest rows by the range of the order column too, so that the rows
that must come are known: they are on a page that was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.analytics.extract.ranges import from_micros, to_micros
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import (
    Column,
    Contract,
    CustomFieldFilter,
    RangeFilter,
)
from gateway.discovery.compare.reading import Reads
from gateway.discovery.findings import Edit, Finding, differs, holds
from gateway.errors import GatewayError, UpstreamRejectedToken, UpstreamUnavailable
from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm, PushedValues

_NO_SUCH_VALUE = "zz-no-such-value"
_FEWEST_ROWS = 8


@dataclass(frozen=True, slots=True)
class _Scene:
    """Rows that a pushdown selects, whole: key and value of one column each."""

    terms: tuple[PushedTerm, ...]
    page: Page
    size: int

    def cells(self, name: str) -> list[Any]:
        """Return the values of a column."""
        found: list[Any] = self.page.rows.column(name).slice(0, self.size).to_pylist()
        return found


async def prove_filters(client: Reads, contract: Contract) -> dict[str, Finding]:
    """Return the findings on custom fields and on ranges of other columns, by filter.

    Raises:
        UpstreamRejectedToken, UpstreamUnavailable: they do not concern the contract.
    """
    columns = [c for c in contract.columns if _is_asked(c, contract)]
    found: dict[str, Finding] = {}
    for column in columns:
        name = _filter_name(column)
        if name not in found:
            scene = await _scene(client, contract)
            if scene is None:
                return found
            finding = await _prove(client, contract, column, scene)
            if finding is not None:
                found[name] = finding
    return found


def _is_asked(column: Column, contract: Contract) -> bool:
    if isinstance(column.filter, RangeFilter):
        return column.name != contract.order_column
    return isinstance(column.filter, CustomFieldFilter)


def _filter_name(column: Column) -> str:
    return column.filter.name if isinstance(column.filter, RangeFilter) else "custom_fields"


async def _scene(client: Reads, contract: Contract) -> _Scene | None:
    """Return the newer half of a page, which a range selects; or a page that has all rows."""
    order, limit = contract.order_column, contract.request.page_limit
    page = await client.fetch(PageRequest(Pushdown(), 0, limit, order))
    size = page.rows.num_rows
    if page.stated == size >= _FEWEST_ROWS:
        return _Scene((), page, size)
    filter_ = contract.column(order).filter if order else None
    if not isinstance(filter_, RangeFilter) or size < _FEWEST_ROWS:
        return None
    at: list[int] = page.rows.column(order).cast("int64").to_pylist()
    step = filter_.resolution_milliseconds * 1000
    start = at[size // 2] // step * step
    inside = sum(value >= start if filter_.from_inclusive else value > start for value in at)
    if inside == size:
        return None
    return _Scene((PushedRange(order, from_micros(start), None),), page, inside)


async def _prove(
    client: Reads, contract: Contract, column: Column, scene: _Scene
) -> Finding | None:
    """Return what rows prove of a column's filter; None if they prove nothing."""
    asked = _term(column, scene)
    if asked is None:
        return None
    term, needed, allowed = asked
    keys = scene.cells(contract.key)
    reply = await _keys(client, contract, (*scene.terms, term))
    if isinstance(reply, str):
        return _wrong(column, f"is refused: {reply}")
    missing = {keys[n] for n in needed} - set(reply)
    beyond = set(reply) - {keys[n] for n in allowed}
    if missing:
        return _wrong(column, f"loses {len(missing)} of {len(needed)} rows")
    if len(reply) >= len(keys) and beyond:
        return _wrong(column, "is ignored")
    assert column.filter is not None  # noqa: S101 - `_is_asked`
    if beyond and column.filter.exact:
        subject = f"[filters.{_filter_name(column)}]"
        edits = (Edit(subject[1:-1], "exact", False),)
        return differs(subject, f"{len(beyond)} rows too many came: exact = false", edits)
    if isinstance(term, PushedValues):
        none = await _keys(
            client, contract, (*scene.terms, PushedValues(column.name, (_NO_SUCH_VALUE,)))
        )
        if none and not isinstance(none, str):
            return _wrong(column, "finds rows for an impossible value")
    subject = f"[filters.{_filter_name(column)}]"
    return holds(subject, f"{len(reply)} rows of {len(keys)} by {column.name}, as they should be")


def _term(column: Column, scene: _Scene) -> tuple[PushedTerm, Sequence[int], Sequence[int]] | None:
    """Return the values to request, the rows that must come, and those that may."""
    cells = scene.cells(column.name)
    known = sorted({cell for cell in cells if cell is not None}, key=str)
    if isinstance(column.filter, RangeFilter):
        if len(known) < 4:
            return None
        lower, upper = known[len(known) // 4], known[-1 - len(known) // 4]
        return _range(column, column.filter, cells, lower, upper)
    counts = Counter(cell for cell in cells if isinstance(cell, str) and column.can_encode(cell))
    rare = [
        v for v, n in sorted(counts.items(), key=lambda item: (item[1], item[0])) if n < len(cells)
    ]
    if not rare:
        return None
    wanted = tuple(sorted(rare[:2]))
    rows = [n for n, cell in enumerate(cells) if cell in wanted]
    return PushedValues(column.name, wanted), rows, rows


def _range(
    column: Column, filter_: RangeFilter, cells: Sequence[Any], lower: Any, upper: Any
) -> tuple[PushedTerm, Sequence[int], Sequence[int]] | None:
    """Cut at two instants that rows have; both ends show whether they are included."""
    step = timedelta(milliseconds=filter_.resolution_milliseconds)
    micros = timedelta(microseconds=1)
    grid = step // micros
    ends = [from_micros(to_micros(_aware(end)) // grid * grid) for end in (lower, upper)]
    inside, around = [], []
    for number, cell in enumerate(cells):
        if cell is None:
            continue
        at = _aware(cell)
        above = at >= ends[0] if filter_.from_inclusive else at > ends[0]
        below = at <= ends[1] if filter_.to_inclusive else at < ends[1]
        if above and below:
            inside.append(number)
        if ends[0] - step <= at <= ends[1] + step and ((above and below) or step > micros * 1000):
            around.append(number)
    if not inside or len(inside) == len(cells):
        return None
    return PushedRange(column.name, ends[0], ends[1]), inside, around


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


async def _keys(
    client: Reads, contract: Contract, terms: tuple[PushedTerm, ...]
) -> list[str] | str:
    """Return the keys of the rows that come, or why none do."""
    limit = contract.request.page_limit
    request = PageRequest(Pushdown(terms), 0, limit, contract.order_column)
    try:
        page = await client.fetch(request)
    except (UpstreamRejectedToken, UpstreamUnavailable):
        raise
    except GatewayError as error:
        return error.message
    found: list[str] = page.rows.column(contract.key).to_pylist()
    return found


def _wrong(column: Column, why: str) -> Finding:
    """Return the finding on a filter that has to be left out."""
    return differs(f"[filters.{_filter_name(column)}]", f"{why}; leave it out")
