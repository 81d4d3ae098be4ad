"""The files of a data directory: one database per snapshot, complete or absent.

`<id>.duckdb` is a snapshot, `building/` holds unfinished files, `*.unusable` are files set aside.
Ids are sixteen hexadecimal digits that the gateway makes. The contents are personal: only the owner
may read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from gateway.errors import ConfigurationProblem
from gateway.observe import Observer

_ID = re.compile(r"[0-9a-f]{16}")
_ABANDONED_SECONDS = 3600
_SET_ASIDE_SECONDS = 7 * 86_400


class SnapshotFiles:
    """Names and lifetimes of the files; another process may use the same directory.

    Raises:
        ConfigurationProblem: the directory cannot be made or written.
    """

    def __init__(self, directory: Path, observer: Observer) -> None:
        self.directory = directory.absolute()
        self.building = self.directory / "building"
        self._observer = observer
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.building.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigurationProblem(f"data_dir {directory}: {error.strerror}") from error

    def path(self, snapshot_id: str) -> Path:
        """Return the path of a finished snapshot."""
        return self.directory / f"{snapshot_id}.duckdb"

    def draft(self, snapshot_id: str) -> Path:
        """Return the path of a snapshot in the making."""
        return self.building / f"{snapshot_id}.duckdb"

    def copy(self, snapshot_id: str) -> Path:
        """Return the path of a finished draft's copy, before it is published."""
        return self.building / f"{snapshot_id}.copy"

    def publish(self, snapshot_id: str) -> None:
        """Rename the copy of a finished draft to the snapshot, for its owner only."""
        copy = self.copy(snapshot_id)
        copy.chmod(0o600)
        copy.replace(self.path(snapshot_id))

    def remove(self, snapshot_id: str) -> None:
        """Remove a snapshot; if that fails, the next start finds it."""
        self._remove(self.path(snapshot_id))

    def discard(self, snapshot_id: str) -> None:
        """Remove a draft and the files beside it; if that fails, a later start removes them."""
        for path in self.building.glob(f"{snapshot_id}.*"):
            self._remove(path)

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._observer.warn(f"snapshot {path.name} cannot be removed: {error.strerror}")

    def found(self) -> Iterator[str]:
        """Yield the ids of the snapshots in the directory; set other databases aside."""
        for path in sorted(self.directory.glob("*.duckdb")):
            if _ID.fullmatch(path.stem):
                yield path.stem
            else:
                self._set_aside(path, "its name is not a snapshot id")

    def set_aside(self, snapshot_id: str, reason: str) -> None:
        """Rename an unusable file, so that it is neither served nor lost."""
        self._set_aside(self.path(snapshot_id), reason)

    def _set_aside(self, path: Path, reason: str) -> None:
        aside = path.with_suffix(".unusable")
        try:
            path.replace(aside)
        except OSError as error:  # another process was first, or permission is missing
            self._observer.warn(f"{path.name} is unusable and cannot be renamed ({error.strerror})")
        else:
            self._observer.warn(
                f"{path.name} is unusable and was renamed to {aside.name}: {reason}"
            )

    def remove_leftovers(self, now: datetime) -> None:
        """Remove drafts of processes that ended, and files set aside a week ago.

        A young draft may belong to a running process.
        """
        for path in self.building.iterdir():
            with suppress(OSError):
                if now.timestamp() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()
        for path in self.directory.glob("*.unusable"):
            with suppress(OSError):  # ctime is when it was renamed
                if now.timestamp() - path.stat().st_ctime > _SET_ASIDE_SECONDS:
                    path.unlink()
