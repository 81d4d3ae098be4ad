"""A program of the owner, run for its output: without a shell, limited in time and bytes."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from time import monotonic
from typing import IO


@dataclass(frozen=True, slots=True)
class Printed:
    """The output and exit code of a program."""

    output: bytes
    exit_code: int


def run_program(command: tuple[str, ...], *, seconds: float, max_bytes: int) -> Printed:
    """Run a program to its end; stderr is discarded.

    A thread reads the output, because a child process of the program may keep the pipe open.

    Raises:
        TimeoutError: the program took longer and was killed.
        OverflowError: the program printed more and was killed.
        OSError, ValueError: the program cannot be run.
    """
    deadline = monotonic() + seconds
    process = subprocess.Popen(  # noqa: S603 - the owner's own command, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        output = _output(process.stdout, max_bytes + 1, seconds)
        if len(output) > max_bytes:
            raise OverflowError
        return Printed(output, process.wait(max(0.0, deadline - monotonic())))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    finally:
        process.kill()
        process.wait()


def _output(pipe: IO[bytes] | None, size: int, seconds: float) -> bytes:
    """Return the output of the pipe, up to `size` bytes."""
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
