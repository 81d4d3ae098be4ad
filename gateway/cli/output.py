"""What commands print: tables that fit the terminal, plain lines for a pipe, JSON, refusals.

Values are data of others: what could steer a terminal is replaced before it gets there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec

_NARROWEST = 10
"""Letters of a column that still tell something."""
_GAP = 2


def print_json(value: Any) -> None:
    """Indented, in UTF-8."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """On a terminal as wide as it is, long texts cut; otherwise whole, columns below each other."""
    cleaned = [[printable(cell) for cell in row] for row in rows]
    heads = [printable(column) for column in columns]
    if sys.stdout.isatty():
        _print_fitted(heads, cleaned)
    else:
        _print_plain([heads, *cleaned])


def _print_plain(lines: list[list[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _print_fitted(columns: list[str], rows: list[list[str]]) -> None:
    """With so many columns as have room to tell something; how many are left out is said."""
    from rich.cells import cell_len
    from rich.console import Console  # only a terminal needs it, and it takes its time
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    widths = fitted(
        [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)], console.width
    )
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False)
    for column, width in zip(columns, widths, strict=False):
        table.add_column(Text(column), width=width, overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row[: len(widths)]))
    console.print(table)
    if len(columns) > len(widths):
        left = len(columns) - len(widths)
        note(f"{left} more columns have no room: select fewer, or print another format")


def fitted(widths: list[int], room: int) -> list[int]:
    """Widths that have room, of as many columns as can tell something; the widest give first.

    >>> fitted([4, 30, 6], 40), fitted([20, 20, 20, 20], 24)
    ([4, 26, 6], [11, 11])
    """
    given: list[int] = []
    for width in widths:
        if given and sum(min(w, _NARROWEST) + _GAP for w in (*given, width)) - _GAP > room:
            break
        given.append(width)
    while sum(given) + _GAP * (len(given) - 1) > room:
        widest = given.index(max(given))
        given[widest] -= 1
    return given


def printable(text: str) -> str:
    r"""The text with marks in the place of letters that move the cursor, colour or hide.

    >>> printable("Noor\x1b[2J\n")
    'Noor�[2J�'
    """
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def note(text: str) -> None:
    """Something beside the answer, on stderr."""
    click.echo(text, err=True)


def print_refusal(status: int, code: str, message: str, details: Iterable[str]) -> None:
    """An error as the catalogue has it; the details of a syntax error show the place by a caret."""
    note(f"{status} {code}: {printable(message)}")
    for detail in details:
        for line in detail.splitlines():
            note(f"  {printable(line)}")
