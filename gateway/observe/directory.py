"""The state of the directories that snapshots are written to, for probes and metrics."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import anyio.to_thread

_PATIENCE_SECONDS = 0.5
"""Less than the second that Kubernetes gives a probe."""
WRITABLE = "writable"


def can_write(directories: Iterable[Path]) -> bool:
    """Return True if a file can be written in each directory; blocks while a disk does."""
    try:
        for directory in directories:
            with tempfile.TemporaryFile(dir=directory) as file:
                file.write(b"ready")
    except OSError:
        return False
    return True


class DataDirectory:
    """A check of directories that never waits long: a network disk may not respond for minutes.

    One check runs at a time, so that a disk that does not respond takes one thread, not many.
    """

    def __init__(
        self,
        directories: Iterable[Path],
        check: Callable[[Iterable[Path]], bool] = can_write,
    ) -> None:
        self._directories = tuple(directories)
        self._check = check
        self._running: asyncio.Task[bool] | None = None

    async def state(self) -> str:
        """Return `writable`, `cannot be written` or `does not respond`, within half a second."""
        if self._running is None or self._running.done():
            work = anyio.to_thread.run_sync(self._check, self._directories, abandon_on_cancel=True)
            self._running = asyncio.ensure_future(work)
        done, _ = await asyncio.wait({self._running}, timeout=_PATIENCE_SECONDS)
        if not done:
            return "does not respond"
        return WRITABLE if self._running.result() else "cannot be written"
