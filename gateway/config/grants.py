"""Grants to groups and app roles of Microsoft Entra ID: `GROUP=WORKSPACE[/ROLE]`.

Each function raises `ValueError` with a description of valid values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from gateway.config.converters import as_names, as_text


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant of `role` in `workspace` to members of the group, or of the app role, `holder`.

    With `role` None they see the whole workspace.
    """

    holder: str
    workspace: str
    role: str | None = None


def as_grants(value: object) -> tuple[Grant, ...]:
    """Return grants in order, from `GROUP=WORKSPACE[/ROLE]` texts or from a TOML table."""
    pairs = (
        tuple((str(holder), str(place)) for holder, place in value.items())
        if isinstance(value, Mapping)
        else tuple(text.partition("=")[::2] for text in as_names(value))
    )
    grants = tuple(_grant(holder.strip(), place.strip()) for holder, place in pairs)
    if not grants or any(not g.holder or not g.workspace or g.role == "" for g in grants):
        raise ValueError(
            "must be GROUP=WORKSPACE or GROUP=WORKSPACE/ROLE, where GROUP is a group's object ID or"
            " an app role's value"
        )
    return grants


def _grant(holder: str, place: str) -> Grant:
    workspace, slash, role = place.partition("/")
    return Grant(
        holder.lower() if is_group_id(holder) else holder, workspace, role if slash else None
    )


def as_tenant(value: object) -> str:
    """Return a tenant's ID."""
    text = as_text(value).lower()
    if not is_group_id(text):
        raise ValueError("must be the directory (tenant) ID, a GUID")
    return text


def as_audiences(value: object) -> tuple[str, ...]:
    """Return application IDs and application ID URIs, each URI also with a trailing slash."""
    names = tuple(name.rstrip("/") for name in as_names(value))
    if not names:
        raise ValueError("must be the application (client) ID, the application ID URI, or both")
    return tuple(
        form for name in names for form in ((name, f"{name}/") if "/" in name else (name,))
    )


def is_group_id(text: str) -> bool:
    """Return True if the text is an object's ID rather than an app role's value."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
