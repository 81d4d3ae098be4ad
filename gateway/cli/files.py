"""Files that commands write: replaced atomically, by one process at a time in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from filelock import SoftFileLock, Timeout

from gateway.atomic_file import replace_file

_LOCK = ".skillhabit-odata.lock"


def write_file(path: Path, text: str, *, mode: int) -> None:
    """Write a file atomically, with permissions `mode` from its first byte on.

    Raises:
        click.UsageError: the file cannot be written.
    """
    try:
        replace_file(path, text.encode(), mode=mode)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Keep other processes from writing beside a file; the lock of a process that died is free.

    Raises:
        click.UsageError: another process writes there, or the folder cannot be written.
    """
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"{path} cannot be written: there is no such folder")
    lock = SoftFileLock(path.with_name(_LOCK), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise click.UsageError(_taken(path)) from None
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def _taken(path: Path) -> str:
    folder = path.absolute().parent
    try:
        holder = path.with_name(_LOCK).read_text("utf-8").split("\n", 1)[0]
    except OSError:
        holder = ""
    who = f"process {holder}" if holder.isdigit() else "another process"
    return (
        f"`init` or `check --fix` is already running in {folder} ({who}): wait until it has ended,"
        f" or end it; if it no longer runs, delete {folder / _LOCK}"
    )
