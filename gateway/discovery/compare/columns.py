"""Columns of a file in force, compared with rows; no text of a person is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.analytics.read.instants import to_micros_of
from gateway.analytics.read.members import MISSING
from gateway.analytics.read.translate import find
from gateway.contract import file
from gateway.contract.decoding import Undecodable, decode, parse_steps
from gateway.discovery.compare.case import Case, shown
from gateway.discovery.findings import Edit, Finding, differs, holds, short, untested
from gateway.discovery.infer.found import counted
from gateway.discovery.probe.values import Reader
from gateway.discovery.write import toml

_LISTED = frozenset({"state", "enrollmentType", "contentType"})
"""Columns whose values are not those of a person, and may be shown."""
_REMADE = ("path", "type", "decode", "nullable", "key_of")
_OUTSIDE = "outside of the years 1 to 9999 (null in the feed)"


@dataclass(slots=True)
class _Seen:
    """A column's values: their numbers by kind, and the first that is wrong."""

    kinds: Counter[str] = field(default_factory=Counter)
    wrong: str = ""
    unlisted: list[str] = field(default_factory=list)


def compare_columns(case: Case) -> Iterator[Finding]:
    """Yield a finding for each column."""
    for entry in case.force.columns:
        if not case.learned.rows:
            yield untested(f"column {entry.name}", "there are no rows")
        elif entry.key_of:
            yield _key(case, entry)
        else:
            yield _column(case, entry)


def _key(case: Case, entry: file.ColumnEntry) -> Finding:
    subject = f"column {entry.name}"
    readers = [Reader(c) for c in case.force.columns if c.name in entry.key_of]
    lacking = sum(any(reader(row) is None for reader in readers) for row in case.learned.rows)
    if not lacking:
        return holds(subject, f"no part is null in {counted(case.learned.rows)}")
    seen = _seen(case, entry.name)
    edits = () if seen is None else (case.whole(f"columns.{entry.name}"),)
    return differs(subject, f"a part of `key_of` is null in {counted(lacking)}", edits)


def _column(case: Case, entry: file.ColumnEntry) -> Finding:
    subject, rows = f"column {entry.name}", case.learned.rows
    found, seen = _look(entry, rows), _seen(case, entry.name)
    place = toml(entry.path)
    if found.wrong and entry.name in case.learned.inferred.zone_unknown:
        return differs(f"column {entry.name}", "its instants have no zone: name it with --zone")
    if found.wrong:
        return _remade(case, entry, seen, f"{place} {found.wrong}")
    if found.kinds["absent"] == len(rows):
        return _absent(case, entry, seen, place)
    if seen is not None and _reads_otherwise(case, entry, seen):
        return _remade(case, entry, seen, "discovery reads the rows differently")
    lacking = found.kinds["null"] + found.kinds["absent"]
    if lacking and not entry.nullable and not _is_list(entry):
        text = f"{place} has no value in {counted(lacking)}: nullable = false is in force"
        return differs(subject, text, (Edit(f"columns.{entry.name}", "nullable", True),))
    if found.unlisted:
        return _unlisted(entry, found.unlisted)
    notes = (f", {n:,} {kind}" for kind, n in sorted(found.kinds.items()) if kind != "value")
    return holds(subject, f"fits in {counted(rows)}{''.join(notes)}")


def _absent(case: Case, entry: file.ColumnEntry, seen: Any, place: str) -> Finding:
    rows = counted(case.learned.rows)
    if seen is not None and seen.path and seen.path != entry.path:
        return _remade(case, entry, seen, f"{place} is missing in all {rows}")
    if entry.optional:
        return holds(f"column {entry.name}", f"{place} is absent from all {rows}")
    text = f"{place} is missing in all {rows}; correct `path`, or optional = true"
    edits = (Edit(f"columns.{entry.name}", "optional", True),) if entry.nullable else ()
    return differs(f"column {entry.name}", text, edits)


def _remade(case: Case, entry: file.ColumnEntry, seen: Any, why: str) -> Finding:
    """Return the finding on a column that rows do not fit, with the keys as they were seen."""
    subject, name = f"column {entry.name}", f"columns.{entry.name}"
    if seen is None:
        return differs(subject, f"{why}; correct `path`, `type` or `decode`")
    keys = [key for key in _REMADE if getattr(entry, key) != getattr(seen, key)]
    keys = [key for key in keys if key != "nullable" or seen.nullable]
    if not keys:
        return differs(subject, f"{why}; correct `path`, `type` or `decode`")
    new = "; ".join(shown(key, getattr(seen, key)) for key in keys)
    edits = [Edit(name, key, getattr(seen, key) or None) for key in keys if key != "nullable"]
    edits += [Edit(name, "nullable", True)] if "nullable" in keys else []
    return differs(subject, f"{why}; seen: {new}", (*edits, *case.proof(name)))


def _unlisted(entry: file.ColumnEntry, values: Sequence[str]) -> Finding:
    words = ", ".join(sorted(values)) if entry.name in _LISTED else counted(values, "value")
    verb = "is" if len(values) == 1 else "are"
    text = f"{words} {verb} not among `values`, so no measure counts it; add it"
    edits: tuple[Edit, ...] = ()
    if entry.name in _LISTED:
        edits = (Edit(f"columns.{entry.name}", "values", (*entry.values, *sorted(values))),)
    return differs(f"column {entry.name}", text, edits)


def _seen(case: Case, name: str) -> file.ColumnEntry | None:
    return next((column for column in case.seen.columns if column.name == name), None)


def _is_list(entry: file.ColumnEntry) -> bool:
    return "[]" in "".join((entry.path,) if isinstance(entry.path, str) else entry.path)


def _look(entry: file.ColumnEntry, rows: Sequence[Any]) -> _Seen:
    found, reader = _Seen(), Reader(entry)
    steps = parse_steps(entry.decode, entry.name)
    joins = len(reader.paths) > 1
    for number, row in enumerate(rows, 1):
        values = [find(row, path) for path in reader.paths]
        known = [value for value in values if value is not None and value is not MISSING]
        if not known:
            found.kinds["null" if None in values else "absent"] += 1
            continue
        try:
            value = reader(row) if joins else decode(known[0], steps)
        except Undecodable:
            found.wrong = found.wrong or f"in row {number} cannot be decoded"
            continue
        _judge(entry, value, number, found)
    return found


def _judge(entry: file.ColumnEntry, value: Any, number: int, found: _Seen) -> None:
    for each in value if isinstance(value, list) else (value,):
        kind, problem = _kind(entry, each)
        found.kinds[kind] += 1
        if problem and not found.wrong:
            found.wrong = f"in row {number} {problem}"
        listed = entry.values and isinstance(each, str) and each not in entry.values
        if listed and each not in found.unlisted:
            found.unlisted.append(each)


def _kind(entry: file.ColumnEntry, value: Any) -> tuple[str, str]:
    """Return the kind of a value, and what is wrong with it."""
    if value is None:
        return "null", ""
    match entry.type:
        case "Edm.String":
            fits = isinstance(value, str)
            if not fits and entry.filter is None and not isinstance(value, dict | list):
                return "made a text", ""
        case "Edm.Boolean":
            fits = isinstance(value, bool)
        case "Edm.DateTimeOffset":
            return _instant(entry, value)
        case "Edm.Double":
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            fits = isinstance(value, int) and not isinstance(value, bool)
    return "value", "" if fits else f"is {short(value)}, not {entry.type}"


def _instant(entry: file.ColumnEntry, value: Any) -> tuple[str, str]:
    try:
        micros = to_micros_of(value) if isinstance(value, str) else 0
    except ValueError:
        return "value", f"is {short(value)}, not {entry.type}"
    if not isinstance(value, str):
        return "value", f"is {short(value)}, not {entry.type}"
    if micros is None:
        return _OUTSIDE, "" if entry.nullable else "is outside of the years 1 to 9999"
    return "value", ""


def _reads_otherwise(case: Case, entry: file.ColumnEntry, seen: file.ColumnEntry) -> bool:
    """Return True if the entries read different values, and no choice of the owner explains why."""
    if entry.type != seen.type or (entry.decode == seen.decode and entry.path == seen.path):
        return False
    is_chosen = any(question.subject == entry.name for question in case.learned.inferred.questions)
    if is_chosen or _zones(entry) != _zones(seen):
        return False
    first, second = Reader(entry), Reader(seen)
    pairs = ((first(row), second(row)) for row in case.learned.rows)
    return any(a is not None and b is not None and a != b for a, b in pairs)


def _zones(entry: file.ColumnEntry) -> list[Any]:
    return [step.get("zone") for step in entry.decode if isinstance(step, dict)]
