"""Rows of a variation: from the canonical nested shape to the one that the API publishes."""

from collections.abc import Callable
from typing import cast

from gateway.sandbox.records import Row, decode_rows
from gateway.sandbox.variations.attributes import Objects, render_custom_fields, render_groups
from gateway.sandbox.variations.layout import lay_out, rename
from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.parts import Members, render_content, render_key, render_person
from gateway.sandbox.variations.values import render_values


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
