"""The state of the directories that snapshots are written to, for probes and metrics."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

_PATIENCE_SECONDS = 0.5
"""Less than the second that Kubernetes gives a probe."""
WRITABLE = "writable"


@dataclass(frozen=True, slots=True)
class DirectoryState:
    """`text` is `writable`, `cannot be written` or `does not respond`.

    `free_bytes` is the least free space of the directories; None if it is not known.
    """

    text: str
    free_bytes: int | None = None

    @property
    def is_writable(self) -> bool:
        """True if files can be written in each directory."""
        return self.text == WRITABLE


def look_at(directories: Iterable[Path]) -> DirectoryState:
    """Write a file in each directory and measure its free space; blocks while a disk does."""
    free: list[int] = []
    try:
        for directory in directories:
            with tempfile.TemporaryFile(dir=directory) as file:
                file.write(b"ready")
            free.append(shutil.disk_usage(directory).free)
    except OSError:
        return DirectoryState("cannot be written")
    return DirectoryState(WRITABLE, min(free, default=None))


class DataDirectory:
    """A check of directories that never waits long: a network disk may not respond for minutes.

    One check runs at a time, so that a disk that does not respond takes one thread, not many.
    """

    def __init__(
        self,
        directories: Iterable[Path],
        check: Callable[[Iterable[Path]], DirectoryState] = look_at,
    ) -> None:
        self._directories = tuple(directories)
        self._check = check
        self._running: asyncio.Task[DirectoryState] | None = None

    async def state(self) -> DirectoryState:
        """Return the state, within half a second."""
        if self._running is None or self._running.done():
            work = anyio.to_thread.run_sync(self._check, self._directories, abandon_on_cancel=True)
            self._running = asyncio.ensure_future(work)
        done, _ = await asyncio.wait({self._running}, timeout=_PATIENCE_SECONDS)
        return self._running.result() if done else DirectoryState("does not respond")
