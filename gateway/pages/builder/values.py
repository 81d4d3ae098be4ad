"""Values to choose from: those that the model allows, or those that the rows at hand have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio
import msgspec

from gateway.edm.model import EntitySet, Property
from gateway.edm.types import PrimitiveType
from gateway.errors import GatewayError
from gateway.pages.builder.preview import at_hand, body_of, understand
from gateway.query.preferences import Preferences
from gateway.service.messages import ResponseOptions
from gateway.service.service import QueryService
from gateway.writer.format import Format
from gateway.writer.links import Links
from grammar import encode_query

MOST = 200
"""Longer lists are suggestions only: the first of them."""
_PATIENCE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class SuggestedValue:
    """A value, and what people call it where that is another thing."""

    value: str
    label: str = ""

    @property
    def text(self) -> str:
        """What is seen of it; blanks alone would not be."""
        text = self.label or self.value
        return text if text.strip() else f'"{text}"'


@dataclass(frozen=True, slots=True)
class Choices:
    """What to choose from.

    `whole` tells that no row at hand has another value, `closed` that no row ever will.
    """

    items: tuple[SuggestedValue, ...] = ()
    whole: bool = False
    closed: bool = False

    def with_chosen(self, values: Sequence[str]) -> tuple[SuggestedValue, ...]:
        """With what is chosen already in front, if it is not among them."""
        known = {item.value for item in self.items}
        return (*(SuggestedValue(value) for value in values if value not in known), *self.items)


NOTHING_LISTED = Choices()
"""A person writes what they mean."""


async def find_choices(
    service: QueryService, root: str, entity_set: EntitySet, prop: Property
) -> Choices:
    """The values of a column; none where a list would not help, or rows are not at hand."""
    if prop.allowed_values:
        return Choices(tuple(map(SuggestedValue, prop.allowed_values)), whole=True, closed=True)
    if prop.type is PrimitiveType.BOOLEAN:
        return Choices((SuggestedValue("true"), SuggestedValue("false")), whole=True, closed=True)
    if prop.type is not PrimitiveType.STRING or (prop.name,) == entity_set.entity_type.key:
        return NOTHING_LISTED
    with anyio.move_on_after(_PATIENCE_SECONDS):
        try:
            return await _in_rows(service, root, entity_set, prop)
        except GatewayError:
            return NOTHING_LISTED
    return NOTHING_LISTED


async def _in_rows(
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
    query = encode_query((*options, ("$orderby", order), ("$top", str(MOST + 1))))
    rows = await _rows(service, f"{table}?{query}", root)
    found = [
        SuggestedValue(row[value], (row.get(label) or "") if label else "")
        for row in rows
        if row[value]
    ]
    return Choices(tuple(found[:MOST]), whole=len(rows) <= MOST)


async def _rows(service: QueryService, url: str, root: str) -> list[dict[str, Any]]:
    kept = at_hand(service)
    wishes = Preferences(max_page_size=MOST + 1)
    question = await understand(kept, url, root)
    answer = await kept.respond(question, ResponseOptions(Format(), wishes, Links(root)))
    rows: list[dict[str, Any]] = msgspec.json.decode(body_of(answer))["value"]
    return rows
