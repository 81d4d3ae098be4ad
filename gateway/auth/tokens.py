"""The tokens by which the Analytics API is asked: a workspace's own, and those of callers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from gateway.auth.identity import token_identity, whole_identity
from gateway.errors import UpstreamRejectedToken


class Token(Protocol):
    """Gives the token at each call, and tells whose data it opens."""

    def __call__(self) -> str:
        """The token.

        Raises:
            UpstreamRejectedToken: there is none.
        """

    def identity(self) -> str:
        """A short digest: part of every snapshot's key (law 5)."""


class CallersToken:
    """A token that a caller brought along; its snapshots are for who knows the very same token.

    Its claims say whose it is, but only the Analytics API can tell whether they are true.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._identity = f"caller-{whole_identity(token)}"

    def __call__(self) -> str:
        """The token."""
        return self._token

    def identity(self) -> str:
        """Of the whole token."""
        return self._identity


class TokenFile:
    """The Analytics API's token, read at each call: a renewed one needs no restart."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._identity = "nobody"

    def __call__(self) -> str:
        """The token.

        Raises:
            UpstreamRejectedToken: there is none; 502, because it is not the client's fault.
        """
        token = self._read()
        if not token:
            raise UpstreamRejectedToken(
                "the gateway has no token for the Analytics API; its owner writes one into the file"
                " that --token-file names"
            )
        return token

    def identity(self) -> str:
        """Whose token it is; while it cannot be read, whose it was."""
        state = self._state()
        if state is None or state != self._seen:
            token = self._read()
            if token:
                self._seen, self._identity = state, token_identity(token)
        return self._identity

    def _state(self) -> tuple[int, int, int] | None:
        """What tells one content of the file from another, at a tenth of the cost of reading it."""
        try:
            found = None if self._path is None else os.stat(self._path)  # noqa: PTH116 - each request
        except OSError:
            return None
        return None if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)

    def _read(self) -> str:
        """Empty when there is none, or none that a header can carry."""
        try:
            token = self._path.read_bytes().decode().strip() if self._path else ""
        except (OSError, UnicodeDecodeError):
            return ""
        return token if token.isascii() and token.isprintable() else ""
