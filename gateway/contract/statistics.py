"""What the members of the upstream's statistics mean, in terms of the columns of the results."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """What a member tells of the rows that match the filters.

    ROWS: how many there are. DISTINCT: how many different values a column has in them, null not
    counted. NOT_NULL: in how many of them a column is not null. AVERAGE: the mean of a column,
    which is never exact: it may be rounded, and its last digits depend on the order of adding.
    VALUES: an object that tells for each value of an enumeration in how many rows it is; a value
    that is left out is in none. It is used where it accounts for all rows by listed values.
    """

    ROWS = "rows"
    DISTINCT = "distinct"
    NOT_NULL = "not-null"
    AVERAGE = "average"
    VALUES = "values"


@dataclass(frozen=True, slots=True)
class Statistic:
    """One member; `name` is its table in the contract file, `column` is empty for ROWS.

    One that is not `exact` is never used for an answer, nor read.
    """

    name: str
    member: tuple[str, ...]
    measure: Measure
    column: str
    exact: bool
