"""A file that is read again when it has changed, so that keys come and go without a restart.

A look costs one `stat`. What cannot be read or understood counts as nothing at all: the content of
before may let in whom the new one shuts out.
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
    """The file is not there or not what it must be; says why, and nothing of its content."""


class WatchedFile(Generic[T]):
    """`parse` makes the content of the bytes, or raises a `ValueError` without any of them."""

    def __init__(self, path: Path, parse: Callable[[bytes], T], observer: Observer) -> None:
        self._path = path
        self._parse = parse
        self._observer = observer
        self._seen: _State | None = None
        self._content: T | None = None
        self._problem = ""

    def current(self) -> T:
        """The content as it is now; a warning is logged when it turns bad, not each time.

        Raises:
            Unreadable: there is none.
        """
        state = self._state()  # before it is read: a change meanwhile is seen by the next look
        if state is None or state != self._seen:
            self._seen = state
            self._read()
        if self._content is None:
            raise Unreadable(self._problem)
        return self._content

    def _state(self) -> _State | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - each request; half the cost of Path.stat
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
            self._observer.warn(f"{problem}; until it is mended, no key in it opens anything")
        self._problem = problem
