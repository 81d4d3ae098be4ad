"""Positions of values in the configuration file, for error messages."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

Path = tuple[str, ...]
"""The path to a value in the file: the names of its tables, then its own name."""
_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")


class Misplaced(ValueError):
    """An unusable value of the configuration file; `path` leads to it."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


def line_of(text: str, path: Path) -> int | None:
    r"""Return the first line of a value or table, counted from 1, or None if it is not there.

    The search parses one more line each time until the result has the value. That finds quoted and
    dotted names, inline tables and multi-line texts exactly where TOML has them.

    >>> line_of('port = 1\n[roles.hr]\nhide = [\n  "x",\n]', ("roles", "hr", "hide"))
    3
    >>> line_of('port = 1\n[roles.hr]', ("roles", "hr"))
    2
    """
    lines = text.splitlines()
    start = 1
    for number in range(1, len(lines) + 1):
        try:
            found = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue  # the statement continues on the next line
        if _has(found, path):
            return start
        start = number + 1
    return None


def _has(table: object, path: Path) -> bool:
    for name in path:
        if not isinstance(table, Mapping) or name not in table:
            return False
        table = table[name]
    return True


def located(file: str, text: str, path: Path) -> str:
    """Return the file, with the line if it is known: `gateway.toml, line 3`."""
    line = line_of(text, path)
    return file if line is None else f"{file}, line {line}"


def syntax_message(file: str, text: str, error: tomllib.TOMLDecodeError) -> str:
    """Return the message for a text that is not TOML, with the line of the error."""
    message = str(error)
    found = _LINE.search(message)
    where = f"{found[1]}, column {found[2]}" if found else str(len(text.splitlines()))
    reason = message.partition(" (at ")[0]
    hint = "texts need quotes, lists need square brackets, and names must be unique"
    return f"{file}, line {where}: not TOML: {reason} ({hint})"


def among(wrong: str, names: Iterable[str]) -> str:
    """Return a suggestion: the nearest name, or all known names.

    >>> among("prot", ["host", "port"]), among("zzz", ["host", "port"])
    ('did you mean port?', 'the known names are: host, port')
    """
    known = [*names]
    near = get_close_matches(wrong, known, 1)
    return f"did you mean {near[0]}?" if near else f"the known names are: {', '.join(known)}"
