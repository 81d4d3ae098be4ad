"""How tightly operators bind (Part 2, 5.1.1.17), for the unparser; odata.lark says the same."""

from __future__ import annotations

UNARY = 7
TIGHTEST = 9

BINDING: dict[str, int] = {
    "or": 1,
    "and": 2,
    "eq": 3,
    "ne": 3,
    "lt": 4,
    "le": 4,
    "gt": 4,
    "ge": 4,
    "add": 5,
    "sub": 5,
    "mul": 6,
    "div": 6,
    "divby": 6,
    "mod": 6,
    "has": 8,
    "in": 8,
}
