"""A program of the owner's, run for what it prints: no shell, and a limit in time and bytes."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from time import monotonic
from typing import IO


@dataclass(frozen=True, slots=True)
class Printed:
    """What a program printed, and how it ended."""

    output: bytes
    exit_code: int


def run_program(command: tuple[str, ...], *, seconds: float, most_bytes: int) -> Printed:
    """Run a program to its end; what it writes to stderr is dropped.

    Its output is read in a thread, because a program that it started may keep the pipe open.

    Raises:
        TimeoutError: it takes longer; it was killed.
        OverflowError: it prints more; it was killed.
        OSError, ValueError: it cannot be run.
    """
    deadline = monotonic() + seconds
    process = subprocess.Popen(  # noqa: S603 - the owner's own command, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        output = _output(process.stdout, most_bytes + 1, seconds)
        if len(output) > most_bytes:
            raise OverflowError
        return Printed(output, process.wait(max(0.0, deadline - monotonic())))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    finally:
        process.kill()
        process.wait()


def _output(pipe: IO[bytes] | None, size: int, seconds: float) -> bytes:
    """Return all that comes through the pipe, up to `size` bytes."""
    found: list[bytes] = []

    def read() -> None:
        if pipe is not None:
            with pipe:
                found.append(pipe.read(size))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(seconds)
    if not found:
        raise TimeoutError
    return found[0]
