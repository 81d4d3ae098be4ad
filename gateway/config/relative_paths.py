"""Relative paths in the configuration file, which start at the folder of the file.

Until version 0.1 they started at the working directory. A path that only exists there is still used
there, so that a running installation keeps working; `FileFolder.is_elsewhere` finds such paths.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.config.converters import as_path
from gateway.config.login_converters import CREDENTIAL, as_login_body
from gateway.config.table import SETTINGS

_PATHS = frozenset(setting.name for setting in SETTINGS if setting.convert is as_path)
_BODIES = frozenset(setting.name for setting in SETTINGS if setting.convert is as_login_body)


@dataclass(frozen=True, slots=True)
class FileFolder:
    """The folder of a configuration file, and the working directory."""

    folder: Path
    working: Path

    def resolve(self, text: str) -> str:
        """Return a path of the file as the process can use it; one that `is_elsewhere` stays.

        The text is unchanged if it is absolute, or if the two folders are the same.
        """
        return text if self.is_elsewhere(text) else self.beside(text)

    def beside(self, text: str) -> str:
        """Return a path of the file, whether it exists or not."""
        return str(self.folder / text) if self._is_relative(text) else text

    def written(self, text: str) -> str:
        """Return a path of the command line as the file has it: the opposite of `beside`."""
        if not self._is_relative(text):
            return text
        path, folder = self.working / text, self.folder.absolute()
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)

    def is_elsewhere(self, text: str) -> bool:
        """Return True if the path exists in the working directory only."""
        return (
            self._is_relative(text)
            and not (self.folder / text).exists()
            and (self.working / text).exists()
        )

    def _is_relative(self, text: str) -> bool:
        is_same = self.folder.absolute() == self.working.absolute()
        return bool(text) and not (is_same or text.startswith("~") or Path(text).is_absolute())


def with_paths(table: Mapping[str, Any], resolve: Callable[[str], str]) -> dict[str, Any]:
    """Return the parsed file with each path replaced, also in `[workspaces.*]`."""
    changed = {name: _changed(name, value, resolve) for name, value in table.items()}
    others = table.get("workspaces")
    if isinstance(others, Mapping):
        changed["workspaces"] = {
            name: with_paths(other, resolve) if isinstance(other, Mapping) else other
            for name, other in others.items()
        }
    return changed


def paths_of(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield each path of the parsed file once."""
    found: dict[str, None] = {}

    def remember(text: str) -> str:
        found[text] = None
        return text

    with_paths(table, remember)
    yield from found


def _changed(name: str, value: object, resolve: Callable[[str], str]) -> object:
    if name in _PATHS and isinstance(value, str | Path):
        return resolve(str(value))
    return _with_credentials(value, resolve) if name in _BODIES else value


def _with_credentials(value: object, resolve: Callable[[str], str]) -> object:
    """Replace the path of each `${file.PATH}`.

    Slashes separate its folders on every system: the text may be JSON, where a backslash escapes.
    """

    def replaced(found: re.Match[str]) -> str:
        if found[1] != "file" or resolve(found[2]) == found[2]:
            return found[0]
        return f"${{file.{Path(resolve(found[2])).as_posix()}}}"

    match value:
        case str():
            return CREDENTIAL.sub(replaced, value)
        case Mapping():
            return {name: _with_credentials(inner, resolve) for name, inner in value.items()}
        case list():
            return [_with_credentials(inner, resolve) for inner in value]
        case _:
            return value
