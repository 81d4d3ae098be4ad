"""What the form of the query builder holds: a query as a person picks it together.

`to_query` makes the URL of it, `from_query` reads a URL back into it, `fields` are its HTML. What
the form has no place for is kept as text: a condition as a condition with the operator `odata`, an
option in `other`.
"""

from __future__ import annotations

from dataclasses import dataclass

OWN = "odata"
"""The operator of a condition whose one value is written in OData."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`column operator values`, as in `gateway.pages.builder.conditions`.

    Values are text as a person writes it, without OData's quotes. An own condition has no column.
    """

    column: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of the order; `name` is a column, or what a total is called."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """What is told of a group: `method` is `count`, of no column, or one of OData's of a column."""

    method: str
    column: str
    alias: str


@dataclass(frozen=True, slots=True)
class Form:
    """A query.

    `rest` is what stands behind the table in the path, percent-encoded. Without `columns` all come.
    `wrong_top` is what was written there and is no number. With `groups` or `totals` the rows are
    totals, and conditions are on what is summed up. `other` are options (name with `$`, decoded
    value).
    """

    table: str
    rest: str = ""
    columns: tuple[str, ...] = ()
    any_of: bool = False
    conditions: tuple[Condition, ...] = ()
    groups: tuple[str, ...] = ()
    totals: tuple[Total, ...] = ()
    order: tuple[SortKey, ...] = ()
    top: int | None = None
    wrong_top: str = ""
    count: bool = False
    other: tuple[tuple[str, str], ...] = ()

    @property
    def is_grouped(self) -> bool:
        """Whether the rows are totals."""
        return bool(self.groups or self.totals)
