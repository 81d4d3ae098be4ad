"""Sources of the gateway's own token of the Analytics API: a file, variable, command or login.

A source is called for the token, and called again with a token that the Analytics API has refused.
Its error messages name the source, never a token or the output of a command.
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
import httpx

from gateway.auth.identity import digest, expires_at, token_identity
from gateway.auth.login_call import post_login
from gateway.auth.login_request import OAuthLogin, PasswordLogin
from gateway.auth.login_token import LoginToken
from gateway.auth.program import run_program
from gateway.auth.token_end import facts_of
from gateway.config import DEFAULT_WORKSPACE
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken
from gateway.observe import Clock, Observer
from gateway.observe.health import TokenFacts

TOKEN_VARIABLE = "SKILLHABIT_ODATA_TOKEN"  # noqa: S105 - the variable that is read if no source is set
_COMMAND_SECONDS = 20.0
MAX_OUTPUT_BYTES = 65_536
_RENEW_BEFORE_EXPIRY_SECONDS = 30.0
_MIN_PAUSE_SECONDS = 1.0


class TokenSource(Protocol):
    """The token of one owner, which may be renewed at any time."""

    async def __call__(self, refused: str = "") -> str:
        """Return the token; a different one than `refused`, if there is one.

        Raises:
            UpstreamRejectedToken: there is none; 502, because it is not the client's fault.
            UpstreamUnavailable: the login that issues it cannot be reached now.
        """

    def identity(self) -> str:
        """Return the owner of the token (`gateway.auth.identity`), or of the last one there was.

        Before the first token it is a unique name.
        """

    def facts(self) -> TokenFacts:
        """Return what is known of the token now, without a call or a program."""


@dataclass(frozen=True, slots=True)
class TokenOptions:
    """The source in a workspace's settings: at most one of four; `command` is split into words.

    With `is_optional`, a workspace without a source needs no token: callers bring their own.
    """

    file: Path | None = None
    variable: str | None = None
    command: tuple[str, ...] = field(default=(), repr=False)
    workspace: str = DEFAULT_WORKSPACE
    login: PasswordLogin | OAuthLogin | None = None
    is_optional: bool = False

    def __post_init__(self) -> None:
        """Refuse more than one source.

        Raises:
            ConfigurationProblem: more than one is set.
        """
        if sum(map(bool, (self.file, self.variable, self.command, self.login))) > 1:
            raise ConfigurationProblem(
                "only one of --token-file, --token-env, --token-command and a login can be given"
            )


def variable_of(workspace: str) -> str:
    """Return the variable that a workspace reads if its settings name no source."""
    if workspace == DEFAULT_WORKSPACE:
        return TOKEN_VARIABLE
    return f"{TOKEN_VARIABLE}_{workspace.upper().replace('-', '_')}"


def token_source(
    options: TokenOptions,
    environment: Mapping[str, str],
    clock: Clock,
    observer: Observer,
    transport: httpx.AsyncBaseTransport | None = None,
) -> TokenSource:
    """Return the source; run a command at once, because the owner selects the snapshots.

    `transport` replaces the network of a login in tests.
    """
    if options.login is not None:
        send = partial(post_login, transport=transport)
        return LoginToken(options.login, send, clock, observer)
    if options.file is not None:
        return FileToken(options.file)
    if options.command:
        return CommandToken(partial(run_command, options.command), clock, observer)
    is_optional = options.is_optional and options.variable is None
    variable = options.variable or variable_of(options.workspace)
    return VariableToken(variable, environment, is_optional=is_optional)


class CallerTokenSource:
    """The token of a caller; its snapshots are only for requests with exactly the same token.

    Its claims name an owner, but only the Analytics API can verify them. `forget` is called with
    the token when it is refused.
    """

    def __init__(self, token: str, forget: Callable[[str], None] = lambda _: None) -> None:
        self._token = token
        self._forget = forget
        self._identity = f"caller-{digest(token)}"

    async def __call__(self, refused: str = "") -> str:
        """Return the token; there is no other."""
        if refused:
            self._forget(refused)
        return self._token

    def identity(self) -> str:
        """Return the identity of the whole token."""
        return self._identity

    def facts(self) -> TokenFacts:
        """Return the facts about the token."""
        return facts_of(self._token)


class VariableToken:
    """An environment variable, read when the process starts."""

    def __init__(
        self, name: str, environment: Mapping[str, str], *, is_optional: bool = False
    ) -> None:
        self._name = name
        self._is_optional = is_optional
        self._token = _clean(environment.get(name, ""))
        self._identity = token_identity(self._token) if self._token else token_hex(8)

    async def __call__(self, refused: str = "") -> str:
        """Return the token."""
        if not self._token:
            raise UpstreamRejectedToken(
                "the gateway has no token for the Analytics API; its owner must set --token-file,"
                f" --token-command or the environment variable {self._name}, and restart it"
            )
        return self._token

    def identity(self) -> str:
        """Return the owner of the token."""
        return self._identity

    def facts(self) -> TokenFacts:
        """Return the facts about the token."""
        is_needed = self._token or not self._is_optional
        return facts_of(self._token) if is_needed else TokenFacts()


class FileToken:
    """A file, read on each call, so that a renewed token needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state_when_read: tuple[int, int, int] | None = None
        self._identity = token_hex(8)

    async def __call__(self, refused: str = "") -> str:
        """Return the current token of the file."""
        token = self._read()
        if not token:
            raise UpstreamRejectedToken(
                "the gateway has no token for the Analytics API; its owner must write one to the"
                " file that --token-file names"
            )
        return token

    def is_usable(self) -> bool:
        """Return True if the file has a token now."""
        return bool(self._read())

    def identity(self) -> str:
        """Return the owner of the token; while it cannot be read, the last owner."""
        state = self._state()
        if state is None or state != self._state_when_read:
            token = self._read()
            if token:
                self._state_when_read, self._identity = state, token_identity(token)
        return self._identity

    def facts(self) -> TokenFacts:
        """Return the facts about the current token of the file."""
        return facts_of(self._read())

    def _state(self) -> tuple[int, int, int] | None:
        """Return times and size, which change with the content; reading costs ten times as much."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - on each request
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _read(self) -> str:
        """Return the token; empty if there is none, or none that a header can carry."""
        try:
            return _clean(self._path.read_bytes().decode())
        except (OSError, UnicodeDecodeError):
            return ""


class CommandToken:
    """The output of a command, cached until it expires (`exp`, RFC 7519) or is refused.

    `run` blocks and returns the output, or raises `UpstreamRejectedToken`. It runs once for any
    number of concurrent calls, and not again within a second; a failure is cached as long.
    """

    def __init__(self, run: Callable[[], str], clock: Clock, observer: Observer) -> None:
        self._run = run
        self._clock = clock
        self._token, self._identity = "", token_hex(8)
        self._failure = ""
        self._ran_at = float("-inf")
        self._lock = anyio.Lock()
        self._renew()
        if self._failure:
            observer.warn(self._failure)

    async def __call__(self, refused: str = "") -> str:
        """Return the cached token, or run the command in a thread for a new one."""
        async with self._lock:
            if not self._is_usable(refused):
                await anyio.to_thread.run_sync(self._renew)
        if self._failure:
            raise UpstreamRejectedToken(self._failure)
        return self._token

    def identity(self) -> str:
        """Return the owner of the last token."""
        return self._identity

    def facts(self) -> TokenFacts:
        """Return whether the last run printed a token; each run prints a new one in time."""
        return TokenFacts(is_there=not self._failure)

    def _is_usable(self, refused: str) -> bool:
        if self._clock.monotonic() - self._ran_at < _MIN_PAUSE_SECONDS:
            return True
        return bool(self._token) and self._token != refused and not self._expires_soon()

    def _expires_soon(self) -> bool:
        expiry = expires_at(self._token)
        return (
            expiry is not None
            and expiry - self._clock.now().timestamp() < _RENEW_BEFORE_EXPIRY_SECONDS
        )

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
    """Run a program without a shell and return its output; stderr is discarded.

    Raises:
        UpstreamRejectedToken: it cannot be run, fails, takes too long, or prints too much.
    """
    try:
        ended = run_program(command, seconds=seconds, max_bytes=MAX_OUTPUT_BYTES)
    except TimeoutError:
        raise UpstreamRejectedToken(_failed(f"took longer than {seconds:g} seconds")) from None
    except OverflowError:
        kibibytes = MAX_OUTPUT_BYTES // 1024
        raise UpstreamRejectedToken(_failed(f"printed more than {kibibytes} KiB")) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UpstreamRejectedToken(_failed(f"cannot be run ({reason})")) from None
    if ended.exit_code:
        raise UpstreamRejectedToken(_failed(f"ended with exit code {ended.exit_code}"))
    return ended.output.decode(errors="replace")


def _failed(problem: str) -> str:
    return (
        "the gateway has no token for the Analytics API: the program that --token-command names"
        f" {problem}; its owner should run it by hand and correct it"
    )


def _clean(text: str) -> str:
    """Return the token in a text; empty if a header cannot carry it."""
    token = text.strip()
    return token if token.isascii() and token.isprintable() else ""
