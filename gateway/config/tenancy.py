"""`[workspaces.*]` and `[roles.*]` of the configuration file: whose data, and who sees what of it.

The settings outside of any table are those of the workspace `default`, and what the others have
unless they say otherwise. Where the data is and whose token opens it each workspace says itself:
one workspace's token is never sent to another's upstream.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.config.places import Misplaced, Path, among
from gateway.config.setting import Setting, Share
from gateway.config.table import SETTINGS

DEFAULT_WORKSPACE = "default"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ROLE_KEYS = ("rows", "hide", "mask", "sets")


@dataclass(frozen=True, slots=True)
class Role:
    """What callers with this role may see of their workspace.

    `rows` is a condition on results in the language of $filter, None for all of them; rows of the
    other sets are made of those results alone. Columns named by `hide` are not there, of those
    named by `mask` a digest is shown. `sets` are the entity sets that are there, None for all.
    `place` is the table in the configuration file, for messages.
    """

    name: str
    rows: str | None = None
    hide: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    sets: tuple[str, ...] | None = None
    place: str = ""


def read_roles(table: object, place: str) -> tuple[Role, ...]:
    """The tables `[roles.NAME]`; `place` is what stands before them in the file.

    Raises:
        Misplaced: names the table and what it must be.
    """
    return tuple(
        _role(name, entry, f"[{place}{name}]") for name, entry in _tables(table, place).items()
    )


def _role(name: str, entry: Mapping[str, Any], place: str) -> Role:
    path = _path(place)
    unknown = sorted(entry.keys() - set(_ROLE_KEYS))
    if unknown:
        remedy = among(unknown[0], _ROLE_KEYS)
        raise Misplaced(f"{place} has no {unknown[0]!r}; {remedy}", (*path, unknown[0]))
    if not entry:
        raise Misplaced(
            f"{place} limits nothing; leave it out, and keys without a role see all", path
        )
    rows = entry.get("rows")
    if rows is not None and (not isinstance(rows, str) or not rows.strip()):
        raise Misplaced(
            f"{place} rows: must be a condition in the language of $filter, as a text",
            (*path, "rows"),
        )
    sets = _names(entry, "sets", place)
    if sets == ():
        raise Misplaced(
            f"{place} sets: names no entity set; without it all are there", (*path, "sets")
        )
    hide, mask = (_names(entry, key, place) or () for key in ("hide", "mask"))
    return Role(name, rows, hide, mask, sets, place)


def _names(entry: Mapping[str, Any], key: str, place: str) -> tuple[str, ...] | None:
    found = entry.get(key)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise Misplaced(
            f'{place} {key}: must be a list of names, e.g. ["userEmail"]', (*_path(place), key)
        )
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class WorkspaceTable:
    """One table `[workspaces.NAME]`: what it says itself, converted, and its roles."""

    name: str
    values: dict[str, Any]
    roles: tuple[Role, ...]


def read_workspaces(table: object) -> tuple[WorkspaceTable, ...]:
    """The tables `[workspaces.NAME]`.

    Raises:
        Misplaced: names the table and what it must be.
    """
    return tuple(_workspace(name, entry) for name, entry in _tables(table, "workspaces.").items())


def _workspace(name: str, entry: Mapping[str, Any]) -> WorkspaceTable:
    place = f"[workspaces.{name}]"
    if name == DEFAULT_WORKSPACE:
        message = f"{place}: the settings outside of any table are those of {name!r}"
        raise Misplaced(message, _path(place))
    known = {s.name: s for s in SETTINGS if s.share is not Share.NOT}
    unknown = sorted(entry.keys() - known.keys() - {"roles"})
    if unknown:
        remedy = among(unknown[0], (*known, "roles"))
        raise Misplaced(
            f"{place} has no setting {unknown[0]!r}; {remedy}", (*_path(place), unknown[0])
        )
    given = {key: _value(known[key], value, place) for key, value in entry.items() if key in known}
    own = {s.name: s.default for s in known.values() if s.share is Share.OWN}
    return WorkspaceTable(
        name, own | given, read_roles(entry.get("roles", {}), f"workspaces.{name}.roles.")
    )


def _value(setting: Setting, value: object, place: str) -> object:
    try:
        return setting.convert(value)
    except ValueError as error:
        message = f"{place} {setting.shown(value)}: {error} ({setting.help})"
        raise Misplaced(message, (*_path(place), setting.name)) from error


def _tables(table: object, place: str) -> dict[str, Mapping[str, Any]]:
    """Named tables in a table; names are short, because files and log lines carry them."""
    path = _path(place)
    if not isinstance(table, Mapping):
        raise Misplaced(f"[{place.rstrip('.')}] must be a table of tables", path)
    for name, entry in table.items():
        if not _NAME.fullmatch(name):
            raise Misplaced(
                f"[{place}{name}]: a name has lower-case letters, digits, - and _, 63 at the most",
                (*path, name),
            )
        if not isinstance(entry, Mapping):
            raise Misplaced(f"[{place}{name}] must be a table", (*path, name))
    return dict(table)


def _path(place: str) -> Path:
    """The names of the tables in a place as messages show it: names have no dots."""
    return tuple(place.strip("[].").split("."))
