"""The schema versions of a workspace in a file beside its snapshots, or in memory.

The file is replaced as a whole under a lock. It has no rows: only names of tables, columns and
roles, types, and instants. All processes of a data directory share it, so one of them reports a
change and the others find it reported.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from filelock import FileLock

from gateway.atomic_file import replace_file
from gateway.edm.changes import Change, compare, outline
from gateway.edm.model import Schema
from gateway.service.published import version_of

_FORMAT = 1
_LOCK_SECONDS = 2.0
_MAX_BYTES = 16_777_216
_MAX_VERSIONS = 200
_MAX_CHANGES = 500
"""The most changes that one version keeps; `omitted` counts the rest."""


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A schema version that replaced another; `at` is the first time that it was served.

    Without changes, only descriptions, listed values or abilities of the model changed.
    """

    version: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    changes: tuple[Change, ...]
    omitted: int = 0


class Audience(msgspec.Struct, forbid_unknown_fields=True):
    """The tables that one role was last served, and its versions, oldest first."""

    version: str
    tables: dict[str, dict[str, str]]
    versions: list[Version]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    audiences: dict[str, Audience]


class SchemaLog:
    """The served schema versions by role; "" is the name of callers who see everything.

    `warn` gets a sentence if the file cannot be read or written; memory alone has them then.
    """

    def __init__(self, path: Path | None, warn: Callable[[str], None] = lambda _: None) -> None:
        self._path = path
        self._warn = warn
        self._audiences: dict[str, Audience] = {}

    def audiences(self) -> dict[str, Audience]:
        """Return what each audience was served."""
        if self._path is not None and self._path.exists():
            self._audiences = self._read(self._path)
        return self._audiences

    def pending(self, schemas: dict[str, Schema]) -> dict[str, tuple[Change, ...]]:
        """Return what changes if these schemas are served now, by role; write nothing."""
        known = self.audiences()
        return {
            name: compare(known[name].tables, outline(schema))
            for name, schema in schemas.items()
            if name in known
        }

    def record(self, schemas: dict[str, Schema], at: datetime) -> dict[str, tuple[Change, ...]]:
        """Keep the schemas as served, and return what has changed since the last ones, by role."""
        if self._path is None:
            return self._advance(schemas, at)
        try:
            with FileLock(f"{self._path}.lock", timeout=_LOCK_SECONDS):
                self.audiences()
                changed = self._advance(schemas, at)
                text = msgspec.json.encode(_File(_FORMAT, self._audiences))
                replace_file(self._path, msgspec.json.format(text, indent=1))
                return changed
        except (OSError, TimeoutError) as error:
            self._warn(f"schema versions cannot be kept in {self._path}: {type(error).__name__}")
            return self._advance(schemas, at)

    def _advance(self, schemas: dict[str, Schema], at: datetime) -> dict[str, tuple[Change, ...]]:
        changed = {}
        for name, schema in schemas.items():
            tables, version = outline(schema), version_of(schema)
            known = self._audiences.get(name)
            if known is None:
                self._audiences[name] = Audience(version, tables, [])
            elif known.version != version:
                changes = compare(known.tables, tables)
                kept = changes[:_MAX_CHANGES]
                made = Version(version, at, kept, len(changes) - len(kept))
                versions = [*known.versions, made][-_MAX_VERSIONS:]
                self._audiences[name] = Audience(version, tables, versions)
                changed[name] = changes
        return changed

    def _read(self, path: Path) -> dict[str, Audience]:
        try:
            with path.open("rb") as file:
                found = msgspec.json.decode(file.read(_MAX_BYTES), type=_File)
        except (OSError, msgspec.DecodeError) as error:
            self._warn(f"the schema versions in {path} cannot be read and are ignored: {error}")
            return {}
        if found.format != _FORMAT:
            self._warn(f"the schema versions in {path} have another format and are ignored")
            return {}
        return found.audiences


def warnings_of(changes: dict[str, tuple[Change, ...]]) -> list[str]:
    """Return a sentence for each change that can break reports; of roles only what all do not have.

    A change that callers with all rows have too is reported once.
    """
    common = frozenset(changes.get("", ()))
    return [
        f"{change.text}{f' (role {name})' if name else ''}"
        for name, found in changes.items()
        for change in found
        if change.breaks_reports and (not name or change not in common)
    ]
