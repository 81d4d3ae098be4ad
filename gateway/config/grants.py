"""What groups and app roles of Microsoft Entra ID open: `GROUP=WORKSPACE[/ROLE]`.

Each function raises `ValueError` with what the value must be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from gateway.config.converters import as_names, as_text


@dataclass(frozen=True, slots=True)
class Grant:
    """Whoever is in the group `holder`, or has that app role, sees the workspace as `role` does.

    `role` None sees all of it.
    """

    holder: str
    workspace: str
    role: str | None = None


def as_grants(value: object) -> tuple[Grant, ...]:
    """`GROUP=WORKSPACE[/ROLE]` texts (repeated or with commas), or a TOML table; order counts."""
    pairs = (
        tuple((str(holder), str(place)) for holder, place in value.items())
        if isinstance(value, Mapping)
        else tuple(text.partition("=")[::2] for text in as_names(value))
    )
    grants = tuple(_grant(holder.strip(), place.strip()) for holder, place in pairs)
    if not grants or any(not g.holder or not g.workspace or g.role == "" for g in grants):
        raise ValueError(
            "must be GROUP=WORKSPACE or GROUP=WORKSPACE/ROLE, a group's object ID or an app role's"
            " value, and what they may see"
        )
    return grants


def _grant(holder: str, place: str) -> Grant:
    workspace, slash, role = place.partition("/")
    return Grant(
        holder.lower() if is_group_id(holder) else holder, workspace, role if slash else None
    )


def as_tenant(value: object) -> str:
    """A tenant's id."""
    text = as_text(value).lower()
    if not is_group_id(text):
        raise ValueError("must be the directory (tenant) ID, a GUID")
    return text


def as_audiences(value: object) -> tuple[str, ...]:
    """Application IDs and application ID URIs; with a URI, also as clients that add a slash ask."""
    names = tuple(name.rstrip("/") for name in as_names(value))
    if not names:
        raise ValueError("must be the application (client) ID, the application ID URI, or both")
    return tuple(
        form for name in names for form in ((name, f"{name}/") if "/" in name else (name,))
    )


def is_group_id(text: str) -> bool:
    """Whether it has the form of an object's id, and is no app role's value."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
