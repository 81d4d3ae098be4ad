"""Where the gateway's own token of the Analytics API comes from: a file, a variable or a command.

A source is called for the token, and again with the one that the Analytics API has refused. What a
source says of a failure names the source, never a token, nor what a command wrote.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Protocol

import anyio
import anyio.to_thread

from gateway.auth.identity import expires_at, token_identity, whole_identity
from gateway.auth.program import run_program
from gateway.config import DEFAULT_WORKSPACE
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken
from gateway.observe import Clock, Observer

TOKEN_VARIABLE = "SKILLHABIT_ODATA_TOKEN"  # noqa: S105 - the variable that is read when no source is named
_COMMAND_SECONDS = 20.0
COMMAND_BYTES = 65_536
_EXPIRES_SOON_SECONDS = 30.0
_LEAST_PAUSE_SECONDS = 1.0


class TokenSource(Protocol):
    """One owner's token, which may be renewed at any time."""

    async def __call__(self, refused: str = "") -> str:
        """The token; another one than `refused`, if there is another.

        Raises:
            UpstreamRejectedToken: there is none; 502, because it is not the client's fault.
        """

    def identity(self) -> str:
        """Whose token it is (`gateway.auth.identity`); while there is none, whose it was.

        Before there ever was one it is a name that nothing else has.
        """


@dataclass(frozen=True, slots=True)
class Named:
    """The source that a workspace names: at most one of three; the command is a program's words."""

    file: Path | None = None
    variable: str | None = None
    command: tuple[str, ...] = field(default=(), repr=False)
    workspace: str = DEFAULT_WORKSPACE

    def __post_init__(self) -> None:
        """Refuse a choice between two.

        Raises:
            ConfigurationProblem: more than one is named.
        """
        if sum(map(bool, (self.file, self.variable, self.command))) > 1:
            raise ConfigurationProblem(
                "only one of --token-file, --token-env and --token-command can be given"
            )


def variable_of(workspace: str) -> str:
    """The variable that is read when a workspace names no source: no other workspace reads it."""
    if workspace == DEFAULT_WORKSPACE:
        return TOKEN_VARIABLE
    return f"{TOKEN_VARIABLE}_{workspace.upper().replace('-', '_')}"


def token_source(
    named: Named, environment: Mapping[str, str], clock: Clock, observer: Observer
) -> TokenSource:
    """The source. A command is run at once, so that it is known whose snapshots count."""
    if named.file is not None:
        return FileToken(named.file)
    if named.command:
        return CommandToken(partial(run_command, named.command), clock, observer)
    return VariableToken(named.variable or variable_of(named.workspace), environment)


class CallersToken:
    """A token that a caller brought along; its snapshots are for who knows the very same token.

    Its claims say whose it is, but only the Analytics API can tell whether they are true.
    `forget` is told of it when it was refused.
    """

    def __init__(self, token: str, forget: Callable[[str], None] = lambda _: None) -> None:
        self._token = token
        self._forget = forget
        self._identity = f"caller-{whole_identity(token)}"

    async def __call__(self, refused: str = "") -> str:
        """The token; there is no other."""
        if refused:
            self._forget(refused)
        return self._token

    def identity(self) -> str:
        """Of the whole token."""
        return self._identity


class VariableToken:
    """An environment variable, as it was when the process began."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self._name = name
        self._token = _clean(environment.get(name, ""))
        self._identity = token_identity(self._token) if self._token else token_hex(8)

    async def __call__(self, refused: str = "") -> str:
        """The token."""
        if not self._token:
            raise UpstreamRejectedToken(
                "the gateway has no token for the Analytics API; its owner sets --token-file,"
                f" --token-command or the environment variable {self._name}, and starts it anew"
            )
        return self._token

    def identity(self) -> str:
        """Whose it is."""
        return self._identity


class FileToken:
    """A file, read at each call: a renewed token needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._identity = token_hex(8)

    async def __call__(self, refused: str = "") -> str:
        """The token that the file holds now."""
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
            found = os.stat(self._path)  # noqa: PTH116 - at each request
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _read(self) -> str:
        """Empty when there is none, or none that a header can carry."""
        try:
            return _clean(self._path.read_bytes().decode())
        except (OSError, UnicodeDecodeError):
            return ""


class CommandToken:
    """What a command prints, kept until it expires (`exp`, RFC 7519) or is refused.

    `run` blocks and answers the output, or raises `UpstreamRejectedToken`. However many calls want
    another token, it runs once, and not again within a second. What a failure says is kept as long.
    """

    def __init__(self, run: Callable[[], str], clock: Clock, observer: Observer) -> None:
        self._run = run
        self._clock = clock
        self._token, self._identity = "", token_hex(8)
        self._failure = ""
        self._ran_at = float("-inf")
        self._turn = anyio.Lock()
        self._renew()
        if self._failure:
            observer.warn(self._failure)

    async def __call__(self, refused: str = "") -> str:
        """The token at hand, or a new one; a run takes place in a thread."""
        async with self._turn:
            if not self._serves(refused):
                await anyio.to_thread.run_sync(self._renew)
        if self._failure:
            raise UpstreamRejectedToken(self._failure)
        return self._token

    def identity(self) -> str:
        """Whose token came last."""
        return self._identity

    def _serves(self, refused: str) -> bool:
        if self._clock.monotonic() - self._ran_at < _LEAST_PAUSE_SECONDS:
            return True
        return bool(self._token) and self._token != refused and not self._expires_soon()

    def _expires_soon(self) -> bool:
        end = expires_at(self._token)
        return end is not None and end - self._clock.now().timestamp() < _EXPIRES_SOON_SECONDS

    def _renew(self) -> None:
        self._token = self._failure = ""
        try:
            self._token = _clean(self._run())
            self._failure = "" if self._token else _failed("printed no token")
        except UpstreamRejectedToken as error:
            self._failure = error.message
        if self._token:
            self._identity = token_identity(self._token)
        self._ran_at = self._clock.monotonic()


def run_command(command: tuple[str, ...], seconds: float = _COMMAND_SECONDS) -> str:
    """Return what a program prints, run without a shell; what it writes to stderr is dropped.

    Raises:
        UpstreamRejectedToken: it cannot be run, fails, takes longer, or prints more than a token.
    """
    try:
        done = run_program(command, seconds=seconds, most_bytes=COMMAND_BYTES)
    except TimeoutError:
        raise UpstreamRejectedToken(_failed(f"took longer than {seconds:g} seconds")) from None
    except OverflowError:
        kibibytes = COMMAND_BYTES // 1024
        raise UpstreamRejectedToken(_failed(f"printed more than {kibibytes} KiB")) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UpstreamRejectedToken(_failed(f"cannot be run ({reason})")) from None
    if done.exit_code:
        raise UpstreamRejectedToken(_failed(f"ended with exit code {done.exit_code}"))
    return done.output.decode(errors="replace")


def _failed(how: str) -> str:
    return (
        "the gateway has no token for the Analytics API: the program that --token-command names"
        f" {how}; its owner runs it by hand and corrects it"
    )


def _clean(text: str) -> str:
    """The token in a text; empty when a header cannot carry it."""
    token = text.strip()
    return token if token.isascii() and token.isprintable() else ""
