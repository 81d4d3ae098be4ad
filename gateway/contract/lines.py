"""Find the lines of conditions in a contract file, which the TOML parser does not report."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAME = re.compile(r'\bname\s*=\s*"([^"]*)"')
_WHERE = re.compile(r"\bwhere\s*=")


def condition_lines(text: str) -> dict[str, int]:
    """Return the line numbers of `where` by column names; the first line is 1.

    >>> lines = ("[[measures]]", 'where = "x eq 1"', 'name = "n"', '{ name = "m", where = "a" }')
    >>> condition_lines(chr(10).join(lines))
    {'n': 2, 'm': 4}
    """
    return dict(_found(text))


def _found(text: str) -> Iterator[tuple[str, int]]:
    name, waiting = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("["):
            name, waiting = "", 0
        named, has_condition = _NAME.search(line), _WHERE.search(line)
        if named and has_condition:
            yield named[1], number
            continue
        name = named[1] if named else name
        waiting = number if has_condition else waiting
        if name and waiting:
            yield name, waiting
            waiting = 0
