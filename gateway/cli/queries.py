"""Whom a command asks: a gateway that runs somewhere, or one made here from the settings.

Both are asked over the same HTTP, so that a command need not know which it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
import httpx
import msgspec

from gateway.analytics.read.connection_errors import connection_failure
from gateway.app import create_app
from gateway.auth.hosts import is_loopback
from gateway.auth.principal import ClientRequest, Principal
from gateway.cli.exits import Exit
from gateway.cli.inprocess import InProcess
from gateway.cli.options import token_place
from gateway.cli.output import note, print_refusal
from gateway.cli.target import Target, read_target
from gateway.config import DEFAULT_WORKSPACE, Settings
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken
from gateway.observe.logs import REQUESTS

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
KEY_VARIABLE = "SKILLHABIT_ODATA_KEY"
_HERE = "http://127.0.0.1"
_LONGEST_SILENCE_SECONDS = 600
_AGAIN = frozenset({429, 503, 504})


class RemoteError(Exception):
    """An answer that is an error of the catalogue, as it came over HTTP."""

    def __init__(self, status: int, code: str, message: str, details: tuple[str, ...]) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details

    @property
    def exit(self) -> Exit:
        """Whether the same command may be answered later, or something must be mended first."""
        if self.code == UpstreamRejectedToken.code:
            return Exit.UNUSABLE
        return Exit.LATER if self.status in _AGAIN else Exit.NO


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that runs; `key` opens it, and is not shown."""

    base: str
    key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Here:
    """A gateway in this process, asked as somebody of a workspace; `role` None sees all."""

    settings: Settings
    workspace: str = DEFAULT_WORKSPACE
    role: str | None = None

    async def admit(self, asked: ClientRequest) -> Principal:
        """Whoever can start this process may ask: they have the token."""
        del asked
        return Principal(self.workspace, self.role, "command-line")


def check_known(settings: Settings, workspace: str, role: str | None = None) -> None:
    """Refuse names that the configuration file does not have.

    Raises:
        click.BadParameter: says which there are.
    """
    all_of = {s.workspace: s for s in _all(settings)}
    _check_among(workspace, all_of, "--workspace")
    if role is not None:
        _check_among(role, [r.name for r in all_of[workspace].roles], "--role")


def _all(settings: Settings) -> tuple[Settings, ...]:
    return (settings, *settings.others)


def _check_among(name: str, known: dict[str, Any] | list[str], option: str) -> None:
    if name not in known:
        there = ", ".join(known) or "none"
        raise click.BadParameter(
            f"the configuration has no {name!r}; there are: {there}", param_hint=option
        )


def remote(gateway: str, key_file: Path | None, key: str | None) -> Gateway:
    """A gateway by its URL, with or without /odata/v4/.

    Raises:
        click.UsageError: the URL is none, or the key cannot be read.
    """
    base = read_target(gateway).base or read_target(f"{gateway}/").base
    if not base:
        raise click.BadParameter(f"{gateway!r} is no URL", param_hint="--gateway")
    base = base.removesuffix("/")
    if key_file is not None:
        key = _read_key(key_file)
    parts = urlsplit(base)
    if key and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        note(f"warning: {base} is not encrypted: others on the way can read the key")
    return Gateway(base, key)


def _read_key(path: Path) -> str:
    try:
        key = path.read_text("utf-8").strip()
    except OSError as error:
        raise click.UsageError(f"--key-file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"--key-file {path}: it is not UTF-8") from error
    if not key:
        raise click.UsageError(f"--key-file {path} is empty")
    return key


@asynccontextmanager
async def asking(place: Gateway | Here) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it.

    Raises:
        ConfigurationProblem: a file that a setting names cannot be used.
    """
    if isinstance(place, Gateway):
        timeout = httpx.Timeout(30, read=_LONGEST_SILENCE_SECONDS)
        auth = None if place.key is None else httpx.BasicAuth("skillhabit-odata", place.key)
        async with httpx.AsyncClient(base_url=place.base, timeout=timeout, auth=auth) as client:
            yield client
        return
    settings = place.settings
    if settings.data_dir is None:
        settings = replace(settings, redis=None)  # without files there is nothing to share
    app = create_app(settings, gate=place)
    async with _told_once(), app.router.lifespan_context(app):
        plain = {"Accept-Encoding": "identity"}
        transport = InProcess(app)
        async with httpx.AsyncClient(
            base_url=_HERE, transport=transport, timeout=httpx.Timeout(None), headers=plain
        ) as client:
            try:
                yield client
            except RemoteError as error:
                raise _placed(error, place) from error


@asynccontextmanager
async def _told_once() -> AsyncIterator[None]:
    """What the answer tells is kept out of the log, which goes to the same terminal."""
    log, requests = logging.getLogger("gateway"), logging.getLogger(REQUESTS)
    log.addFilter(_is_beside_the_answer)
    requests.disabled, before = True, requests.disabled
    try:
        yield
    finally:
        log.removeFilter(_is_beside_the_answer)
        requests.disabled = before


def _is_beside_the_answer(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("an extract failed:")


def _placed(error: RemoteError, place: Here) -> RemoteError:
    """With where the token is, if that is what is wrong."""
    if error.code != UpstreamRejectedToken.code:
        return error
    owner = next(s for s in _all(place.settings) if s.workspace == place.workspace)
    hint = f"the token is that of {token_place(owner)}: renew it there"
    return RemoteError(error.status, error.code, error.message, (*error.details, hint))


@asynccontextmanager
async def answer(
    client: httpx.AsyncClient, target: Target, headers: dict[str, str]
) -> AsyncIterator[httpx.Response]:
    """The answer to a URL, asked as it was typed, wherever the client asks; its body is unread.

    Raises:
        Refused: it is an error.
        httpx.HTTPError: there is none.
    """
    prefix = client.base_url.raw_path.rstrip(b"/")
    url = client.base_url.copy_with(raw_path=prefix + target.raw)
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code >= 300:
            raise _refused(response.status_code, await response.aread())
        yield response


def _refused(status: int, body: bytes) -> RemoteError:
    """An error of OData's, or what else stood in its place, such as a proxy's page."""
    try:
        error = msgspec.json.decode(body)["error"]
        details = tuple(str(detail["message"]) for detail in error.get("details", ()))
        return RemoteError(status, str(error["code"]), str(error["message"]), details)
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return RemoteError(status, "NoOData", "what answers there is not this gateway", ())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end, and tell failures in plain words.

    Raises:
        click.UsageError: a setting or a file cannot be used.
        SystemExit: with the code that `Exit` names.
    """
    try:
        return asyncio.run(work)
    except ConfigurationProblem as problem:
        raise click.UsageError(problem.message) from problem
    except RemoteError as error:
        print_refusal(error.status, error.code, error.message, error.details)
        raise SystemExit(error.exit) from error
    except httpx.HTTPError as error:
        note(f"no answer: {connection_failure(error)}")
        raise SystemExit(Exit.LATER) from error
