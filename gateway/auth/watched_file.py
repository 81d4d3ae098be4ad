"""A file that is read again when it has changed, so that keys can change without a restart.

A check costs one `stat`. A file that cannot be read or parsed has no content at all: its previous
content may admit callers that the new one excludes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from gateway.observe import Observer

T = TypeVar("T")
_State = tuple[int, int, int, int]


class Unreadable(Exception):
    """The file is missing or invalid; the message gives the reason, and none of the content."""


class WatchedFile(Generic[T]):
    """A file and its parsed content; `parse` raises a `ValueError` that quotes no content."""

    def __init__(self, path: Path, parse: Callable[[bytes], T], observer: Observer) -> None:
        self._path = path
        self._parse = parse
        self._observer = observer
        self._state_when_read: _State | None = None
        self._content: T | None = None
        self._problem = ""

    def current(self) -> T:
        """Return the current content; log a warning once when the file becomes unreadable.

        Raises:
            Unreadable: the file is missing or invalid.
        """
        state = self._state()  # before reading: the next check sees a change made meanwhile
        if state is None or state != self._state_when_read:
            self._state_when_read = state
            self._read()
        if self._content is None:
            raise Unreadable(self._problem)
        return self._content

    def is_usable(self) -> bool:
        """Return True if the file can be read and parsed now."""
        try:
            self.current()
        except Unreadable:
            return False
        return True

    def _state(self) -> _State | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - on each request; half the cost of Path.stat
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino

    def _read(self) -> None:
        try:
            self._content, problem = self._parse(self._path.read_bytes()), ""
        except OSError as error:
            self._content, problem = None, f"{self._path} cannot be read: {error.strerror}"
        except RecursionError:
            self._content, problem = None, f"{self._path} is nested too deeply"
        except ValueError as error:
            self._content, problem = None, f"{self._path} {error}"
        if problem and problem != self._problem:
            self._observer.warn(f"{problem}; until it is corrected, no key in it opens anything")
        self._problem = problem
