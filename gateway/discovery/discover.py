"""Discovery: an unknown API -> the facts about it that its responses prove.

Each step builds on those before it: enter, shape, limit, order, position, end, totals, range,
filters. What the feed needs comes first; filters and statistics are tried as long as calls are
left. Unproved abilities are left out: the feed is correct without them, only slower.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from gateway.contract import file
from gateway.discovery.hints import Hints
from gateway.discovery.infer.columns import infer_columns
from gateway.discovery.infer.envelope import find_envelope
from gateway.discovery.infer.found import Envelope, Inferred, Question
from gateway.discovery.infer.passing import with_time
from gateway.discovery.infer.profile import merge_pages
from gateway.discovery.learned import Learned
from gateway.discovery.probe.caller import Caller, Door, DoorProblem, Reply
from gateway.discovery.probe.enter import Entry, enter
from gateway.discovery.probe.filters import FilterFound, Scene, find_filter, has_two_values
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
)
from gateway.discovery.probe.ranges import Expected, RangeFound, find_range
from gateway.discovery.probe.scout import scout
from gateway.discovery.probe.study import Study
from gateway.discovery.probe.totals import TotalFound, find_total, total_of
from gateway.discovery.probe.trees import Tree, merged
from gateway.discovery.probe.values import Reader

_WINDOW_ROWS = 100
_FEW_ROWS = 4
_CALLS_FOR_RANGE, _CALLS_FOR_ZONE = 30, 3
_ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Australia/Sydney",
)
_WITH_ZONE = frozenset(
    {"iso", "%Y-%m-%dT%H:%M:%S.%LZ", "%Y-%m-%dT%H:%M:%SZ", "epoch_milliseconds", "epoch_seconds"}
)
"""Formats of ranges that say their zone."""
_FILTERS = (
    ("states", "state", "ZZ_NO_SUCH_STATE"),
    ("contents", "contentId", "zz-no-such-content"),
    ("enrollment_types", "enrollmentType", "ZZ_NO_SUCH_TYPE"),
    ("users", "userId", "zz-no-such-user"),
    ("groups", "groupIds", "zz-no-such-group"),
)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """The input and the limits of discovery.

    `zone` is that of instants without an offset, if the owner has named it. `calls` bounds the
    calls for abilities that the feed can do without. `choose` answers a question with the number
    of an option; without it, the safe ones are taken.
    """

    usual: file.ContractFile
    constants: Tree = field(default_factory=dict)
    hints: Hints = field(default_factory=Hints)
    zone: str = ""
    calls: int = 60
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
    progress(f"rows in {_shown(study.rows_path)}, {limit.largest:,} a page")
    return await _Discovery(study, plan, progress, entry, limit).run()


class _Discovery:
    """The steps after the first rows."""

    def __init__(
        self, study: Study, plan: Plan, progress: Progress, entry: Entry, limit: Limit
    ) -> None:
        self._study = study
        self._plan = plan
        self._progress = progress
        self._entry = entry
        self._limit = limit
        self._pages: list[Sequence[dict[str, Any]]] = []
        self._envelopes: list[Envelope] = [entry.envelope]
        self._untested: dict[str, str] = {}
        self._zone = plan.zone or "UTC"
        self._without_zone: tuple[str, ...] = ()
        self._position: Position | None = None
        self._newest: list[dict[str, Any]] = []
        self.problems: list[str] = []

    async def run(self) -> Learned:
        study = self._study
        plain = self._note(self._limit.page, self._limit.largest) or await self._page({})
        inferred = self._infer()
        order = await self._order(inferred, plain)
        newest = order.values(descending=True) if order else {}
        if order is not None:
            study.form = merged(study.form, order.form.tree)
            study.defaults = dict(newest)
        rows = await self._page({**newest, "limit": min(self._limit.largest, _WINDOW_ROWS)})
        window = Window(rows)
        numbers = self._plan.hints.numbers
        position = await find_position(study, window, numbers)
        if position is None and order is not None:
            position = await find_position(study, self._by_instants(rows), numbers)
        if position is None:
            raise DoorProblem(*_no_pages(len(rows)))
        self._position = position
        study.form = merged(study.form, position.tree)
        end = await find_end(study, position, window)
        total = await find_total(study, tuple(self._envelopes), position, newest, self._limit.page)
        number = None if total is None else total.number
        limit = await settle_clamping(study, self._limit, position, number)
        self._tell(limit, position, order, total)
        if order is not None:
            await self._page({**order.values(descending=False), "limit": limit.largest})
        inferred = self._settled(self._infer())
        few = _CALLS_FOR_ZONE if self._without_zone else _CALLS_FOR_RANGE
        ranges = await self._ranges(inferred, order, limit, calls=few)
        if self._without_zone:
            inferred, ranges = await self._with_zone(inferred, order, limit, ranges)
        filters = await self._filters(inferred, newest, limit)
        if not ranges:  # with ranges, halves of the rows show it
            await self._find_hidden(inferred, total, filters)
        return Learned(
            path=study.path,
            base=study.base,
            status=self._entry.reply.status,
            rows_path=".".join(study.rows_path or ()),
            limit=limit,
            position=position,
            end=end,
            inferred=with_time(
                _with_abilities(inferred, order, ranges, filters), merge_pages(self._pages).rows
            ),
            order=order,
            total=total,
            ranges=ranges,
            filters=filters,
            has_more=self._has_more(position),
            headers=dict(study.caller.headers),
            errors=("message",),
            constants=self._entry.constants,
            calls=study.caller.calls,
            seconds_of_page=study.caller.slowest,
            calls_per_second=study.caller.calls_per_second,
            rows=merge_pages(self._pages).rows,
            untested=self._untested,
            problems=tuple(self.problems),
        )

    def _first(self, limit: Limit) -> dict[str, Any]:
        """Return the values of the first page."""
        assert self._position is not None  # noqa: S101 - steps after the position ask
        return position_values(self._position, 0, limit.largest)

    def _by_instants(self, rows: list[dict[str, Any]]) -> Window:
        """Return rows identified by their sort value: ties may come in any order."""
        entry = self._infer().column("updatedAt")
        return Window(rows) if entry is None else Window(rows, Reader(entry).micros)

    async def _page(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a page, and remember its rows as samples."""
        asked = {"limit": self._limit.largest, **values}
        reply = await self._study.ask(asked)
        rows = self._note(reply, asked["limit"])
        if rows is None:
            raise DoorProblem(
                Door.REFUSED, f"the API refused a page that it had accepted ({reply.status})"
            )
        return rows

    def _note(self, reply: Reply | None, limit: int) -> list[dict[str, Any]] | None:
        """Remember the rows of a page as samples; None if there are none."""
        rows = None if reply is None else self._study.rows(reply)
        if reply is None or rows is None:
            return None
        self._pages.append(rows)
        self._envelopes.append(find_envelope(reply.answer, reply.headers, limit=limit, skip=0))
        return rows

    def _with_seen_words(self, inferred: Inferred, rows: Sequence[Mapping[str, Any]]) -> Inferred:
        """Leave out the documented words of a column if rows have only others."""
        columns = []
        for entry in inferred.columns:
            usual = next((c.values for c in self._plan.usual.columns if c.name == entry.name), ())
            read = Reader(entry)
            seen = {read(row) for row in rows} if usual else set()
            if seen - {None} and not seen.intersection(usual):
                entry = structs.replace(entry, values=tuple(v for v in entry.values if v in seen))
            columns.append(entry)
        return replace(inferred, columns=tuple(columns))

    def _infer(self) -> Inferred:
        sample = merge_pages(self._pages)
        found = infer_columns(sample.rows, usual=self._plan.usual, pages=sample.pages)
        self._without_zone = found.zone_unknown
        found = self._with_seen_words(found, sample.rows)
        return found.with_zone(self._zone) if found.zone_unknown and self._zone else found

    def _settled(self, inferred: Inferred) -> Inferred:
        if inferred.key.kind == "none":
            raise DoorProblem(
                Door.REFUSED,
                f"rows cannot be identified: {inferred.key.evidence}. {inferred.key.advice}",
            )
        for question in inferred.questions:
            if self._plan.choose is None:
                self._progress(f"{question.subject}: {question.said}")
            elif (option := self._plan.choose(question)) != question.safe:
                inferred = inferred.answered(question.subject, option)
        return inferred

    async def _order(self, inferred: Inferred, rows: Sequence[dict[str, Any]]) -> OrderFound | None:
        entry = inferred.column("updatedAt")
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

    def _has_more(self, position: Position | None) -> str | None:
        places = [place for envelope in self._envelopes for place in envelope.has_more]
        return next((place.path for place in places if not place.negated), None)

    async def _ranges(
        self,
        inferred: Inferred,
        order: OrderFound | None,
        limit: Limit,
        calls: int = _CALLS_FOR_RANGE,
    ) -> tuple[RangeFound, ...]:
        entry = inferred.column("updatedAt")
        if order is None or entry is None:
            return ()
        values = {**order.values(descending=True), "limit": limit.largest, **self._first(limit)}
        rows = self._study.rows(await self._study.ask(values)) or []
        self._newest = rows
        expected = Expected(rows, Reader(entry), values)
        hints = self._plan.hints.ranges.get("updated_at", ())
        found = await find_range(self._study, "updated_at", expected, hints, calls=calls)
        if found is None:
            self._progress("no date range by last change is obeyed")
            return ()
        self._study.form = merged(self._study.form, found.tree)
        self._progress(f"date range: {found.evidence}")
        return (found,)

    async def _with_zone(
        self,
        inferred: Inferred,
        order: OrderFound | None,
        limit: Limit,
        ranges: tuple[RangeFound, ...],
    ) -> tuple[Inferred, tuple[RangeFound, ...]]:
        """Find the zone of instants that name none: a range in UTC shows which rows it means.

        If nothing proves a zone, the instants stay undecoded, unless the owner has named one.
        """
        if self._plan.zone or any(found.instant in _WITH_ZONE for found in ranges):
            self._progress(f"instants without a zone are in {self._zone}")
            return inferred, ranges
        for zone in _ZONES:
            self._zone = zone
            inferred = self._settled(self._infer())
            found = await self._ranges(inferred, order, limit, calls=_CALLS_FOR_ZONE)
            if any(each.instant in _WITH_ZONE for each in found):
                self._progress(f"instants without a zone are in {zone}: a range in UTC proves it")
                return inferred, found
        self._zone = ""
        self.problems.append(
            f"the instants of {', '.join(self._without_zone)} have no zone, and nothing proves one:"
            " they cannot be read until you name it, with --zone Europe/Berlin for example"
        )
        return _without_values(self._settled(self._infer()), self._without_zone), ()

    async def _filters(
        self, inferred: Inferred, newest: Mapping[str, Any], limit: Limit
    ) -> tuple[FilterFound, ...]:
        values = {**newest, "limit": limit.largest, **self._first(limit)}
        rows = self._newest or self._study.rows(await self._study.ask(values)) or []
        found = []
        for name, column, impossible in _FILTERS:
            entry = inferred.column(column)
            if entry is None or self._is_spent():
                self._untested[name] = "no call is left for it" if entry else f"no column {column}"
                continue
            if not has_two_values(Reader(entry), rows):
                self._untested[name] = "no value is in some rows only"
                continue
            made = await find_filter(
                self._study,
                name,
                Reader(entry),
                Scene(rows, values),
                _like(impossible, entry),
                self._plan.hints.filters.get(name, ()),
            )
            if made is None:
                self._progress(f"filter by {name}: not found, so the gateway filters the rows")
                continue
            found.append(made)
            self._progress(f"filter by {name}: {made.verdict}")
            if made.verdict in ("exact", "superset"):
                self._study.form = merged(self._study.form, made.tree)
        return tuple(found)

    def _one_row(self) -> dict[str, Any]:
        """Return the values of a page of one row."""
        assert self._position is not None  # noqa: S101 - steps after the position ask
        return position_values(self._position, 0, 1)

    async def _find_hidden(
        self, inferred: Inferred, total: TotalFound | None, filters: Sequence[FilterFound]
    ) -> None:
        """Compare the total with that of all states: a plain request may hide rows."""
        entry = inferred.column("state")
        found = next((f for f in filters if f.name == "states" and f.verdict == "exact"), None)
        if total is None or found is None or entry is None or found.most_values < 2:
            return
        words = [self._sent(entry, word) for word in entry.values]
        values = {"limit": 1, "states": words, **self._one_row()}
        number = total_of(await self._study.ask(values, found.tree), total)
        if number is not None and number > total.number:
            self.problems.append(
                f"a request without filters reports {total.number:,} rows, one for all states"
                f" {number:,}: it hides rows, so the feed would lack them; name what shows them"
                " with --constant NAME=VALUE, or a description or a recorded request with --from"
            )

    def _sent(self, entry: file.ColumnEntry, word: str) -> Any:
        """Return a state as the API calls it."""
        seen = (row for page in self._pages for row in page)
        read = Reader(entry)
        return next((read.raw(row) for row in seen if read(row) == word), word)

    def _is_spent(self) -> bool:
        return self._study.caller.calls >= self._plan.calls

    def _tell(
        self,
        limit: Limit,
        position: Position | None,
        order: OrderFound | None,
        total: TotalFound | None,
    ) -> None:
        self._progress(f"pages: {limit.evidence}")
        self._progress("one page only" if position is None else position.evidence)
        self._progress("no order is obeyed" if order is None else f"order: {order.evidence}")
        self._progress("no true total" if total is None else f"total: {total.evidence}")


def _like(impossible: str, entry: file.ColumnEntry) -> Any:
    """Return an impossible value of the kind that the API has: a number where ids are numbers."""
    return 999_999_999_999 if entry.decode[:1] == ("text",) else impossible


def _with_abilities(
    inferred: Inferred,
    order: OrderFound | None,
    ranges: Sequence[RangeFound],
    filters: Sequence[FilterFound],
) -> Inferred:
    """Return the columns with the filters and the order that were proved."""
    usable = {f.name for f in filters if f.verdict in ("exact", "superset")}
    by_column = {column: name for name, column, _ in _FILTERS if name in usable}
    if any(found.name == "updated_at" for found in ranges):
        by_column["updatedAt"] = "updated_at"
    columns = []
    for entry in inferred.columns:
        sorts = order.field if order is not None and entry.name == "updatedAt" else None
        columns.append(structs.replace(entry, filter=by_column.get(entry.name), order=sorts))
    return replace(inferred, columns=tuple(columns))


def _without_values(inferred: Inferred, names: Sequence[str]) -> Inferred:
    """Return the columns with these nullable: their values cannot be read."""
    columns = (
        structs.replace(entry, nullable=True) if entry.name in names else entry
        for entry in inferred.columns
    )
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
