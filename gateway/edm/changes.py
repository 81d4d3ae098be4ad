"""Two published models -> what a report notices: columns and tables that came, went or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from gateway.edm.model import EntityType, Property, Schema

Outline: TypeAlias = Mapping[str, Mapping[str, str]]
"""The type of each column and navigation property, by table and name."""


class ChangeKind(StrEnum):
    """The kind of a change of a column, or of a table."""

    ADDED = "added"
    REMOVED = "removed"
    RETYPED = "retyped"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a column; of a whole table if `column` is empty. `was` and `now` are types."""

    kind: ChangeKind
    table: str
    column: str = ""
    was: str = ""
    now: str = ""

    @property
    def name(self) -> str:
        """Return the name of the column with its table, or of the table."""
        return f"{self.table}.{self.column}" if self.column else f"the table {self.table}"

    @property
    def breaks_reports(self) -> bool:
        """True if a report that uses it fails at its next refresh."""
        return self.kind is not ChangeKind.ADDED

    @property
    def text(self) -> str:
        """Return the change in a sentence, with the risk for reports and the remedy."""
        match self.kind:
            case ChangeKind.ADDED:
                return f"{self.name} is new"
            case ChangeKind.REMOVED:
                remedy = "keep it with column_alias, or tell the reports' owners"
                if not self.column:
                    remedy = "restore it, or tell the reports' owners"
                return (
                    f"{self.name} is gone: reports that use it fail at the next refresh; {remedy}"
                )
            case ChangeKind.RETYPED:
                return (
                    f"{self.name} was {self.was} and is {self.now}: reports that calculate with it"
                    " can fail at the next refresh; give the new meaning a new column"
                )


def outline(schema: Schema) -> dict[str, dict[str, str]]:
    """Return the tables of a schema, with the types of their columns."""
    return {s.name: dict(_members(s.entity_type)) for s in schema.entity_sets}


def _members(entity_type: EntityType) -> Iterator[tuple[str, str]]:
    for prop in entity_type.properties:
        yield prop.name, _type(prop)
    for navigation in entity_type.navigation:
        rows = "rows" if navigation.collection else "a row"
        yield navigation.name, f"{rows} of {navigation.target}"


def _type(prop: Property) -> str:
    return f"Collection({prop.type})" if prop.collection else str(prop.type)


def compare(old: Outline, new: Outline) -> tuple[Change, ...]:
    """Return the changes: those of tables, then those of columns, each in the order of its model.

    >>> old = {"Users": {"id": "Edm.String", "dept": "Edm.String"}, "Teams": {}}
    >>> new = {"Users": {"id": "Edm.Int64", "department": "Edm.String"}}
    >>> for change in compare(old, new):
    ...     print(change.kind, change.name)
    removed the table Teams
    retyped Users.id
    removed Users.dept
    added Users.department
    """
    gone = (Change(ChangeKind.REMOVED, table) for table in old if table not in new)
    made = (Change(ChangeKind.ADDED, table) for table in new if table not in old)
    both = (table for table in old if table in new)
    changed = (change for t in both for change in _columns(t, old[t], new[t]))
    return (*gone, *made, *changed)


def _columns(table: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name, was in old.items():
        now = new.get(name)
        if now is None:
            yield Change(ChangeKind.REMOVED, table, name, was)
        elif now != was:
            yield Change(ChangeKind.RETYPED, table, name, was, now)
    for name, now in new.items():
        if name not in old:
            yield Change(ChangeKind.ADDED, table, name, now=now)
