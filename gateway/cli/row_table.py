"""Rows on a terminal: the columns that a person reads, in the width that there is.

Nothing is left out or cut if all of it fits. What is, is noted, with the way to get everything.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Any

import click

from gateway.cli.output import GAP_CHARACTERS, cell_width, draw, note, print_table, printable, width

_MIN_TEXT_CHARACTERS = 10
_MIN_INSTANT_CHARACTERS = 11
"""A date and the mark of what is cut."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?")
_WORD = re.compile(r"[A-Z][A-Z_]*")
_ID = re.compile(r"(?:^id|Ids?)$")
_ADDRESS = re.compile(r"@|://")


class _Kind(IntEnum):
    """The content of a column, in the order in which columns are worth their place."""

    NAME = 0
    NUMBER = 1
    INSTANT = 2
    WORD = 3
    TEXT = 4
    LATER_INSTANT = 5
    ADDRESS = 6
    ID = 7
    NESTED = 8
    EMPTY = 9


_INSTANTS = (_Kind.INSTANT, _Kind.LATER_INSTANT)


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns to show by their numbers, and their widths."""

    shown: tuple[int, ...]
    widths: tuple[int, ...]


def print_rows(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], texts: Sequence[Sequence[str]], *,
    is_chosen: bool,
) -> None:  # fmt: skip
    """Print rows and their `texts`: in full in a pipe, fitted on a terminal.

    If the columns are chosen by the query, their order says which are worth most.
    """
    if not sys.stdout.isatty():
        print_table(columns, texts)
        return
    cells = [[printable(text) for text in line] for line in texts]
    heads = [printable(column) for column in columns]
    kinds = _with_one_instant(
        [_kind(name, [row[n] for row in rows]) for n, name in enumerate(columns)]
    )
    wide = [max(map(cell_width, column)) for column in zip(heads, *cells, strict=True)]
    layout = fit(kinds, wide, width(), is_chosen=is_chosen)
    draw([heads[n] for n in layout.shown],
         [[line[n] for n in layout.shown] for line in cells], layout.widths)  # fmt: skip
    _note_what_is_missing(heads, cells, layout)


def fit(kinds: Sequence[_Kind], wide: Sequence[int], available: int, *, is_chosen: bool) -> Layout:
    """Return as many columns as fit, those worth most first, in the order of the feed.

    `wide` are their full widths. Before a column is left out, instants are cut to their dates, and
    texts shrink; numbers never do.
    """
    every = range(len(wide))
    if _total(wide) <= available:
        return Layout((*every,), (*wide,))
    least = [min(w, _least(kind, w)) for kind, w in zip(kinds, wide, strict=True)]
    worth = every if is_chosen else sorted(every, key=lambda n: (kinds[n], n))
    taken: list[int] = []
    for n in worth:
        if kinds[n] is _Kind.EMPTY and not is_chosen:
            continue
        if not taken or _total([least[each] for each in (*taken, n)]) <= available:
            taken.append(n)
        elif is_chosen:
            break
    taken.sort()
    if _total([wide[n] for n in taken]) <= available:
        return Layout((*taken,), tuple(wide[n] for n in taken))
    begin = [least[n] if kinds[n] in _INSTANTS else wide[n] for n in taken]
    return Layout((*taken,), _widths(begin, [least[n] for n in taken], available))


def _with_one_instant(kinds: list[_Kind]) -> list[_Kind]:
    """Return the kinds; of several instants the first one is worth most."""
    if _Kind.INSTANT not in kinds:
        return kinds
    first = kinds.index(_Kind.INSTANT) + 1
    return kinds[:first] + [
        _Kind.LATER_INSTANT if kind is _Kind.INSTANT else kind for kind in kinds[first:]
    ]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP_CHARACTERS * (len(widths) - 1)


def _widths(wide: Sequence[int], least: Sequence[int], available: int) -> tuple[int, ...]:
    """Shrink the widest column that may, until all fit; a single one shrinks to what there is."""
    given = [*wide]
    while _total(given) > available:
        able = [n for n in range(len(given)) if given[n] > least[n]]
        if not able:
            return (available,)
        given[max(able, key=given.__getitem__)] -= 1
    return (*given,)


def _least(kind: _Kind, full: int) -> int:
    match kind:
        case _Kind.NUMBER | _Kind.WORD:
            return full
        case _Kind.INSTANT | _Kind.LATER_INSTANT:
            return _MIN_INSTANT_CHARACTERS
        case _:
            return _MIN_TEXT_CHARACTERS


def _kind(name: str, values: Sequence[Any]) -> _Kind:
    """Return what a column holds, by its values; an identifier or a name is known by its name."""
    found = [value for value in values if value is not None and value != ""]
    if not found:
        return _Kind.EMPTY
    if any(isinstance(value, list | dict) for value in found):
        return _Kind.NESTED
    if all(isinstance(value, bool | int | float | Decimal) for value in found):
        return _Kind.NUMBER
    if _ID.search(name):
        return _Kind.ID
    if name.lower().endswith("name"):
        return _Kind.NAME
    for pattern, kind in ((_INSTANT, _Kind.INSTANT), (_WORD, _Kind.WORD)):
        if all(isinstance(value, str) and pattern.fullmatch(value) for value in found):
            return kind
    return _Kind.ADDRESS if any(_ADDRESS.search(str(value)) for value in found) else _Kind.TEXT


def _note_what_is_missing(
    heads: Sequence[str], cells: Sequence[Sequence[str]], layout: Layout
) -> None:
    left_out = [name for n, name in enumerate(heads) if n not in layout.shown]
    cut = sum(
        cell_width(line[n]) > wide
        for line in cells
        for n, wide in zip(layout.shown, layout.widths, strict=True)
    )
    if not left_out and not cut:
        return
    parts = [f"{cut} values are cut (…)"] if cut else []
    if left_out:
        parts.append(
            f"{len(left_out)} of {len(heads)} columns are not shown: {', '.join(left_out)}"
        )
    remedy = "for everything, use --format csv or json; to choose columns, add select=NAME,NAME"
    note(click.wrap_text("; ".join(parts), width()))
    note(click.wrap_text(remedy, width()))
