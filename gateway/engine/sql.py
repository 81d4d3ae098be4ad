"""A piece of SQL and its parameters; no value ever stands in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import LimitExceeded

_PLACE = re.compile(r"\{([0-9])\}")
_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text with `?` for each of `parameters`, in order."""

    text: str
    parameters: tuple[object, ...] = ()


def fill(template: str, *operands: Sql) -> Sql:
    """The template with `{0}`, `{1}`, ... replaced; an operand may stand twice or not at all.

    Raises:
        LimitExceeded: operands that stand twice, inside each other, spell too long a text.

    >>> fill("({1} - {0} + {1})", Sql("a"), Sql("?", (5,)))
    Sql(text='(? - a + ?)', parameters=(5, 5))
    """
    text = _PLACE.sub(lambda place: operands[int(place[1])].text, template)
    places = [operands[int(number)] for number in _PLACE.findall(template)]
    if len(places) > len(operands) and len(text) > _LONGEST:
        raise LimitExceeded("the expression is too large; simplify it or ask for less at once")
    return Sql(text, parameters(places))


def parameters(parts: Iterable[Sql]) -> tuple[object, ...]:
    """The parameters of all parts, in order."""
    return tuple(parameter for part in parts for parameter in part.parameters)


def quote(name: str) -> str:
    """An SQL identifier; names come from the contract, never from a URL."""
    return '"' + name.replace('"', '""') + '"'
