"""A process as in the container that the examples ask for, without a container engine.

In a mount namespace of its own everything is read-only but the folders that are named; it runs as
nobody, without capabilities, and cannot get any. Needs root, as an engine does.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = 65_534
_DROPPED = (
    *(f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
)


def skip_where_it_cannot_be() -> None:
    """Root alone may mount, and not in every sandbox."""
    if os.getuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        pytest.skip("needs root, unshare and setpriv")
    command = ["unshare", "--mount", "mount", "--bind", "/tmp", "/tmp"]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine allows no mount namespaces")


def contained(
    command: list[str], environment: dict[str, str], image: Path, writable: list[Path]
) -> subprocess.Popen[str]:
    """Start it; `writable` are folders below `image`."""
    for folder in writable:
        folder.mkdir()
        os.chown(folder, NOBODY, NOBODY)
    lines = [*_python_for_all(image)]
    lines += [f"mount --bind {folder} {folder}" for folder in writable]
    lines += ["mount -o remount,bind,ro /"]
    lines += [shlex.join(["exec", "setpriv", *_DROPPED, "/usr/bin/env", *command])]
    return subprocess.Popen(
        ["unshare", "--mount", "/bin/sh", "-ec", "\n".join(lines)],
        cwd="/",
        env={**environment, "PATH": f"{environment['PATH']}:/usr/sbin:/sbin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _python_for_all(image: Path) -> list[str]:
    """Where this Python lies in a folder that is closed to others: what is around it, emptied."""
    base = Path(sys.base_prefix)
    closed = [p for p in (base, *base.parents) if not p.stat().st_mode & 0o001]
    if not closed:
        return []
    (image / "python").mkdir()
    return [
        f"mount --bind {base} {image}/python",
        f"mount -t tmpfs -o mode=0755 none {closed[-1]}",
        f"mkdir -p {base}",
        f"mount --bind {image}/python {base}",
    ]
