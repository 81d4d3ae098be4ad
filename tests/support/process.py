"""Commands as processes of their own: started, read while they run, and surely ended."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class Process:
    """A running command; what it writes, to either stream, gathers in `output`."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self._popen = popen
        self._written: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return "".join(self._written)

    def wait_for(self, pattern: str, seconds: float = 30) -> str:
        """The first group of the pattern, as soon as the output has it."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or re.search(pattern, self.output), seconds)
        found = re.search(pattern, self.output)
        assert found is not None, f"{pattern!r} never came:\n{self.output}"
        return found[1]

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._popen.send_signal(number)

    def stop(self, number: int, seconds: float = 10) -> int:
        """Send a signal and return the exit code."""
        self.signal(number)
        code = self._popen.wait(seconds)
        self._reader.join(seconds)
        return code

    def end(self, seconds: float = 10) -> None:
        """Kill it if it still runs, and read its output to the end before the stream is closed."""
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait(seconds)
        self._reader.join(seconds)

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            with self._changed:
                self._written.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


@contextmanager
def started(
    command: Sequence[str], *, cwd: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """A command that is killed at the end if it still runs; of our settings it inherits none."""
    with subprocess.Popen(
        [*command],
        cwd=cwd,
        env={**clean_environment(), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        bufsize=1,
    ) as popen:
        process = Process(popen)
        try:
            yield process
        finally:
            process.end()


def clean_environment() -> dict[str, str]:
    """The environment without settings of the gateway."""
    return {
        **{n: v for n, v in os.environ.items() if not n.startswith("SKILLHABIT_")},
        "PYTHONUNBUFFERED": "1",
    }
