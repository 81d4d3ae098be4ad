"""ORDER BY lists: null first ascending, last descending (Protocol 11.2.6.2).

DuckDB treats expressions that can fail on a row, such as divisions, as volatile and refuses them
in a window's ORDER BY. So windows sort by columns that an inner SELECT computes.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.engine.compile import compile_expression
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.query.tree.expressions import BoundExpr, BoundOrder, ColumnRef


def sort_keys(order: tuple[BoundOrder, ...]) -> Sql:
    """Return the ORDER BY list, which is never empty."""
    keys = [fill(f"{{0}} {_direction(item)}", compile_expression(item.expr)) for item in order]
    return Sql(", ".join(key.text for key in keys), parameters(keys))


@dataclass(frozen=True, slots=True)
class SortedRows:
    """Rows for a window: a FROM item, the window's ORDER BY list, and the columns it needs.

    `added` names the columns that were added for sorting.
    """

    source: Sql
    order: str
    added: tuple[str, ...] = ()

    @property
    def columns(self) -> str:
        """Return the rows' own columns, for SELECT."""
        return f"* EXCLUDE ({', '.join(self.added)})" if self.added else "*"


def sorted_rows(
    order: tuple[BoundOrder, ...], source: Sql, condition: Sql | None = None
) -> SortedRows:
    """Return the rows of `source`, a FROM item with the alias `r`, with their sort keys as columns.

    Only rows that pass `condition` are included: for the others a key might not exist.
    """
    computed = (item.expr for item in order if not isinstance(item.expr, ColumnRef))
    names: dict[BoundExpr, str] = {
        expr: quote(f"$sort{number}") for number, expr in enumerate(computed)
    }
    keys = ", ".join(
        f"{names.get(item.expr) or compile_expression(item.expr).text} {_direction(item)}"
        for item in order
    )
    added = [fill(f"{{0}} AS {name}", compile_expression(expr)) for expr, name in names.items()]
    if not added and condition is None:
        return SortedRows(source, keys)
    listed = Sql(", ".join(("*", *(column.text for column in added))), parameters(added))
    text = "(SELECT {1} FROM {0} WHERE {2}) AS r"
    return SortedRows(
        fill(text, source, listed, condition or Sql("true")), keys, tuple(names.values())
    )


def _direction(item: BoundOrder) -> str:
    return "DESC NULLS LAST" if item.descending else "ASC NULLS FIRST"
