"""A contract file without the parts that depend on columns that the upstream does not have.

Tables, measures and statistics are written for the columns of the shipped file. An upstream may
lack some. The parts that need them are left out, and the file is not refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from msgspec import structs

from gateway.contract import file

USUAL_COLUMNS = frozenset(
    {
        *("id", "userId", "userName", "userEmail", "userAvatar"),
        *("contentId", "contentName", "contentType", "progress", "state", "enrollmentType"),
        *("updatedAt", "startedAt", "completedAt", "expiryDate", "certificateIssuedAt"),
        *("groupIds", "groupNames"),
    }
)
"""The columns of the shipped file; other names are misspelt, and remain errors."""
_WORD = re.compile(r"duration'[^']*'|'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The remaining file, and the names of the parts that were left out."""

    file: file.ContractFile
    left_out: tuple[str, ...]


def shrink(parsed: file.ContractFile) -> Shrunk:
    """Leave out parts that need a usual column that is absent, or another kind of expiry date."""
    missing = USUAL_COLUMNS - {column.name for column in parsed.columns}
    unlisted = _unlisted_words(parsed)
    foreign = _foreign_meaning(parsed)
    if not missing and not unlisted and not foreign:
        return Shrunk(parsed, ())
    measures = tuple(
        m
        for m in parsed.measures
        if _is_possible(m, missing, foreign) and not unlisted.intersection(_WORD.findall(m.where))
    )
    sets = tuple(
        made for entry in parsed.sets if (made := _set(entry, missing, foreign)) is not None
    )
    navigation = tuple(link for link in parsed.navigation if _leads(link, parsed, sets, missing))
    kept = structs.replace(
        parsed,
        measures=measures,
        sets=sets,
        navigation=navigation,
        response=structs.replace(parsed.response, repeated=_repeated(parsed)),
        statistics={n: s for n, s in parsed.statistics.items() if s.column not in missing},
    )
    return Shrunk(kept, tuple(_differences(parsed, kept)))


def _repeated(parsed: file.ContractFile) -> tuple[str, ...]:
    """Return the repeated objects that columns go through."""
    paths = [c.path if isinstance(c.path, tuple) else (c.path,) for c in parsed.columns]
    used = {path.split(".")[0] for each in paths for path in each}
    return tuple(name for name in parsed.response.repeated if name in used)


def _unlisted_words(parsed: file.ContractFile) -> frozenset[str]:
    """Return the quoted words of measures that no column lists, if rows showed other words.

    A measure of such a word would always be 0. In columns that were not observed, such a word is
    misspelt, and remains an error.
    """
    listed = {f"'{value}'" for column in parsed.columns for value in column.values}
    if not any(column.values and column.source == "observed" for column in parsed.columns):
        return frozenset()
    quoted = {w for m in parsed.measures for w in _WORD.findall(m.where) if w.startswith("'")}
    return frozenset(quoted - listed)


def _foreign_meaning(parsed: file.ContractFile) -> str:
    """Return the meaning that the expiry date is known not to have; empty if it may have both."""
    known = next((c.meaning for c in parsed.columns if c.name == "expiryDate"), "unknown")
    return {"due": "validity", "validity": "due"}.get(known, "")


def _is_possible(column: file.SetColumnEntry, missing: Collection[str], foreign: str) -> bool:
    if foreign and column.needs == foreign:
        return False
    words = _WORD.findall(column.where)
    return column.of not in missing and not any(word in missing for word in words)


def _set(entry: file.SetEntry, missing: Collection[str], foreign: str) -> file.SetEntry | None:
    """Return the set with the columns that remain; None if its key does not."""
    columns = tuple(column for column in entry.columns if _is_possible(column, missing, foreign))
    gone = {column.name for column in entry.columns} - {column.name for column in columns}
    columns = tuple(c for c in columns if c.kind != "digest" or c.of not in gone)
    key = (entry.key,) if isinstance(entry.key, str) else entry.key
    names = {column.name for column in columns}
    if not names.issuperset(key) and not entry.copy_columns:
        return None
    unnest = tuple(name for name in entry.unnest if name not in missing)
    if entry.unnest and not unnest:
        return None
    return structs.replace(entry, columns=columns, unnest=unnest)


def _leads(
    link: file.NavigationEntry,
    parsed: file.ContractFile,
    sets: tuple[file.SetEntry, ...],
    missing: Collection[str],
) -> bool:
    """Return True if both ends and all of their columns remain."""
    results = parsed.service.entity_set
    for name, columns in ((link.set, link.on.keys()), (link.to, link.on.values())):
        entry = next((s for s in sets if s.name == name), None)
        if entry is None and name != results:
            return False
        own = set() if entry is None else {column.name for column in entry.columns}
        copies = entry is None or entry.copy_columns
        if any(column not in own and (not copies or column in missing) for column in columns):
            return False
    return True


def _differences(before: file.ContractFile, after: file.ContractFile) -> Iterator[str]:
    kept = {entry.name: entry for entry in after.sets}
    for entry in before.sets:
        if entry.name not in kept:
            yield f"[[sets]] {entry.name}"
            continue
        names = {column.name for column in kept[entry.name].columns}
        yield from (
            f"[[sets]] {entry.name}: {column.name}"
            for column in entry.columns
            if column.name not in names
        )
    for place, old, new in (
        ("[[measures]]", before.measures, after.measures),
        ("[[navigation]]", before.navigation, after.navigation),
    ):
        yield from (f"{place} {entry.name}" for entry in old if entry not in new)
    yield from (f"[statistics.{name}]" for name in before.statistics.keys() - after.statistics)
