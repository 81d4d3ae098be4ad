"""`python -m tests.support.without_posix ARGUMENTS`: the command line without what Windows lacks.

Modules of POSIX cannot be imported, and functions and constants that the standard library of
Windows does not have are gone. The standard library itself is loaded before, and so is filelock,
which has a lock for each system: these stay as they are here, and so does `sys.platform`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.abc import MetaPathFinder
from typing import Any

import filelock

MODULES = frozenset(
    {
        *("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog", "readline"),
        "uvloop",  # has no wheels for Windows: a marker leaves it out
    }
)
NAMES: dict[Any, tuple[str, ...]] = {
    os: (
        *("getuid", "geteuid", "getgid", "getegid", "getgroups", "chown", "fchown"),
        *("fork", "forkpty", "setsid", "getpgid", "killpg", "nice", "getloadavg", "mkfifo"),
        *("fstatvfs", "sysconf", "uname", "sched_getaffinity", "posix_fadvise"),
        "O_DIRECTORY",  # O_NOFOLLOW and O_NONBLOCK are gone too, but filelock needs them here
    ),
    signal: ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGALRM", "SIGPIPE", "SIGKILL"),
    socket: ("SO_REUSEPORT",),  # AF_UNIX is gone too, but asyncio of this system needs it
}
GUARDED = "gateway.web.slow_clients"
"""The module that asks for the platform as it is imported; it is imported as in Windows."""
LOADED = (asyncio, filelock, multiprocessing, platform, shutil, subprocess, tempfile)


class Missing(MetaPathFinder):
    """Finds none of the modules."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        del path, target
        if fullname.partition(".")[0] in MODULES:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def take_away() -> None:
    """Make them missing."""
    assert "gateway" not in sys.modules
    platform.platform()  # is kept, and needs os.uname
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Missing())
    for module, names in NAMES.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)


def import_guarded() -> None:
    """Import the module that asks for the platform; what it imports is loaded before."""
    import uvicorn.protocols.http.httptools_impl  # noqa: F401

    real, sys.platform = sys.platform, "win32"
    try:
        import_module(GUARDED)
    finally:
        sys.platform = real


if __name__ == "__main__":
    take_away()
    import_guarded()
    from gateway.cli import main

    main()
