"""The certificate authorities that HTTP clients of tests read, also those of commands.

Each client reads all authorities of the system, which takes longer than many a test. Tests use
loopback only, and their certificates have authorities of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

_NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_BEFORE = {name: os.environ[name] for name in _NAMES if name in os.environ}


@contextmanager
def one_authority(folder: Path) -> Iterator[None]:
    """Let them read a single one, which is made in the folder."""
    path = folder / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        patch.delenv("SSL_CERT_DIR", raising=False)
        yield


def with_all_authorities(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command that downloads packages or runs as another user."""
    return {**{n: v for n, v in environment.items() if n not in _NAMES}, **_BEFORE}
