"""The form of the query builder: a query as the user composes it.

`to_query` turns it into a URL, `from_query` turns a URL into a form, `fields` maps it to HTML. The
form keeps as text what its fields do not cover: conditions with the operator `odata`, and other
query options in `other`.
"""

from __future__ import annotations

from dataclasses import dataclass

OWN = "odata"
"""The operator of a custom condition, whose single value is an OData expression."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition: column, operator and values, as in `gateway.pages.builder.conditions`.

    Values are text as the user enters it, without OData's quotes. A custom condition has no column.
    """

    column: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SortKey:
    """A sort key; `name` is a column or the name of a total."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class FormTotal:
    """A total of a group: `method` is `count`, without a column, or an OData method of a column."""

    method: str
    column: str
    alias: str


@dataclass(frozen=True, slots=True)
class Form:
    """A query.

    `rest` is the path after the table, percent-encoded. Empty `columns` selects all columns.
    `wrong_top` is an entered limit that is not a number. With `groups` or `totals` the rows are
    totals, and conditions apply to the rows before grouping. `other` holds options (name with `$`,
    decoded value).
    """

    table: str
    rest: str = ""
    columns: tuple[str, ...] = ()
    any_of: bool = False
    conditions: tuple[Condition, ...] = ()
    groups: tuple[str, ...] = ()
    totals: tuple[FormTotal, ...] = ()
    order: tuple[SortKey, ...] = ()
    top: int | None = None
    wrong_top: str = ""
    count: bool = False
    other: tuple[tuple[str, str], ...] = ()

    @property
    def is_grouped(self) -> bool:
        """Return True if the rows are totals."""
        return bool(self.groups or self.totals)
