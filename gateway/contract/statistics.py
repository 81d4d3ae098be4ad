"""The members of the upstream's statistics, defined by columns of the results."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """The meaning of a member for the rows that match the filters.

    ROWS: their number. DISTINCT: the number of different values of a column, without null.
    NOT_NULL: the number of rows in which a column is not null. AVERAGE: the mean of a column, which
    is never exact: it may be rounded, and its last digits depend on the order of adding. VALUES: an
    object with the number of rows for each value of an enumeration; a missing value has no rows.
    It is used only if its listed values account for all rows.
    """

    ROWS = "rows"
    DISTINCT = "distinct"
    NOT_NULL = "not-null"
    AVERAGE = "average"
    VALUES = "values"


@dataclass(frozen=True, slots=True)
class Statistic:
    """One member; `name` is its table in the contract file, `column` is empty for ROWS.

    A member that is not `exact` is neither read nor used for responses.
    """

    name: str
    member: tuple[str, ...]
    measure: Measure
    column: str
    exact: bool
