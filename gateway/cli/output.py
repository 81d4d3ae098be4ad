"""The output of commands: tables that fit the terminal, plain lines for a pipe, JSON, errors.

Values are untrusted data: characters that could control a terminal are replaced.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec

_MIN_WIDTH_CHARACTERS = 10
"""The narrowest column that is still useful."""
GAP_CHARACTERS = 2


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: fitted to a terminal with long texts cut, otherwise in full and aligned."""
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
    """Print the columns that fit, and note how many were left out."""
    full = [max(map(cell_width, column)) for column in zip(columns, *rows, strict=True)]
    widths = fitted(full, width())
    draw(columns[: len(widths)], [row[: len(widths)] for row in rows], widths)
    if len(columns) > len(widths):
        left = len(columns) - len(widths)
        note(f"{left} more columns do not fit: use a wider window, or write to a file")


def width() -> int:
    """Return the width of the terminal in characters."""
    from rich.console import Console  # imported late: slow, and needed on a terminal only

    return Console().width


def cell_width(text: str) -> int:
    """Return the width of a text on a terminal: letters of East Asia and emojis take two."""
    from rich.cells import cell_len

    return cell_len(text)


def draw(columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """Print a table on a terminal; texts wider than their column end with an ellipsis."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, GAP_CHARACTERS, 0, 0), pad_edge=False)
    for column, wide in zip(columns, widths, strict=True):
        table.add_column(Text(column), width=wide, overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


def fitted(widths: list[int], available: int) -> list[int]:
    """Return widths that fit, of as many columns as are useful; the widest shrink first.

    >>> fitted([4, 30, 6], 40), fitted([20, 20, 20, 20], 24)
    ([4, 26, 6], [11, 11])
    """
    given: list[int] = []
    for width in widths:
        if (
            given
            and sum(min(w, _MIN_WIDTH_CHARACTERS) + GAP_CHARACTERS for w in (*given, width))
            - GAP_CHARACTERS
            > available
        ):
            break
        given.append(width)
    while sum(given) + GAP_CHARACTERS * (len(given) - 1) > available:
        widest = given.index(max(given))
        given[widest] -= 1
    return given


def printable(text: str) -> str:
    r"""Return the text with a mark for each character that moves the cursor, colours or hides.

    >>> printable("Noor\x1b[2J\n")
    'Noor�[2J�'
    """
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def note(text: str) -> None:
    """Print a message to stderr, apart from the output."""
    click.echo(text, err=True)


def print_error(status: int, code: str, message: str, details: Iterable[str]) -> None:
    """Print an error of the catalogue; details of a syntax error point to the position."""
    note(f"{status} {code}: {printable(message)}")
    for detail in details:
        for line in detail.splitlines():
            note(f"  {printable(line)}")
