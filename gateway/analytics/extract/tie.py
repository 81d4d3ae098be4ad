"""A tie: more rows of one instant than fit a page, so that no range can split them.

If the upstream keeps their order from call to call, one sweep by skip reads them. If it reshuffles
them, a sweep misses a third. Then exact filters by value split the tie into slices that fit a page:
one response has all rows of such a slice. Values come from the rows seen so far, so a slice is
closed only when it has as many distinct rows as the upstream counts, and the tie when its total is
the same as before: rows only leave a tie. Rows that no filter can split are read repeatedly; each
reading finds two thirds of the missing rows, and the number of calls is bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, cycle
from math import ceil, log
from statistics import NormalDist, fmean, pvariance

import pyarrow as pa

from gateway.analytics.extract.fetching import FetchPage, keeps_changing, too_deep
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract, ValuesFilter
from gateway.planner.pushdown import Pushdown, PushedRange, PushedValues

_FILLS = (0.76, 0.8, 0.84, 0.88, 0.92)
"""The shares of a page that slices are planned to fill; the response shows the real size."""
_WASTE = 1.7
"""The further calls for a slice that turned out to be larger than a page."""
_FULL_ENOUGH = 1.45
"""The most calls for slices by one column, as a multiple of full pages, without a coarser split."""
_RECENT = 12
"""The number of recent slices whose sizes show the accuracy of predictions."""
_A_LITTLE = 1.1
"""A slice that exceeds a page by at most this factor is read again, not split."""
_FEWEST_PAGES = 4
_UNSEEN_ROWS = 10
"""The most rows with an unseen value of a column for which a search is worthwhile."""
_ATTEMPTS = 12
"""The readings of a whole tie, added to the logarithm of its rows, before it is refused."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """Some rows of the tie: those with one of these values in each of these columns."""

    values: Mapping[int, frozenset[str]]

    def within(self, column: int, values: Sequence[str]) -> _Slice:
        return _Slice({**self.values, column: frozenset(values)})

    def has(self, row: Sequence[str | None]) -> bool:
        return all(row[column] in wanted for column, wanted in self.values.items())


_ALL = _Slice({})


class TieReader:
    """A reader of one tie; `take` receives each page. It needs totals."""

    def __init__(
        self, fetch: FetchPage, contract: Contract, tie: Pushdown, take: Callable[[Page], None]
    ) -> None:
        self._fetch = fetch
        self._contract = contract
        self._tie = tie
        self._take = take
        self._limit = contract.request.page_limit
        self._columns = tuple(_splitting(contract, tie))
        self._known: dict[str, tuple[str | None, ...]] = {}
        self._sample: list[tuple[str | None, ...]] = []
        self._deviations: list[float] = []
        self._calls = 0

    async def read(self, sample: Sequence[pa.Table] = ()) -> int:
        """Read the tie, and return the number of its rows.

        `sample` are rows of it that were read before, in an order that differs from call to call:
        they show which values exist, and may have left the tie since.

        Raises:
            UpstreamKeepsChanging: its rows change, or no filter splits it into slices.
        """
        self._sample = [row for rows in sample for row in self._values_in(rows)]
        budget = 1
        while self._calls < budget:
            self._known.clear()
            total = await self._sweep()
            if len(self._known) == total:
                return total
            if await self._close(_ALL, total) and (await self._page(_ALL)).total == total:
                return total
            budget = max(budget, ceil((total / self._limit + 4) * (log(total + 1) + _ATTEMPTS)))
        raise keeps_changing()

    async def _sweep(self) -> int:
        """Read by skip to the end, or until slices can take over; return the last total."""
        total, skip, repeats = -1, 0, bool(self._sample)
        while skip < max(total, 1):
            known = len(self._known)
            page = await self._page(_ALL, skip)
            if total not in (-1, page.total):
                self._known.clear()  # rows have left the tie, and may be any of these
                self._note(page.rows)
                known = 0
            total, skip = page.total, skip + self._limit
            deepest = self._contract.pages.deepest
            if deepest is not None and total >= deepest:
                raise too_deep(deepest)  # a total may be capped there too
            repeats = repeats or len(self._known) < known + page.rows.num_rows
            seen = len(self._known) + len(self._sample)
            is_enough = seen >= min(total, _FEWEST_PAGES * self._limit)
            if repeats and is_enough and self._can_split(total):
                break
        return total

    def _can_split(self, total: int) -> bool:
        """Return True if the values of some columns are known, and enough to make slices."""
        cells = 1
        for column in range(len(self._columns)):
            cells *= len(self._values(column, total)) or 1
        return cells * self._limit >= 2 * total

    async def _close(self, part: _Slice, total: int) -> bool:
        """Read a slice that is larger than a page; return True if all of its rows are known.

        The first column makes slices that fill pages. Rows that it misses, because their value was
        never seen, are searched for by the other columns: only where rows are missing.
        """
        for turn, column in enumerate(self._columns_for(part, total)):
            packs = self._packs(column, total, is_search=turn > 0)
            for values, expected in packs:
                found = await self._read(part, column, values)
                if expected:
                    self._deviations.append((found - expected) ** 2 / expected)
            if self._number(part) >= total:
                return True
        return await self._repeat(part, total)

    async def _read(self, part: _Slice, column: int, values: Sequence[str]) -> int:
        """Read the rows with some values, in halves if a page is too small; return their number."""
        inside = part.within(column, values)
        total = (await self._page(inside)).total
        if total <= self._limit or self._number(inside) >= total:
            return total
        if total <= _A_LITTLE * self._limit:
            await self._repeat(inside, total)
        elif len(values) == 1:
            await self._close(inside, total)
        else:
            middle = len(values) // 2
            await self._read(part, column, values[:middle])
            await self._read(part, column, values[middle:])
        return total

    async def _repeat(self, part: _Slice, total: int) -> bool:
        """Read pages until nothing is missing; each has a random part of the rows."""
        pages = ceil(total / self._limit)
        full = [number * self._limit for number in range(total // self._limit)] or [0]
        turns = cycle([*full * ceil(4 / len(full)), (pages - 1) * self._limit])
        for _ in range(ceil(pages * (log(total) + 4))):
            if self._number(part) >= total:
                return True
            page = await self._page(part, next(turns))
            if page.total != total:
                return False
        return self._number(part) >= total

    def _columns_for(self, part: _Slice, total: int) -> list[int]:
        """Return the columns to split by: first one whose values fill pages, else the coarsest.

        The finest column fills pages best, if two of its values fit a page.
        """
        sizes = {
            column: len(self._values(column, total))
            for column in range(len(self._columns))
            if column not in part.values and len(self._values(column, total)) > 1
        }
        coarse_first = sorted(sizes, key=lambda column: sizes[column])
        if len(coarse_first) > 1 and not self._fills(coarse_first[-1], total):
            return coarse_first
        return [*coarse_first[-1:], *coarse_first[:-1]]

    def _fills(self, column: int, total: int) -> bool:
        """Return True if slices by a column fill their pages."""
        packs = self._packs(column, total, is_search=False)
        calls = _expected_calls([rows for _, rows in packs], self._limit, self._dispersion)
        return calls <= _FULL_ENOUGH * total / self._limit

    @property
    def _dispersion(self) -> float:
        """Return how much the sizes of slices vary, compared with random draws."""
        known = self._deviations[-_RECENT:]
        return min(4.0, max(0.2, fmean(known))) if len(known) == _RECENT else 1.0

    def _packs(self, column: int, total: int, *, is_search: bool) -> list[tuple[list[str], float]]:
        """Return groups of values whose rows should fill a page, with the expected numbers.

        For a search they are as large as possible, and no number is expected.
        """
        values = self._values(column, total)
        filter_ = self._contract.column(self._columns[column]).filter
        most = filter_.max_values if isinstance(filter_, ValuesFilter) else 1
        if is_search:
            return [(list(chunk), 0.0) for chunk in _chunks(sorted(values), most)]
        sizes = _sizes(values, total)
        found = [_packed(sizes, fill * self._limit, most) for fill in _FILLS]
        return min(
            found,
            key=lambda packs: _expected_calls(
                [rows for _, rows in packs], self._limit, self._dispersion
            ),
        )

    def _values(self, column: int, total: int) -> Counter[str]:
        """Return the values of a column; none if many rows may have another one, or none at all."""
        counts = self._counts(column)
        rows = sum(counts.values())
        once = sum(count == 1 for count in counts.values())
        return counts if once * total <= _UNSEEN_ROWS * rows else Counter()

    def _counts(self, column: int) -> Counter[str]:
        """Return how many known rows have each value; none if a row has no value."""
        counts = Counter(row[column] for row in chain(self._known.values(), self._sample))
        if None in counts:
            return Counter()
        return Counter({value: n for value, n in counts.items() if value is not None})

    def _number(self, part: _Slice) -> int:
        if not part.values:
            return len(self._known)
        return sum(map(part.has, self._known.values()))

    async def _page(self, part: _Slice, skip: int = 0) -> Page:
        contract = self._contract
        added = (
            PushedValues(self._columns[number], tuple(sorted(values)))
            for number, values in part.values.items()
        )
        names = [column.name for column in contract.columns]
        terms = sorted(chain(self._tie.terms, added), key=lambda term: names.index(term.column))
        request = PageRequest(Pushdown(tuple(terms)), skip, self._limit, contract.order_column)
        self._calls += 1
        page = await self._fetch(request)
        self._note(page.rows)
        self._take(page)
        return page

    def _note(self, rows: pa.Table) -> None:
        keys = rows.column(self._contract.key).to_pylist()
        self._known.update(zip(keys, self._values_in(rows), strict=True))

    def _values_in(self, rows: pa.Table) -> list[tuple[str | None, ...]]:
        found = rows.select(self._columns).to_pylist()
        return [tuple(row[name] for name in self._columns) for row in found]


def _sizes(counts: Counter[str], total: int) -> dict[str, float]:
    """Return how many rows each value should have, by how many are known.

    Differences by chance are removed (James and Stein): counts are drawn towards their mean unless
    they vary more than random draws do. Equal sizes stay in the order of the values:
    the known rows of a value may be just those that are not in the slice.
    """
    numbers = list(counts.values())
    average = fmean(numbers)
    variance = pvariance(numbers, average)
    weight = max(0.0, 1 - average / variance) if variance else 0.0
    scale = total / sum(numbers)
    sizes = {v: scale * (average + weight * (n - average)) for v, n in sorted(counts.items())}
    return dict(sorted(sizes.items(), key=lambda item: item[1], reverse=True))


def _packed(sizes: Mapping[str, float], room: float, most: int) -> list[tuple[list[str], float]]:
    """Return groups of values that fit a room, first fit decreasing, with their sizes."""
    packs: list[list[str]] = []
    used: list[float] = []
    for value, size in sizes.items():
        fits = (n for n, u in enumerate(used) if u + size <= room and len(packs[n]) < most)
        number = next(fits, None)
        if number is None:
            packs.append([value])
            used.append(size)
        else:
            packs[number].append(value)
            used[number] += size
    return list(zip(packs, used, strict=True))


def _expected_calls(sizes: Sequence[float], limit: int, dispersion: float) -> float:
    """Return the number of calls to expect for slices of these sizes."""
    return sum(
        1 + _WASTE * (1 - NormalDist(size, max(size * dispersion, 0.1) ** 0.5).cdf(limit))
        for size in sizes
    )


def _chunks(values: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), most):
        yield values[start : start + most]


def _splitting(contract: Contract, tie: Pushdown) -> Iterator[str]:
    """Yield the columns by which rows can be split: one value in each row, filtered exactly."""
    taken = {term.column for term in tie.terms if not isinstance(term, PushedRange)}
    for column in contract.columns:
        filter_ = column.filter
        is_exact = isinstance(filter_, ValuesFilter) and filter_.exact
        if is_exact and not column.prop.collection and column.name not in taken:
            yield column.name
