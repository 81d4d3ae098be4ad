"""The gateway that a command queries: a running one, or one created in this process.

Both speak the same HTTP, so a command does not need to know which one it uses.
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
from gateway.cli.output import note, print_error
from gateway.cli.target import Target, read_target
from gateway.config import DEFAULT_WORKSPACE, Settings
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken
from gateway.observe.logs import REQUESTS
from gateway.observe.world import ExtractFailureNotice
from gateway.outgoing.obstacles import obstacle
from gateway.outgoing.options import client_options

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
KEY_VARIABLE = "SKILLHABIT_ODATA_KEY"
_LOCAL_URL = "http://127.0.0.1"
_READ_TIMEOUT_SECONDS = 600
_RETRY_LATER = frozenset({429, 503, 504})


class RemoteError(Exception):
    """An error response of a gateway."""

    def __init__(self, status: int, code: str, message: str, details: tuple[str, ...]) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details

    @property
    def exit(self) -> Exit:
        """Return the exit code: LATER if the same command may succeed later."""
        if self.code == UpstreamRejectedToken.code:
            return Exit.UNUSABLE
        return Exit.LATER if self.status in _RETRY_LATER else Exit.NO


@dataclass(frozen=True, slots=True)
class RemoteGateway:
    """A running gateway; `key` opens it and is never shown."""

    base: str
    key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LocalGateway:
    """A gateway in this process, queried with a workspace and role; `role` None sees all."""

    settings: Settings
    workspace: str = DEFAULT_WORKSPACE
    role: str | None = None

    async def admit(self, request: ClientRequest) -> Principal:
        """Admit every request: the user who started this process has the token."""
        del request
        return Principal(self.workspace, self.role, "command-line")


def check_known(settings: Settings, workspace: str, role: str | None = None) -> None:
    """Check that the configuration has the workspace and the role.

    Raises:
        click.BadParameter: it does not; the message lists the known names.
    """
    by_name = {s.workspace: s for s in _all(settings)}
    _check_among(workspace, by_name, "--workspace")
    if role is not None:
        _check_among(role, [r.name for r in by_name[workspace].roles], "--role")


def _all(settings: Settings) -> tuple[Settings, ...]:
    return (settings, *settings.others)


def _check_among(name: str, known: dict[str, Any] | list[str], option: str) -> None:
    if name not in known:
        names = ", ".join(known) or "none"
        raise click.BadParameter(
            f"the configuration has no {name!r}; known names: {names}", param_hint=option
        )


def remote_gateway(url: str, key_file: Path | None, key: str | None) -> RemoteGateway:
    """Return a gateway by its URL, with or without /odata/v4/.

    Raises:
        click.UsageError: the URL is invalid, or the key cannot be read.
    """
    base = read_target(url).base or read_target(f"{url}/").base
    if not base:
        raise click.BadParameter(f"{url!r} is not a URL", param_hint="--gateway")
    base = base.removesuffix("/")
    if key_file is not None:
        key = _read_key(key_file)
    parts = urlsplit(base)
    if key and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        note(f"warning: {base} is not encrypted: others on the network can read the key")
    return RemoteGateway(base, key)


def _read_key(path: Path) -> str:
    try:
        key = path.read_text("utf-8").strip()
    except OSError as error:
        raise click.UsageError(f"--key-file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"--key-file {path}: the file is not UTF-8") from error
    if not key:
        raise click.UsageError(f"--key-file {path} is empty")
    return key


@asynccontextmanager
async def open_client(gateway: RemoteGateway | LocalGateway) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an HTTP client for the gateway.

    Raises:
        ConfigurationProblem: a file that a setting names cannot be used.
    """
    if isinstance(gateway, RemoteGateway):
        timeout = httpx.Timeout(30, read=_READ_TIMEOUT_SECONDS)
        auth = None if gateway.key is None else httpx.BasicAuth("skillhabit-odata", gateway.key)
        async with httpx.AsyncClient(
            base_url=gateway.base, timeout=timeout, auth=auth, **client_options()
        ) as client:
            yield client
        return
    settings = gateway.settings
    if settings.data_dir is None:
        settings = replace(settings, redis=None)  # Redis shares files, and there are none
    app = create_app(settings, gate=gateway)
    async with _without_duplicate_logs(), app.router.lifespan_context(app):
        headers = {"Accept-Encoding": "identity"}
        transport = InProcess(app)
        async with httpx.AsyncClient(
            base_url=_LOCAL_URL, transport=transport, timeout=httpx.Timeout(None), headers=headers
        ) as client:
            try:
                yield client
            except RemoteError as error:
                raise _with_token_place(error, gateway) from error


@asynccontextmanager
async def _without_duplicate_logs() -> AsyncIterator[None]:
    """Keep out of the log what the command itself prints to the same terminal."""
    log, requests = logging.getLogger("gateway"), logging.getLogger(REQUESTS)
    log.addFilter(_is_not_in_response)
    requests.disabled, before = True, requests.disabled
    try:
        yield
    finally:
        log.removeFilter(_is_not_in_response)
        requests.disabled = before


def _is_not_in_response(record: logging.LogRecord) -> bool:
    """Return False for failed extracts: the response that waits for the extract has the error."""
    return not isinstance(record.msg, ExtractFailureNotice)


def _with_token_place(error: RemoteError, gateway: LocalGateway) -> RemoteError:
    """Return the error with the place of the token, if the token was rejected."""
    if error.code != UpstreamRejectedToken.code:
        return error
    owner = next(s for s in _all(gateway.settings) if s.workspace == gateway.workspace)
    hint = f"renew the token in {token_place(owner)}"
    return RemoteError(error.status, error.code, error.message, (*error.details, hint))


@asynccontextmanager
async def fetch(
    client: httpx.AsyncClient, target: Target, headers: dict[str, str]
) -> AsyncIterator[httpx.Response]:
    """Yield the response to a URL as typed, with its body unread.

    Raises:
        RemoteError: the response is an error.
        httpx.HTTPError: there is no response.
    """
    prefix = client.base_url.raw_path.rstrip(b"/")
    url = client.base_url.copy_with(raw_path=prefix + target.raw)
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code >= 300:
            raise _as_error(response.status_code, await response.aread())
        yield response


def _as_error(status: int, body: bytes) -> RemoteError:
    """Return the OData error of a response; another body, such as a proxy's page, has none."""
    try:
        error = msgspec.json.decode(body)["error"]
        details = tuple(str(detail["message"]) for detail in error.get("details", ()))
        return RemoteError(status, str(error["code"]), str(error["message"]), details)
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return RemoteError(status, "NoOData", "the response does not come from this gateway", ())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, and print failures as messages.

    Raises:
        click.UsageError: a setting or a file cannot be used.
        SystemExit: with the code that `Exit` names.
    """
    try:
        return asyncio.run(work)
    except ConfigurationProblem as problem:
        raise click.UsageError(problem.message) from problem
    except RemoteError as error:
        print_error(error.status, error.code, error.message, error.details)
        raise SystemExit(error.exit) from error
    except httpx.HTTPError as error:
        known = obstacle(error)
        remedy = "" if known is None else f"; {known.remedy}"
        note(f"no response: {connection_failure(error)}{remedy}")
        raise SystemExit(Exit.LATER) from error
