"""References in DAX expressions: lists them, and replaces them with the model's names.

Only references are parsed: `Table[column]`, `'Table'[column]` and `[Measure]`. Quoted texts are
skipped, and brackets have no other meaning in the expressions of `analysis.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_REFERENCE = re.compile(r'"(?:[^"]|"")*"|(?:\'([^\']+)\'|\b([A-Za-z_]\w*))?\[([^\]]+)\]')

_TEXT = re.compile(r'"(?:[^"]|"")*"')
_COMPARED = re.compile(
    r"(?:'([^']+)'|\b([A-Za-z_]\w*))\[([^\]]+)\]\s*(?:==?|<>|[<>]=?|IN)\s*"
    r'("(?:[^"]|"")*"|\{[^}]*\})'
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to a column, or to a measure if `table` is empty."""

    table: str
    name: str


def references(dax: str) -> tuple[Reference, ...]:
    """Return all columns and measures that an expression refers to.

    >>> references('DIVIDE ( [Failed], SUM ( Results[progress] ) ) & "[x]"')
    (Reference(table='', name='Failed'), Reference(table='Results', name='progress'))
    """
    found = (_reference(match) for match in _REFERENCE.finditer(dax))
    return tuple(reference for reference in found if reference is not None)


def literals(dax: str) -> Iterator[tuple[Reference, str]]:
    """Yield the texts that columns are compared with.

    >>> [*literals('Results[state] <> "A" && T[c] IN { "B", "C" }')] == [
    ...     (Reference("Results", "state"), "A"), (Reference("T", "c"), "B"),
    ...     (Reference("T", "c"), "C")]
    True
    """
    for match in _COMPARED.finditer(dax):
        reference = Reference(match[1] or match[2], match[3])
        for text in _TEXT.findall(match[4]):
            yield reference, text[1:-1].replace('""', '"')


def rename(dax: str, name_of: Callable[[Reference], str]) -> str:
    """Return the expression with renamed columns.

    >>> rename("SUM ( Results[progress] )", lambda reference: "Progress")
    'SUM ( Results[Progress] )'
    """

    def replaced(match: re.Match[str]) -> str:
        reference = _reference(match)
        if reference is None or not reference.table:
            return match[0]
        return f"{table_name(reference.table)}[{name_of(reference)}]"

    return _REFERENCE.sub(replaced, dax)


def table_name(name: str) -> str:
    """Return a table name in DAX syntax; Date needs quotes because it is also a function."""
    plain = re.fullmatch(r"[A-Za-z_]\w*", name) is not None and name != "Date"
    return name if plain else "'" + name.replace("'", "''") + "'"


def _reference(match: re.Match[str]) -> Reference | None:
    return None if match[3] is None else Reference(match[1] or match[2] or "", match[3])
