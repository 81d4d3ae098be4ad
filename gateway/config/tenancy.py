"""The tables `[workspaces.*]` and `[roles.*]` of the configuration file.

The settings outside of any table are those of the workspace `default`, and the defaults of the
others. Each workspace sets its own upstream and token: one workspace's token is never sent to
another's upstream.
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
    """A role: the part of its workspace that callers with it may see.

    `rows` is a condition on results in $filter syntax, None for all; the other sets are derived
    from those results only. Columns in `hide` do not exist for the role; columns in `mask` show
    digests. `sets` are the visible entity sets, None for all. `place` is the table in the
    configuration file, for messages.
    """

    name: str
    rows: str | None = None
    hide: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    sets: tuple[str, ...] | None = None
    place: str = ""


def read_roles(table: object, place: str) -> tuple[Role, ...]:
    """Return the roles of the tables `[roles.NAME]`; `place` is their prefix in the file.

    Raises:
        Misplaced: a table is invalid; the message names it and the remedy.
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
            f"{place} limits nothing; remove it, since keys without a role see everything", path
        )
    rows = entry.get("rows")
    if rows is not None and (not isinstance(rows, str) or not rows.strip()):
        raise Misplaced(
            f"{place} rows: must be a condition in $filter syntax, as a text",
            (*path, "rows"),
        )
    sets = _names(entry, "sets", place)
    if sets == ():
        raise Misplaced(
            f"{place} sets: names no entity set; remove it to show all", (*path, "sets")
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
    """A table `[workspaces.NAME]`: its own values, converted, and its roles."""

    name: str
    values: dict[str, Any]
    roles: tuple[Role, ...]


def read_workspaces(table: object) -> tuple[WorkspaceTable, ...]:
    """Return the tables `[workspaces.NAME]`.

    Raises:
        Misplaced: a table is invalid; the message names it and the remedy.
    """
    return tuple(_workspace(name, entry) for name, entry in _tables(table, "workspaces.").items())


def _workspace(name: str, entry: Mapping[str, Any]) -> WorkspaceTable:
    place = f"[workspaces.{name}]"
    if name == DEFAULT_WORKSPACE:
        message = f"{place}: put the settings of {name!r} outside of any table"
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
    """Return the named tables in a table; names are short, since files and log lines have them."""
    path = _path(place)
    if not isinstance(table, Mapping):
        raise Misplaced(f"[{place.rstrip('.')}] must be a table of tables", path)
    for name, entry in table.items():
        if not _NAME.fullmatch(name):
            raise Misplaced(
                f"[{place}{name}]: a name has at most 63 lower-case letters, digits, - and _",
                (*path, name),
            )
        if not isinstance(entry, Mapping):
            raise Misplaced(f"[{place}{name}] must be a table", (*path, name))
    return dict(table)


def _path(place: str) -> Path:
    """Return the names of the tables in `place`; names contain no dots."""
    return tuple(place.strip("[].").split("."))
