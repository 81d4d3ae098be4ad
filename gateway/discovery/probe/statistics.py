"""The statistics: which of their members count what, by comparison with rows that were read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.contract import file
from gateway.discovery.probe.ranges import RangeFound
from gateway.discovery.probe.study import Study
from gateway.discovery.probe.values import Reader

_MAX_DEPTH = 4
_FEWEST_ROWS = 8
_DISTINCT = {
    "users": ("userId", r"user|person|people|participant|learner|employee|member"),
    "contents": ("contentId", r"content|course|training|module|item"),
}
_NOT_NULL = {
    "certificates": ("certificateIssuedAt", r"certif"),
    "completed": ("completedAt", r"complet|finish"),
    "started": ("startedAt", r"start|begun"),
}
_VALUES = {"states": "state", "enrollment_types": "enrollmentType"}
_ROWS = r"total|result|rows|records|count|enrol"


@dataclass(frozen=True, slots=True)
class StatisticsFound:
    """The members that agree with rows, by the names of their tables in a contract file."""

    path: str
    members: Mapping[str, file.StatisticEntry]


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows that were read, and the values of a request that selects exactly these."""

    rows: Sequence[Mapping[str, Any]]
    values: Mapping[str, Any]


def newer_half(
    rows: Sequence[Mapping[str, Any]], column: Reader, found: RangeFound
) -> Selection | None:
    """Return the newer rows of a page, selected by a range; None if no instant divides them."""
    instants = [at for row in rows if (at := column.micros(row)) is not None]
    if len(instants) < _FEWEST_ROWS or len(instants) < len(rows):
        return None
    step = found.resolution_milliseconds * 1000
    start = instants[len(instants) // 2] // step * step
    inside = [at > start or (found.from_inclusive and at == start) for at in instants]
    if inside[-1]:  # rows of this instant may be on the next page
        return None
    chosen = [row for row, is_inside in zip(rows, inside, strict=True) if is_inside]
    return Selection(chosen, found.ends(start, None))


async def find_statistics(
    study: Study, path: str, selection: Selection, columns: Sequence[file.ColumnEntry]
) -> StatisticsFound | None:
    """Ask for the statistics of a selection; None if no member counts its rows.

    Only filters are sent, neither page nor order.
    """
    reply = await study.caller.post(path, study.filters_body(selection.values))
    if not reply.succeeded or not isinstance(reply.answer, dict):
        return None
    entries = {entry.name: entry for entry in columns}
    members = dict(_objects(reply.answer, selection.rows, entries))
    inside = tuple(f"{entry.member}." for entry in members.values())
    numbers = {p: n for p, n in _numbers(reply.answer, "", 0) if not p.startswith(inside)}
    members |= dict(_counts(numbers, selection.rows, entries))
    return StatisticsFound(path, members) if "total" in members else None


def _counts(
    numbers: Mapping[str, int],
    rows: Sequence[Mapping[str, Any]],
    entries: Mapping[str, file.ColumnEntry],
) -> Iterator[tuple[str, file.StatisticEntry]]:
    """Yield the members that are numbers."""
    member = _named(numbers, len(rows), _ROWS)
    if member is not None:
        yield "total", _entry("rows", member, "", len(rows))
    for name, (column, words) in {**_DISTINCT, **_NOT_NULL}.items():
        known = _known(rows, entries.get(column))
        number = len(set(known)) if name in _DISTINCT else len(known)
        member = _named(numbers, number, words) if known else None
        if member is not None:
            yield (
                name,
                _entry("distinct" if name in _DISTINCT else "not-null", member, column, number),
            )


def _objects(
    answer: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    entries: Mapping[str, file.ColumnEntry],
) -> Iterator[tuple[str, file.StatisticEntry]]:
    """Yield the members that are objects with the number of rows for each value of a column."""
    for name, column in _VALUES.items():
        entry = entries.get(column)
        known = _known(rows, entry)
        if entry is None or not entry.values or len(known) < len(rows):
            continue
        counts = Counter(map(str, known))
        member = next(_equal_objects(answer, counts, ""), None)
        if member is not None:
            yield name, _entry("values", member, column, len(rows))


def _entry(kind: Any, member: str, column: str, number: int) -> file.StatisticEntry:
    told = f"{number:,} {'in parts' if kind == 'values' else 'counted'}, as in the rows"
    return file.StatisticEntry(
        kind=kind, member=member, exact=True, column=column, source="observed", evidence=told
    )


def _known(rows: Sequence[Mapping[str, Any]], entry: file.ColumnEntry | None) -> list[Any]:
    """Return the values of a column, without nulls."""
    if entry is None:
        return []
    read = Reader(entry)
    return [value for row in rows if (value := read(row)) is not None]


def _numbers(node: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, int]]:
    """Yield the counts of an answer by their dotted paths."""
    for name, value in node.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and depth < _MAX_DEPTH:
            yield from _numbers(value, f"{path}.", depth + 1)
        elif isinstance(value, int) and not isinstance(value, bool) and "." not in name:
            yield path, value


def _named(numbers: Mapping[str, int], wanted: int, words: str) -> str | None:
    """Return the one member that has the number and a fitting name; the shortest path counts."""
    fitting = [
        path
        for path, number in numbers.items()
        if number == wanted and re.search(words, path.rpartition(".")[2], re.IGNORECASE)
    ]
    least = min((path.count(".") for path in fitting), default=0)
    highest = [path for path in fitting if path.count(".") == least]
    return highest[0] if len(highest) == 1 else None


def _equal_objects(
    node: Mapping[str, Any], wanted: Mapping[str, int], before: str
) -> Iterator[str]:
    """Yield the objects whose members are these counts; members of 0 may be there too."""
    for name, value in node.items():
        if not isinstance(value, dict) or "." in name:
            continue
        if {each: n for each, n in value.items() if n != 0} == wanted:
            yield f"{before}{name}"
        yield from _equal_objects(value, wanted, f"{before}{name}.")
