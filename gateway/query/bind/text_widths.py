"""Upper bounds on the length of computed texts, checked before anything is computed.

DuckDB keeps every intermediate text for some thousand rows at once, and does not count them
towards its memory limit. So the texts that an expression can make for a row are bounded here.
"""

from __future__ import annotations

from gateway.edm.types import PrimitiveType
from gateway.query.tree.expressions import BoundExpr, CaseWhen, ColumnRef, Constant, FunctionCall

MAX_TEXT_CHARACTERS = 8_192
"""The limit for all texts computed for a row, intermediate ones included."""
_MAX_CHARACTERS_PER_UPPER_CASE = 3
_ASSUMED_CHARACTERS = 64
"""The assumed length of any other expression's text."""


def width_of(expr: BoundExpr) -> int:
    """Return the number of characters that the text may have."""
    match expr:
        case Constant(str() as text, _):
            return len(text)
        case ColumnRef(prop):
            return prop.width
        case FunctionCall("concat", arguments):
            return sum(map(width_of, arguments))
        case FunctionCall("toupper", (text,)):
            return _MAX_CHARACTERS_PER_UPPER_CASE * width_of(text)
        case FunctionCall(_, (first, *_)) if expr.type is PrimitiveType.STRING:
            return width_of(first)
        case CaseWhen(branches):
            return max(width_of(value) for _, value in branches)
        case _:
            return _ASSUMED_CHARACTERS
