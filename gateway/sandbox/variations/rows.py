"""Rows of a variation: from the canonical nested shape to the one that the API publishes."""

from collections.abc import Callable
from typing import cast

import msgspec

from gateway.sandbox.records import Row, decode_rows
from gateway.sandbox.variations.attributes import Objects, render_custom_fields, render_groups
from gateway.sandbox.variations.layout import lay_out, rename
from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.parts import Members, render_content, render_key, render_person
from gateway.sandbox.variations.values import render_values

_MAX_KNOWN_ROWS = 100_000
"""The most cached rows; each takes a kilobyte."""


class RowEncoder:
    """The rows of a variation as JSON text; a row that has not changed is encoded once."""

    def __init__(self, variation: Variation) -> None:
        self._variation = variation
        self._known: dict[int, tuple[Row, msgspec.Raw]] = {}

    def encode(self, rows: list[Row]) -> list[msgspec.Raw]:
        """Return the text of each row."""
        unknown = [row for row in rows if self._find(row) is None]
        if len(self._known) + len(unknown) > _MAX_KNOWN_ROWS:
            self._known.clear()
            unknown = rows
        rendered = render_rows(unknown, self._variation)
        for row, value in zip(unknown, rendered, strict=True):
            self._known[row.sequence] = (row, msgspec.Raw(msgspec.json.encode(value)))
        return [self._known[row.sequence][1] for row in rows]

    def _find(self, row: Row) -> msgspec.Raw | None:
        known, text = self._known.get(row.sequence, (None, None))
        return text if known is row else None


def render_rows(rows: list[Row], variation: Variation) -> list[object]:
    """Render rows as JSON values, in their order."""
    return [_render_row(row, variation) for row in decode_rows(rows)]


def _render_row(row: dict[str, object], variation: Variation) -> object:
    user = cast("Members | None", row.pop("user"))
    content = cast("Members | None", row.pop("content"))
    key = render_key(str(row.pop("id")), variation.key, started=row.get("state") != "NOT_STARTED")
    rendered = {
        **key,
        **render_content(content, variation.content),
        **render_person(user, variation.user),
        **rename(render_values(row, variation.values), variation.layout),
    }
    _add_attributes(rendered, user, variation)
    return lay_out(rendered, variation.layout, variation.key.name)


def _add_attributes(rendered: Members, user: Members | None, variation: Variation) -> None:
    """Add groups and custom fields where the API has them; a missing user has neither."""
    if user is None:
        return
    groups = cast("Objects", user.get("groups") or ())
    fields = cast("Objects", user.get("customFields") or ())
    _add(
        rendered, variation.groups.place, variation, lambda: render_groups(groups, variation.groups)
    )
    _add(
        rendered,
        variation.fields.place,
        variation,
        lambda: render_custom_fields(fields, variation.fields),
    )


def _add(
    rendered: Members, place: str, variation: Variation, render: Callable[[], Members]
) -> None:
    if place == "row":
        rendered.update(render())
    elif place == "user":
        holder = rendered.get(variation.user.member)
        (holder if isinstance(holder, dict) else rendered).update(render())
