"""The columns by which figures can be filtered and grouped, and the values to choose from."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from gateway.edm.model import EntityType, Schema
from gateway.edm.types import PrimitiveType
from gateway.errors import InvalidValue
from gateway.pages.feed import SnapshotFeed

GROUP, CONTENT = "group", "contentId"
_OWN_FIELDS = ("from", "to", "by", "sort")
_CHOICES_SHOWN = 500
_LITERAL = re.compile(r"null|'(?:[^']|'')*'")


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter of the page: its values as literals of OData with their names, and the chosen one.

    No text can be mistaken for null, because values are literals.
    """

    name: str
    values: tuple[tuple[str, str], ...]
    chosen: str


def dimensions(schema: Schema) -> tuple[str, ...]:
    """Return what a page can be limited to: custom fields, groups, content, type of enrollment.

    A custom field with the name of another field of the form is left out.
    """
    found_set = schema.find_set("Results")
    results = set(() if found_set is None else found_set.entity_type.names) - {*_OWN_FIELDS}
    users, groups = schema.find_set("Users"), schema.find_set("Groups")
    kind = None if users is None else users.entity_type
    fields = () if kind is None else (p for p in kind.properties if p.name not in kind.key)
    found = [f.name for f in fields if f.name in results and f.type is PrimitiveType.STRING]
    if groups is not None and "groupIds" in results:
        found.append(GROUP)
    return (*found, *(name for name in (CONTENT, "enrollmentType") if name in results))


def chosen_literal(name: str, text: str) -> str:
    """Return a literal as the URL has it; empty if nothing is chosen.

    Raises:
        InvalidValue: the text is no literal. It may be a person's, so the message leaves it out.
    """
    if text and not _LITERAL.fullmatch(text):
        raise InvalidValue(
            f"{name}: write the value as in OData, in single quotes and with each quote in it"
            f" doubled, or null: {name}='R%26D'; or choose it on the page /insights"
        )
    return text


def check_names(asked: Collection[str], filters: Collection[str]) -> None:
    """Refuse a filter that the page does not have: its numbers would be those of all rows.

    Raises:
        InvalidValue: with the filters of this caller.
    """
    known = (*filters, *_OWN_FIELDS)
    unknown = next((name for name in asked if name not in known), None)
    if unknown is not None:
        raise InvalidValue(
            f"{unknown[:60]}: the page has no such filter, or you do not see the column; use"
            f" {', '.join(known)}"
        )


def condition(name: str, value: str) -> str:
    """Return the condition of a choice, whose value is a literal."""
    return f"groupIds/any(g:g eq {value})" if name == GROUP else f"{name} eq {value}"


def literal(value: object) -> str:
    """Return a text or null as a literal.

    >>> literal("O'Neil"), literal(None)
    ("'O''Neil'", 'null')
    """
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


def columns_of(name: str, results: EntityType) -> tuple[str, ...]:
    """Return the columns of the results with the values of a dimension; the last has the names."""
    has_names = name == CONTENT and results.find("contentName") is not None
    return (name, "contentName") if has_names else (name,)


async def values_of(
    name: str, results: EntityType, feed: SnapshotFeed
) -> tuple[tuple[str, str], ...]:
    """Return the values of a dimension, as literals of OData, and their names.

    Raises:
        GatewayError: as the feed would.
    """
    if name == GROUP:
        url = f"Groups?$select=id,name&$orderby=name&$top={_CHOICES_SHOWN}"
        groups = await feed.rows(url)
        return tuple((literal(row["id"]), str(row["name"] or row["id"])) for row in groups)
    columns = columns_of(name, results)
    listed = ",".join(columns)
    url = f"Results?$apply=groupby(({listed}))&$orderby={listed}&$top={_CHOICES_SHOWN}"
    rows = await feed.rows(url)
    return tuple((literal(row[name]), name_of(row[columns[-1]] or row[name])) for row in rows)


def name_of(value: object) -> str:
    """Return the name of a value; empty for null and for an empty text."""
    return "" if value is None else str(value)
