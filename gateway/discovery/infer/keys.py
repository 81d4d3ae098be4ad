"""The identity of rows: an id, or columns that never change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from gateway.contract import file
from gateway.contract.texts import text_of
from gateway.discovery.claims.name_table import Role
from gateway.discovery.infer.found import Key, counted
from gateway.discovery.infer.members import Member

Pages = Sequence[Sequence[int]]
_LEAST_SCORE = 0.5
_RANDOM = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{24}|[0-9A-Z]{26}",
    re.IGNORECASE,
)
_CHANGING = re.compile(r".*(?:hash|etag|version|revision|token|session|request|trace).*")
_ADVICE = (
    "Without a key no feed can be made of them. Ask the vendor for an API version whose rows have"
    " an id, or for the columns that together identify a row and never change: a contract file of"
    " your own can name these in `key_of` of the column id, for `serve --contract FILE`"
)
_RECENT_MICROSECONDS = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Parts:
    """The members from which a key can be made: `person` and `content` by the column's name.

    `moments` are the instants of the last changes in microseconds, by row, for rows that occur
    twice.
    """

    person: Mapping[str, Member]
    content: Mapping[str, Member]
    attempt: Member | None
    moments: Mapping[int, int]


def find_key(
    members: Sequence[Member], parts: Parts, pages: Pages, usual: file.ColumnEntry
) -> tuple[Key, file.ColumnEntry | None]:
    """Return the identity of rows, and the entry of the key's column."""
    total = members[0].rows if members else 0
    for member in _ids(members):
        keys = _texts(member)
        if len(keys) == total and _is_unique([keys], pages, parts, fixed=True):
            evidence = f"{counted(total)}, all different"
            steps = () if all(isinstance(v, str) for v in member.values.values()) else ("text",)
            return Key("column", evidence), structs.replace(
                usual, path=member.path, decode=steps, source="observed", evidence=evidence
            )
    return _composite(members, parts, pages, usual)


def _composite(
    members: Sequence[Member], parts: Parts, pages: Pages, usual: file.ColumnEntry
) -> tuple[Key, file.ColumnEntry | None]:
    total = members[0].rows if members else 0
    why = _no_id(members, total)
    person, content = _whole(parts.person, total), _whole(parts.content, total)
    if person is None or content is None:
        lacking = "a person" if person is None else "a content"
        return Key("none", f"{why}; {lacking} is not in every row", advice=_ADVICE), None
    names = [person, content]
    columns = [_texts(parts.person[person]), _texts(parts.content[content])]
    if not _is_unique(columns, pages, parts, fixed=False):
        attempt = parts.attempt
        names.append("attempt")
        columns.append({} if attempt is None else _texts(attempt))
        if len(columns[-1]) < total or not _is_unique(columns, pages, parts, fixed=False):
            said = f"{why}; pairs of {person} and {content} occur twice"
            return Key("none", said, advice=_ADVICE), None
    evidence = f"{why}; {counted(total)}, all pairs different"
    entry = structs.replace(
        usual,
        path="",
        decode=(),
        key_of=tuple(names),
        personal=usual.personal or person == "userEmail",
        source="observed",
        evidence=evidence,
    )
    return Key("composite", evidence, tuple(names)), entry


def _whole(choices: Mapping[str, Member], total: int) -> str | None:
    """Return the first column that has a value in every row."""
    return next((n for n, m in choices.items() if total and len(_texts(m)) == total), None)


def _no_id(members: Sequence[Member], total: int) -> str:
    ids = [*_ids(members)]
    if not ids:
        return "no id"
    lacking = total - len(_texts(ids[0]))
    return f"an id in all but {counted(lacking)}" if lacking else "an id that occurs twice"


def _ids(members: Sequence[Member]) -> Iterable[Member]:
    """Return the members that may be ids of rows, by their names, else by their values."""
    named, random = [], []
    for member in members:
        values = member.known
        if member.is_each or not values or not all(_is_id(value) for value in values):
            continue
        score = member.roles().get(Role.KEY, 0.0)
        if score >= _LEAST_SCORE and not _CHANGING.fullmatch(member.name):
            named.append((-score, len(member.steps), member))
        elif len(member.steps) == 1 and not _CHANGING.fullmatch(member.name):
            texts = all(isinstance(v, str) and _RANDOM.fullmatch(v) for v in values)
            if texts and len(set(values)) == len(values) > 1:
                random.append(member)
    return [*(each[2] for each in sorted(named, key=lambda n: n[:2])), *random]


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _texts(member: Member) -> dict[int, str]:
    """Return the text of each row's value; an empty one counts as none."""
    return {n: text for n, v in member.values.items() if (text := text_of(v)) != ""}


def _is_unique(
    columns: Sequence[Mapping[int, str]], pages: Pages, parts: Parts, *, fixed: bool
) -> bool:
    """Return True if no key occurs twice in a page, nor in two pages unless its row changed.

    A row that changed between two requests occurs twice, with different values. Its person and
    content are the same (`fixed`: the key does not have them already), and its newer version is
    recent.
    """
    keys: dict[int, tuple[str, ...]] = {}
    rows = {number for page in pages for number in page}
    for number in rows:
        keys[number] = tuple(column.get(number, "") for column in columns)
    if any(len({keys[n] for n in page}) < len(page) for page in pages):
        return False
    counts = Counter(keys.values())
    repeated: dict[tuple[str, ...], list[int]] = {}
    for number, key in keys.items():
        if counts[key] > 1:
            repeated.setdefault(key, []).append(number)
    latest = max(parts.moments.values(), default=0)
    return all(_is_one_row(numbers, parts, latest, fixed=fixed) for numbers in repeated.values())


def _is_one_row(numbers: Sequence[int], parts: Parts, latest: int, *, fixed: bool) -> bool:
    """Return True if rows can be versions of one row."""
    holders = [*parts.person.values(), *parts.content.values()] if fixed else []
    for member in holders:
        if len({text_of(v) for n in numbers if (v := member.values.get(n)) is not None}) > 1:
            return False
    newest = max((parts.moments[n] for n in numbers if n in parts.moments), default=latest)
    return newest >= latest - _RECENT_MICROSECONDS
