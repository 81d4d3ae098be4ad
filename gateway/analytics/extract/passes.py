"""An extract without a usable order, range or total: read the list until two readings agree.

Guarantees while rows change during the read:

1. A row that was there throughout is in the extract. Pages may shift, and a reading may then miss
   rows, so readings are repeated, with another limit, until two are equal. If rows change in
   between, three readings have to agree: no row is in the first and third but not in the second.
2. Each row is in one of the versions that it had during the read; the version read last counts.
   The rows are not a consistent state: the extract covers the time from first to last page.
3. An extract of all rows may have rows that were deleted during the read. A selection has the rows
   of the last reading only.
4. If responses state a total, the number of distinct keys lies between the smallest and the largest
   total of the reading. A list in another order on each call needs one: a reading then
   goes over the list until it has as many keys as a constant total states.

A reading by ranges of the order column misses no row by itself; a second one, in the opposite
direction, confirms the number of rows. The total stated during such a reading may be capped: fewer
rows are refused, more are not.

A refresh cannot start from such an extract, so each refresh reads everything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio.to_thread
import pyarrow as pa

from gateway.analytics.extract.fetching import FetchPage, keeps_changing
from gateway.analytics.extract.listing import Listing
from gateway.analytics.extract.outside import without_outside
from gateway.analytics.extract.strategy import states_rows
from gateway.analytics.extract.streamed import Sink, newest_first
from gateway.analytics.extract.walk import RangeWalk
from gateway.analytics.read.page import Page, arrow_schema
from gateway.contract.model import Contract
from gateway.errors import GatewayError, UpstreamBrokeContract, UpstreamKeepsChanging
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown

_READINGS = 6
_MOST_SWEEPS = 24
"""The most times that a reading goes over a reshuffled list; each finds two thirds of the rest."""


@dataclass(frozen=True, slots=True)
class PassTools:
    """The tools that readings share.

    `shrink` returns the contract with a smaller limit if an error asks for one, else None. With
    `by_ranges`, readings walk by ranges of the order column.
    """

    fetch: FetchPage
    clock: Clock
    shrink: Callable[[GatewayError, Pushdown], Awaitable[Contract | None]]
    by_ranges: bool = False


@dataclass(slots=True)
class Reading:
    """The keys of one reading with a digest of each row, and the totals that its pages stated."""

    rows: dict[str, int] = field(default_factory=dict)
    low: int | None = None
    high: int | None = None
    responses: int = 0
    cut_off: bool = False
    total_may_be_capped: bool = False

    def note(self, total: int | None, rows: dict[str, int]) -> None:
        """Add the rows of one page; a later version replaces an earlier one."""
        self.rows.update(rows)
        self.responses += 1
        if total is not None:
            self.low = total if self.low is None else min(self.low, total)
            self.high = total if self.high is None else max(self.high, total)

    @property
    def lacks(self) -> int:
        """The number of rows that a constant total counts and the reading lacks."""
        if self.low is None or self.low != self.high or self.total_may_be_capped:
            return 0
        return max(0, self.low - len(self.rows))

    @property
    def fits_total(self) -> bool:
        """True if the number of rows is one that the totals allow."""
        if self.low is None or self.high is None:
            return True
        return self.low <= len(self.rows) and (
            self.total_may_be_capped or len(self.rows) <= self.high
        )

    def has_all_of(self, before: Reading) -> bool:
        """Return True if no row of an earlier reading is missing."""
        return before.rows.keys() <= self.rows.keys()


class Passes:
    """One extract by repeated readings; after a failure, `read` resumes where it stopped.

    Rows of an extract of everything reach the sink as they are read. It counts as not gradual,
    because clients could not rely on the order of its rows.
    """

    is_gradual = False

    def __init__(
        self, tools: PassTools, contract: Contract, pushdown: Pushdown, sink: Sink
    ) -> None:
        self._with = tools
        self._contract = contract
        self._pushdown = pushdown
        self._rows = _Everything(contract, sink) if not pushdown.terms else _Last(contract, sink)
        self._limits = _limits(contract.request.page_limit)
        self._done: list[Reading] = []  # the last three
        self._number = 0
        self._reading = Reading(total_may_be_capped=tools.by_ranges)
        self._listing: Listing | RangeWalk | None = None
        self.total: int | None = None

    async def read(self) -> None:
        """Pass every row to the sink once.

        Raises:
            UpstreamKeepsChanging: no two readings agreed.
            UpstreamBrokeContract: the total is not the number of rows, or pages repeat.
        """
        for _ in range(_READINGS):
            await self._read_once()
            if self._is_consistent():
                await self._rows.finish(self._pushdown)
                return
            self._check_total()
            self._check_cut_off()
            self._rows.start_again()
        raise self._never_agreed()

    async def _read_once(self) -> None:
        """Read the list once, or a reshuffled one until its total is reached."""
        reading, known = self._reading, -1
        for _ in range(_MOST_SWEEPS):
            listing = await self._list()
            reading.cut_off = reading.cut_off or listing.cut_off
            self._listing = None
            if not reading.lacks or len(reading.rows) == known:
                break
            known = len(reading.rows)
        self._done = [*self._done[-2:], reading]
        self._number += 1
        self._reading = Reading(total_may_be_capped=self._with.by_ranges)

    async def _list(self) -> Listing | RangeWalk:
        """Read to the end; start over with smaller pages while the upstream refuses larger ones."""
        while True:
            listing = self._listing = self._listing or self._begin()
            try:
                await listing.read()
            except GatewayError as error:
                smaller = await self._with.shrink(error, self._pushdown)
                if smaller is None:
                    raise
                self._contract, self._listing = smaller, None
                self._limits = _limits(smaller.request.page_limit)
            else:
                return listing

    def _begin(self) -> Listing | RangeWalk:
        limit = self._limits[self._number % len(self._limits)]
        if self._done and self._done[-1].responses == 1 and len(self._done[-1].rows) > 1:
            # A list shorter than a page proves no limit, and a smaller one makes a full page.
            limit = min(limit, len(self._done[-1].rows) - 1)
        course = (self._with.fetch, self._contract, self._pushdown, limit, self._take)
        if not self._with.by_ranges:
            return Listing(*course)
        can_turn = "order.direction" in self._contract.request.body.names
        return RangeWalk(*course, self._with.clock, descending=not (can_turn and self._number % 2))

    def _take(self, page: Page) -> None:
        total = page.stated if states_rows(self._contract) else None
        self.total = total if self.total is None else self.total
        digests = _digests(page.rows, self._contract.key)
        self._reading.note(total, digests)
        self._rows.take(page.rows, digests)

    def _is_consistent(self) -> bool:
        *before, last = self._done
        if not last.fits_total or last.cut_off:
            return False
        if last.responses <= 1 and last.low == len(last.rows):
            return True  # one response, which has as many rows as it states
        if not before:
            return False
        if last.rows == before[-1].rows:
            return True
        if len(before) < 2 and self._with.by_ranges:
            return last.has_all_of(before[-1])
        return len(before) > 1 and self._agree(before[-2], before[-1], last)

    def _agree(self, first: Reading, second: Reading, third: Reading) -> bool:
        """Return True if no reading missed a row, although rows changed between them.

        A row that only the second one lacks was missed there; if there is none, then rows that a
        later one lacks were deleted. A selection has the rows of the third alone, so it lacks none.
        """
        missed = (first.rows.keys() & third.rows.keys()) - second.rows.keys()
        if self._pushdown.terms:
            return third.has_all_of(second) and second.has_all_of(first)
        return not missed

    def _check_total(self) -> None:
        """Refuse a total that two readings of the same rows contradict."""
        if len(self._done) < 2:
            return
        before, last = self._done[-2:]
        if last.fits_total or last.low != last.high or before.low != last.low:
            return
        if last.rows.keys() == before.rows.keys():
            raise UpstreamBrokeContract(
                f"the Analytics API reports {last.low} rows, but its pages have {len(last.rows)}"
                " distinct ones, twice in a row; correct or remove `total` of [response], or"
                " correct `key` of [service], in the contract file"
            )

    def _check_cut_off(self) -> None:
        """Refuse a list whose first full page is its last one with every limit."""
        if len(self._done) < 2:
            return
        before, last = self._done[-2:]
        if before.cut_off and last.cut_off and len(before.rows) != len(last.rows):
            raise UpstreamBrokeContract(
                f"the Analytics API sends no cursor behind a full page of {len(last.rows)} rows,"
                " although more rows follow; correct `cursor` of [response] in the contract file"
            )

    def _never_agreed(self) -> UpstreamKeepsChanging:
        *_, before, last = self._done
        missing = len(before.rows.keys() - last.rows.keys())
        return UpstreamKeepsChanging(
            f"the Analytics API's list was read {self._number} times, and no two readings agreed"
            f" (the last one lacks {missing} rows of the one before): rows change too fast, or each"
            " call sorts them in another way. Try again when they change less; if that does not"
            " help, give `order_by` of [extract], or `total` of [response], in the contract file",
            retry_after_seconds=keeps_changing().retry_after_seconds,
        )


class _Everything:
    """A buffer of all rows before the sink; changed ones are replaced at the end."""

    def __init__(self, contract: Contract, sink: Sink) -> None:
        self._key = contract.key
        self._sink = sink
        self._passed_on: dict[str, int] = {}
        self._newer: list[pa.Table] = []

    def take(self, rows: pa.Table, digests: dict[str, int]) -> None:
        """Pass on new rows, and remember changed ones."""
        keys = rows.column(self._key).to_pylist()
        fresh = [key not in self._passed_on for key in keys]
        other = [self._passed_on.get(key, digests[key]) != digests[key] for key in keys]
        self._passed_on.update(digests)
        if any(fresh):
            self._sink.append(rows.filter(pa.array(fresh, pa.bool_())))
        if any(other):
            self._newer.append(rows.filter(pa.array(other, pa.bool_())))

    def start_again(self) -> None:
        """Begin the next reading."""

    async def finish(self, _pushdown: Pushdown) -> None:
        """Replace rows by their last versions."""
        if self._newer:
            self._sink.replace(_last_of_each(self._newer, self._key))


class _Last:
    """The rows of the last reading of a selection, which rows can leave when they change."""

    def __init__(self, contract: Contract, sink: Sink) -> None:
        self._contract = contract
        self._sink = sink
        self._parts: list[pa.Table] = []

    def take(self, rows: pa.Table, _digests: dict[str, int]) -> None:
        """Add the rows of a page."""
        self._parts.append(rows)

    def start_again(self) -> None:
        """Forget the rows: the next reading has those that still belong to the selection."""
        self._parts.clear()

    async def finish(self, pushdown: Pushdown) -> None:
        """Pass the rows to the sink in the feed's own order."""
        contract = self._contract
        parts = [arrow_schema(contract).empty_table(), *self._parts]
        rows = without_outside(_last_of_each(parts, contract.key), pushdown)
        if rows.num_rows and contract.order_column:
            order, key = contract.order_column, contract.key
            rows = await anyio.to_thread.run_sync(newest_first, rows, order, key)
        if rows.num_rows:
            self._sink.append(rows)


def _limits(largest: int) -> tuple[int, ...]:
    """Return the limits of successive readings: their pages share few borders."""
    return largest, max(1, largest - max(1, largest // 8))


def _digests(rows: pa.Table, key: str) -> dict[str, int]:
    """Return a digest of each row by key; within a process, equal rows have equal digests."""
    values = zip(*(column.to_pylist() for column in rows.columns), strict=True)
    return dict(zip(rows.column(key).to_pylist(), map(hash, map(repr, values)), strict=True))


def _last_of_each(parts: Sequence[pa.Table], key: str) -> pa.Table:
    """Return the last version of each row."""
    whole = pa.concat_tables(parts)
    last = {name: place for place, name in enumerate(whole.column(key).to_pylist())}
    return whole if len(last) == whole.num_rows else whole.take(pa.array(last.values(), pa.int64()))
