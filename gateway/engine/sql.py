"""Pieces of SQL and their parameters; no value is ever part of the text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import LimitExceeded

_PLACE = re.compile(r"\{([0-9])\}")
_MAX_SQL_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text with `?` for each of `parameters`, in order."""

    text: str
    parameters: tuple[object, ...] = ()


def fill(template: str, *operands: Sql) -> Sql:
    """Replace `{0}`, `{1}`, ... in a template; an operand may occur twice or not at all.

    Raises:
        LimitExceeded: nested operands that occur twice make too long a text.

    >>> fill("({1} - {0} + {1})", Sql("a"), Sql("?", (5,)))
    Sql(text='(? - a + ?)', parameters=(5, 5))
    """
    text = _PLACE.sub(lambda place: operands[int(place[1])].text, template)
    places = [operands[int(number)] for number in _PLACE.findall(template)]
    if len(places) > len(operands) and len(text) > _MAX_SQL_CHARACTERS:
        raise LimitExceeded("the expression is too large; simplify it or split the query")
    return Sql(text, parameters(places))


def parameters(parts: Iterable[Sql]) -> tuple[object, ...]:
    """Return the parameters of all parts, in order."""
    return tuple(parameter for part in parts for parameter in part.parameters)


def quote(name: str) -> str:
    """Return an SQL identifier; no name can end the quotes."""
    return '"' + name.replace('"', '""') + '"'
