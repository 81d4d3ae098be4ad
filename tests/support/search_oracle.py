"""A brute-force evaluation of $search over plain Python rows, on the grammar's tree.

A text matches a row when it stands in one of the row's texts; letters are lowered one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grammar import SearchAnd, SearchExpr, SearchIncomplete, SearchNot, SearchOr, SearchTerm
from tests.support.oracle_values import called


def finds(expr: SearchExpr, row: Mapping[str, Any]) -> bool:
    """Whether the row matches."""
    match expr:
        case SearchTerm(text, _) | SearchIncomplete(text):
            texts = [value for value in row.values() if isinstance(value, str)]
            return any(called("tolower", [text]) in called("tolower", [value]) for value in texts)
        case SearchNot(operand):
            return not finds(operand, row)
        case SearchAnd(left, right):
            return finds(left, row) and finds(right, row)
        case SearchOr(left, right):
            return finds(left, row) or finds(right, row)
