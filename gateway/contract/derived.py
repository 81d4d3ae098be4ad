"""Entity sets that are made of the results: people, contents, groups, and counts of them.

A contract file says what their rows are in terms of the columns of the results, so that one extract
feeds all sets and all of them are of one moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.edm.model import EntitySet, Property


class ColumnKind(StrEnum):
    """What a column of a derived set is.

    GROUP: there is one row for each of its values. FIRST: the value in the newest result of the
    group. EACH: one row for each element of a collection in the newest result. COUNT: how many
    results. DISTINCT: how many values of a column. AVERAGE, LEAST, MOST: of a column, nulls left
    out. CONSTANT: the same text in all rows.

    In sets without groups, which have a row for each result: SAME is its column, GUID a number made
    of it, DAY a day in one of some years made of it, and DIGEST an instant that differs when
    anything differs in the results of the same DAY, which `of` names.
    """

    GROUP = "group"
    FIRST = "first"
    EACH = "each"
    COUNT = "count"
    DISTINCT = "distinct"
    AVERAGE = "average"
    LEAST = "least"
    MOST = "most"
    CONSTANT = "constant"
    SAME = "same"
    GUID = "guid"
    DAY = "day"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class DerivedColumn:
    """One column; `of` is the column of the results that it is made of.

    `where` is a condition on results in the language of $filter, in which now() is the moment of
    the extract; results that do not meet it do not count. `place` says where in the file it is.
    `text` is the value of a CONSTANT, `years` are those of a DAY.
    """

    prop: Property
    kind: ColumnKind
    of: str = ""
    where: str = ""
    text: str = ""
    years: range = range(0)
    place: str = ""


@dataclass(frozen=True, slots=True)
class DerivedSet:
    """An entity set and how its rows are made.

    `unnest` are collections of the results that are taken apart first, element by element together:
    a result with three groups then counts as three.
    """

    entity_set: EntitySet
    columns: tuple[DerivedColumn, ...]
    unnest: tuple[str, ...] = ()

    def find(self, name: str) -> DerivedColumn | None:
        """The column of a property."""
        return next((column for column in self.columns if column.prop.name == name), None)

    def copy_of(self, name: str) -> Property | None:
        """The property that is a column of the results; None in sets with groups."""
        copies = (c.prop for c in self.columns if c.kind is ColumnKind.SAME and c.of == name)
        return next(copies, None)

    @property
    def copies_results(self) -> bool:
        """Whether it has a row for each result, in their order."""
        return any(column.kind is ColumnKind.SAME for column in self.columns)
