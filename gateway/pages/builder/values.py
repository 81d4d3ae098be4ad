"""Suggested values: those that the model allows, or those in the newest snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio
import msgspec

from gateway.edm.labels import value_label
from gateway.edm.model import EntitySet, Property
from gateway.edm.types import PrimitiveType
from gateway.errors import GatewayError
from gateway.pages.builder.preview import body_of, on_newest_snapshot, understand
from gateway.query.preferences import Preferences
from gateway.service.messages import ResponseOptions
from gateway.service.service import QueryService
from gateway.writer.format import Format
from gateway.writer.links import Links
from grammar import encode_query

MAX_VALUES = 200
"""Longer lists are cut to this length."""
_TIMEOUT_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class SuggestedValue:
    """A value, and its label if that differs.

    `is_listed` is True for a value of the contract file's list that the owner has not named.
    """

    value: str
    label: str = ""
    is_listed: bool = False

    @property
    def text(self) -> str:
        """Return the visible text; quotes make a blank value visible."""
        text = self.label or self.value
        return text if text.strip() else f'"{text}"'


@dataclass(frozen=True, slots=True)
class Choices:
    """A list of suggested values.

    `whole` is True if no row of the snapshot has another value, `closed` if no row can ever have.
    """

    items: tuple[SuggestedValue, ...] = ()
    whole: bool = False
    closed: bool = False

    def with_chosen(self, values: Sequence[str]) -> tuple[SuggestedValue, ...]:
        """Return the items, preceded by chosen values that are not among them."""
        known = {item.value for item in self.items}
        return (*(SuggestedValue(value) for value in values if value not in known), *self.items)


NOTHING_LISTED = Choices()
"""No suggestions: the user types the value."""


async def find_choices(
    service: QueryService, root: str, entity_set: EntitySet, prop: Property
) -> Choices:
    """Return a column's values; none if a list would not help or no snapshot is cached."""
    if prop.allowed_values:
        listed = tuple(_labelled(prop, value) for value in prop.allowed_values)
        return Choices(listed, whole=True, closed=True)
    if prop.type is PrimitiveType.BOOLEAN:
        return Choices((SuggestedValue("true"), SuggestedValue("false")), whole=True, closed=True)
    if prop.type is not PrimitiveType.STRING or (prop.name,) == entity_set.entity_type.key:
        return NOTHING_LISTED
    with anyio.move_on_after(_TIMEOUT_SECONDS):
        try:
            return await _from_snapshot(service, root, entity_set, prop)
        except GatewayError:
            return NOTHING_LISTED
    return NOTHING_LISTED


async def _from_snapshot(
    service: QueryService, root: str, entity_set: EntitySet, prop: Property
) -> Choices:
    if prop.collection:
        listed = service.listed_in(prop.name)
        if listed is None:
            return NOTHING_LISTED
        table, value, label = listed
        names = [value, label] if label else [value]
        order = label or value
        options: tuple[tuple[str, str], ...] = (("$select", ",".join(names)),)
    else:
        table, value, label, order = entity_set.name, prop.name, "", prop.name
        steps = f"filter({value} ne null)/groupby(({value}))"
        options = (("$apply", steps),)
    query = encode_query((*options, ("$orderby", order), ("$top", str(MAX_VALUES + 1))))
    rows = await _rows(service, f"{table}?{query}", root)
    found = [
        SuggestedValue(row[value], row.get(label) or "") if label else _labelled(prop, row[value])
        for row in rows
        if row[value]
    ]
    return Choices(tuple(found[:MAX_VALUES]), whole=len(rows) <= MAX_VALUES)


def _labelled(prop: Property, value: str) -> SuggestedValue:
    is_listed = value in prop.known_values and value not in dict(prop.value_labels)
    return SuggestedValue(value, value_label(prop, value), is_listed)


async def _rows(service: QueryService, url: str, root: str) -> list[dict[str, Any]]:
    snapshot = on_newest_snapshot(service)
    preferences = Preferences(max_page_size=MAX_VALUES + 1)
    request = await understand(snapshot, url, root)
    response = await snapshot.respond(request, ResponseOptions(Format(), preferences, Links(root)))
    rows: list[dict[str, Any]] = msgspec.json.decode(body_of(response))["value"]
    return rows
