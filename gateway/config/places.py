"""Where in the configuration file something stands, for messages that lead there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

Path = tuple[str, ...]
"""Of a value in the file: the names of its tables, then its own."""
_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")


class Misplaced(ValueError):
    """Something of the configuration file that cannot be used; `path` leads to it."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


def line_of(text: str, path: Path) -> int | None:
    r"""The line where a value or a table begins, from 1 on; None when it is not there.

    The file is read with one line more each time until it has the value: so quoted and dotted
    names, inline tables and texts of several lines are found where TOML says that they are.

    >>> line_of('port = 1\n[roles.hr]\nhide = [\n  "x",\n]', ("roles", "hr", "hide"))
    3
    >>> line_of('port = 1\n[roles.hr]', ("roles", "hr"))
    2
    """
    lines = text.splitlines()
    begins = 1
    for number in range(1, len(lines) + 1):
        try:
            found = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue  # the statement goes on in the next line
        if _has(found, path):
            return begins
        begins = number + 1
    return None


def _has(table: object, path: Path) -> bool:
    for name in path:
        if not isinstance(table, Mapping) or name not in table:
            return False
        table = table[name]
    return True


def located(file: str, text: str, path: Path) -> str:
    """The file, and the line if it is known: `gateway.toml, line 3`."""
    line = line_of(text, path)
    return file if line is None else f"{file}, line {line}"


def told_syntax(file: str, text: str, error: tomllib.TOMLDecodeError) -> str:
    """What is wrong with a text that is not TOML, with the line, the last one when all is read."""
    message = str(error)
    found = _LINE.search(message)
    where = f"{found[1]}, column {found[2]}" if found else str(len(text.splitlines()))
    reason = message.partition(" (at ")[0]
    hint = "a text stands in quotes, a list in square brackets, and each name once"
    return f"{file}, line {where}: not TOML: {reason} ({hint})"


def among(wrong: str, names: Iterable[str]) -> str:
    """What may have been meant: the nearest name, or all of them.

    >>> among("prot", ["host", "port"]), among("zzz", ["host", "port"])
    ('did you mean port?', 'there are: host, port')
    """
    known = [*names]
    near = get_close_matches(wrong, known, 1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
