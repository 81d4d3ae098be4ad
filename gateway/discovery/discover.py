"""Discovery: an unknown API -> the facts about it that its responses prove.

Each step builds on those before it: enter, shape, limit, order, position, end, totals, range,
filters. What the feed needs comes first; filters are tried as long as calls are left. Unproved
abilities are left out: the feed is correct without them, only slower.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from gateway.contract import file
from gateway.discovery.abilities import (
    FILTERS,
    Ground,
    find_aggregates,
    find_custom_fields,
    find_expiry_range,
    find_filters,
)
from gateway.discovery.hints import Hints
from gateway.discovery.infer.found import Inferred, Question
from gateway.discovery.infer.passing import with_time
from gateway.discovery.last_change import LastChange
from gateway.discovery.learned import Learned
from gateway.discovery.probe.caller import Caller, Door, DoorProblem
from gateway.discovery.probe.enter import Entry, enter
from gateway.discovery.probe.filters import FilterFound
from gateway.discovery.probe.order import OrderFound, find_order
from gateway.discovery.probe.paging import (
    Limit,
    Position,
    Window,
    find_end,
    find_limit,
    find_position,
    position_values,
    settle_clamping,
    without_false_depth,
)
from gateway.discovery.probe.ranges import RangeFound, always_whole
from gateway.discovery.probe.scout import scout
from gateway.discovery.probe.study import Study
from gateway.discovery.probe.totals import TotalFound, find_total, total_of
from gateway.discovery.probe.trees import Tree, merged
from gateway.discovery.probe.values import Reader
from gateway.discovery.samples import Samples

_WINDOW_ROWS = 100
_FEW_ROWS = 4
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """The input and the limits of discovery.

    `zone` is that of instants without an offset, if the owner has named it. After `calls` calls no
    filter by values is tried any more, which the feed can do without, and after `rare_calls` no
    statistics and no other filter: with the pages that are read at the end, these make 40. `choose`
    answers a question with the number of an option; without it, the safe ones are taken.
    """

    usual: file.ContractFile
    constants: Tree = field(default_factory=dict)
    hints: Hints = field(default_factory=Hints)
    zone: str = ""
    calls: int = 60
    rare_calls: int = 34
    choose: Callable[[Question], int] | None = None

    @property
    def paths(self) -> Sequence[str]:
        """The paths of the results to try, likeliest first."""
        return list(dict.fromkeys([*self.hints.paths, self.usual.endpoints.results.path]))


async def discover(caller: Caller, plan: Plan, progress: Progress) -> Learned:
    """Learn an API.

    Raises:
        DoorProblem: no rows can be read, or rows cannot be identified.
    """
    study = Study(caller, plan.paths[0])
    entry = await enter(study, plan.paths, dict(plan.constants), plan.hints.constants)
    progress(f"success is {entry.reply.status}")
    await scout(study)
    limit = await find_limit(study, plan.hints.numbers.get("limit", ()))
    study.form = merged(study.form, limit.tree)
    progress(f"rows in {_shown(study.rows_path)}")
    return await _Discovery(study, plan, progress, entry, limit).run()


class _Discovery:
    """The steps after the first rows; `is_again` if they have been made without a range."""

    def __init__(
        self,
        study: Study,
        plan: Plan,
        progress: Progress,
        entry: Entry,
        limit: Limit,
        *,
        is_again: bool = False,
    ) -> None:
        self._is_again = is_again
        self._study = study
        self._plan = plan
        self._progress = progress
        self._entry = entry
        self._limit = limit
        self._samples = Samples(
            plan.usual, entry.envelope, plan.zone or "UTC", plan.choose, progress
        )
        self._problems: list[str] = []

    async def run(self) -> Learned:
        study, samples, plan = self._study, self._samples, self._plan
        plain = samples.note(study, self._limit.page, self._limit.largest) or await self._page({})
        if not plain:
            raise DoorProblem(*_no_pages(0))
        order = await self._order(plain)
        if order is not None:
            study.form = merged(study.form, order.form.tree)
            study.defaults = dict(order.values(descending=True))
        position = await self._find_position(order)
        study.form = merged(study.form, position.tree)
        end = await find_end(study, position)
        total = await find_total(study, tuple(samples.envelopes), position, self._limit)
        number = None if total is None else total.number
        limit = await settle_clamping(study, self._limit, position, number)
        self._tell(limit, position, order, total)
        oldest: list[dict[str, Any]] = []
        if order is not None:
            values = {**order.values(descending=False), "limit": limit.largest}
            oldest = await self._page(values)
        inferred = samples.settle()
        first = position_values(position, 0, limit.largest)
        hints, zone = plan.hints.ranges.get("updated_at", ()), plan.zone
        change = LastChange(study, samples, hints, order, oldest, first, zone, self._progress)
        ranges = await change.ranges()
        if any(found.shows_more for found in ranges) and not self._is_again:
            return await self._with_whole_range(ranges[0])
        if samples.without_zone:
            ranges = await change.settle_zone(ranges)
            inferred = samples.settle()
            self._problems += [change.problem] if change.problem else []
        ground = await self._ground(inferred, total, first, change.newest)
        filters = await find_filters(ground)
        if not ranges:  # with ranges, the parts of the rows show it
            await self._find_hidden(inferred, total, filters, position)
        statistics = await find_aggregates(ground, next(iter(ranges), None))
        expiry = await find_expiry_range(ground, ranges[0]) if ranges else None
        ranges += () if expiry is None else (expiry,)
        fields = await find_custom_fields(ground, filters)
        return Learned(
            path=study.path,
            base=study.base,
            status=self._entry.reply.status,
            rows_path=".".join(study.rows_path or ()),
            limit=limit,
            position=position,
            end=without_false_depth(end, number),
            inferred=with_time(_with_abilities(inferred, order, ranges, filters), samples.rows),
            order=order,
            total=total,
            ranges=ranges,
            filters=filters,
            custom_fields=fields,
            statistics=statistics,
            has_more=samples.has_more,
            headers=dict(study.caller.headers),
            constants=self._entry.constants,
            calls=study.caller.calls,
            seconds_of_page=study.caller.slowest,
            calls_per_second=study.caller.calls_per_second,
            rows=samples.rows,
            untested=ground.untested,
            problems=tuple(self._problems),
        )

    async def _with_whole_range(self, found: RangeFound) -> Learned:
        """Begin again with a range in each request: without one, the API leaves out old rows."""
        study, plan = self._study, self._plan
        self._progress("requests without a date range leave out old rows, so each has one")
        study.base, study.form = merged(study.base, always_whole(found)), {}
        study.defaults = {}
        limit = await find_limit(study, plan.hints.numbers.get("limit", ()))
        study.form = merged(study.form, limit.tree)
        again = _Discovery(study, plan, self._progress, self._entry, limit, is_again=True)
        return await again.run()

    async def _find_position(self, order: OrderFound | None) -> Position:
        """Return the form of a page's position.

        Raises:
            DoorProblem: no usual form leads to another page.
        """
        rows = await self._page({"limit": min(self._limit.largest, _WINDOW_ROWS)})
        numbers = self._plan.hints.numbers
        found = await find_position(self._study, Window(rows), numbers)
        entry = self._samples.infer().column("updatedAt")
        if found is None and order is not None and entry is not None:
            by_instants = Window(rows, Reader(entry).micros)  # ties may come in any order
            found = await find_position(self._study, by_instants, numbers)
        if found is None:
            raise DoorProblem(*_no_pages(len(rows)))
        return found

    async def _page(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a page, and remember its rows as samples."""
        asked = {"limit": self._limit.largest, **values}
        reply = await self._study.ask(asked)
        rows = self._samples.note(self._study, reply, asked["limit"])
        if rows is None:
            raise DoorProblem(
                Door.REFUSED, f"the API refused a page that it had accepted ({reply.status})"
            )
        return rows

    async def _order(self, rows: Sequence[dict[str, Any]]) -> OrderFound | None:
        entry = self._samples.infer().column("updatedAt")
        if entry is None:
            return None
        hints = self._plan.hints
        return await find_order(
            self._study,
            Reader(entry),
            rows,
            hints.orders,
            fields=hints.order_fields,
            most=self._limit.largest,
        )

    async def _ground(
        self,
        inferred: Inferred,
        total: TotalFound | None,
        first: Mapping[str, Any],
        newest: Sequence[dict[str, Any]],
    ) -> Ground:
        """Return the page on which filters are tried; `first` are the values of the first page."""
        values = {**self._study.defaults, **first}
        rows = newest or self._study.rows(await self._study.ask(values)) or []
        return Ground(
            self._study,
            inferred,
            self._plan.hints,
            rows,
            values,
            self._plan.calls,
            self._plan.rare_calls,
            is_all=total is not None and total.number == len(rows),
            tell=self._progress,
        )

    async def _find_hidden(
        self,
        inferred: Inferred,
        total: TotalFound | None,
        filters: Sequence[FilterFound],
        position: Position,
    ) -> None:
        """Compare the total with the sum of all states: a plain request may hide or cap rows."""
        entry = inferred.column("state")
        found = next((f for f in filters if f.name == "states" and f.verdict == "exact"), None)
        if total is None or found is None or entry is None:
            return
        one_row = position_values(position, 0, 1)
        numbers = []  # one by one: the total of all of them may be capped, too
        for word in entry.values:
            values = {"states": [self._samples.raw_word(entry, word)]}
            numbers.append(total_of(await self._study.ask({**one_row, **values}), total) or 0)
        parts, ignores_filters = sum(numbers), set(numbers) == {total.number}
        if parts > total.number and not ignores_filters:
            self._problems.append(
                f"a request without filters reports {total.number:,} rows, those of each state"
                f" together {parts:,}: it hides rows or caps their number, so the feed would lack"
                " rows; name what shows all with --constant NAME=VALUE, or a description or a"
                " recorded request with --from"
            )

    def _tell(
        self,
        limit: Limit,
        position: Position,
        order: OrderFound | None,
        total: TotalFound | None,
    ) -> None:
        self._progress(f"pages: {limit.evidence}")
        self._progress(position.evidence)
        self._progress("no order is obeyed" if order is None else f"order: {order.evidence}")
        self._progress("no true total" if total is None else f"total: {total.evidence}")


def _with_abilities(
    inferred: Inferred,
    order: OrderFound | None,
    ranges: Sequence[RangeFound],
    filters: Sequence[FilterFound],
) -> Inferred:
    """Return the columns with the filters and the order that were proved."""
    usable = {found.name for found in filters if found.is_usable}
    by_column = {column: name for name, column, _ in FILTERS if name in usable}
    columns_of = {"updated_at": "updatedAt", "expiry_date": "expiryDate"}
    by_column |= {columns_of[found.name]: found.name for found in ranges}
    columns = []
    for entry in inferred.columns:
        sorts = order.field if order is not None and entry.name == "updatedAt" else None
        columns.append(structs.replace(entry, filter=by_column.get(entry.name), order=sorts))
    return replace(inferred, columns=tuple(columns))


def _no_pages(rows: int) -> tuple[Door, str]:
    """Return why no member for the next page was found."""
    if rows < _FEW_ROWS:
        return Door.NO_ROWS, (
            f"the token sees {rows} rows, too few to learn how pages work. The workspace may be"
            " new, or the token may belong to a manager without people; run the command again when"
            " there are more rows"
        )
    return Door.REFUSED, (
        "the API sends rows, but no usual member of a request leads to the next page, or every call"
        " sends them in another order; name a description of the API or a recorded request with"
        " --from"
    )


def _shown(path: tuple[str, ...] | None) -> str:
    return ".".join(path or ()) or "the whole body"
