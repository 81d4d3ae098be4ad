"""What a DAX expression refers to, and the same expression with the names of the model.

Only references are read: `Table[column]`, `'Table'[column]` and `[Measure]`. Texts in quotes are
left alone, and brackets have no other meaning in the expressions of `analysis.toml`.
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
    """A column of a table; a measure when `table` is empty."""

    table: str
    name: str


def references(dax: str) -> tuple[Reference, ...]:
    """All columns and measures that an expression reads.

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
    """The expression with other names of columns.

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
    """The name of a table as DAX takes it; Date is a function, too, and needs quotes."""
    plain = re.fullmatch(r"[A-Za-z_]\w*", name) is not None and name != "Date"
    return name if plain else "'" + name.replace("'", "''") + "'"


def _reference(match: re.Match[str]) -> Reference | None:
    return None if match[3] is None else Reference(match[1] or match[2] or "", match[3])
