"""Entity sets that derive from the results: people, contents, groups, and counts of them.

A contract file defines their rows by columns of the results, so that all sets come from one extract
and are consistent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.edm.model import EntitySet, Property


class ColumnKind(StrEnum):
    """The kind of a column of a derived set.

    GROUP: one row for each of its values. FIRST: the value in the newest result of the group. EACH:
    one row for each element of a collection in the newest result. COUNT: the number of results.
    DISTINCT: the number of different values of a column. AVERAGE, LEAST, MOST: the mean, minimum
    and maximum of a column without nulls. CONSTANT: the same text in all rows.

    Sets without groups have a row for each result. SAME is a copy of its column, GUID a Guid
    computed from it, DAY a day in one of several years computed from it. DIGEST is an instant that
    changes with any change of the results of the same DAY, which `of` names.
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
    """One column; `of` is the column of the results that it derives from.

    `where` is a $filter condition on results, in which now() is the instant of the extract; other
    results do not count. `place` is the place of the condition in the file, for messages. `text` is
    the value of a CONSTANT, `years` are those of a DAY.
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
    """An entity set and the definition of its rows.

    `unnest` are collections of the results that are expanded first, all of them in parallel: a
    result with three groups then counts as three.
    """

    entity_set: EntitySet
    columns: tuple[DerivedColumn, ...]
    unnest: tuple[str, ...] = ()

    def find(self, name: str) -> DerivedColumn | None:
        """Return the column of a property, None if there is none."""
        return next((column for column in self.columns if column.prop.name == name), None)

    def copy_of(self, name: str) -> Property | None:
        """Return the property that copies a column of the results; None in sets with groups."""
        copies = (c.prop for c in self.columns if c.kind is ColumnKind.SAME and c.of == name)
        return next(copies, None)

    @property
    def copies_results(self) -> bool:
        """Return True if the set has a row for each result, in their order."""
        return any(column.kind is ColumnKind.SAME for column in self.columns)
