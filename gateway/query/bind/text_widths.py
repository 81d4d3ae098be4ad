"""How long the texts may become that a question puts together, before anything is computed.

DuckDB keeps every text in between for some thousand rows at once, and does not count them among
the memory that it may take. So what literals and repetitions can make of a row is bounded here.
"""

from __future__ import annotations

from gateway.edm.types import PrimitiveType
from gateway.query.tree.expressions import BoundExpr, Call, CaseWhen, ColumnRef, Constant

MOST_TEXT = 8_192
"""Characters in all texts that are made for a row, those in between too."""
_LONGEST_UPPER_CASE = 3
_USUAL = 64
"""What another expression's text is taken to have."""


def width_of(expr: BoundExpr) -> int:
    """Characters that the text may have; a column's of the data itself count as many as usual."""
    match expr:
        case Constant(str() as text, _):
            return len(text)
        case ColumnRef(prop):
            return prop.width
        case Call("concat", arguments):
            return sum(map(width_of, arguments))
        case Call("toupper", (text,)):
            return _LONGEST_UPPER_CASE * width_of(text)
        case Call(_, (first, *_)) if expr.type is PrimitiveType.STRING:
            return width_of(first)
        case CaseWhen(branches):
            return max(width_of(value) for _, value in branches)
        case _:
            return _USUAL
