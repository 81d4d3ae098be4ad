"""`skillhabit-odata serve`: runs the gateway."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import uvicorn
from starlette.applications import Starlette

from gateway.app import clock_and_observer, create_app, own_token
from gateway.auth.login_settings import has_login
from gateway.auth.setup import weaknesses
from gateway.cli.addresses import announce, exposure
from gateway.cli.listening import check_port
from gateway.cli.options import read_settings, setting_options
from gateway.cli.output import note
from gateway.cli.secret_files import open_mode, secret_files
from gateway.cli.tls import tls_options
from gateway.cli.variables import unknown_variables
from gateway.cli.workers import run_workers
from gateway.config import Settings
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken
from gateway.observe.logs import configure_logging
from gateway.web.bad_http import ODataProtocol


@click.command()
@setting_options()
def serve(config: Path | None, **given: Any) -> None:
    """Serve the OData feed, and the pages for browsers.

    Without a way of signing in, only this computer can connect. To serve other computers, add keys,
    organizational accounts or callers' own tokens; the command refuses to start without.

    You can also set each option in the file given with --config, or in an environment variable
    SKILLHABIT_ODATA_NAME, e.g. SKILLHABIT_ODATA_TOKEN_FILE.

    \b
    Examples:
      skillhabit-odata serve --config gateway.toml
      skillhabit-odata serve --token-file token.txt --data-dir snapshots
      skillhabit-odata serve --host 0.0.0.0 --access-key-file key --config gateway.toml
    """
    settings = read_settings(config, given)
    for name, remedy in unknown_variables(settings, os.environ).items():
        note(f"warning: {name}: no setting has this name; ignored; {remedy}")
    configure_logging(settings.log_format, settings.log_level)
    check_exposure(settings)
    with _shared_directory(settings) as settings:
        try:
            options = {**server_options(settings), **tls_options(settings)}
            app = create_app(settings)  # finds unusable settings before workers start
        except ConfigurationProblem as problem:
            raise click.UsageError(problem.message) from problem
        _warn_without_token(settings)
        _warn_of_weaknesses(settings)
        check_port(settings.host, settings.port)
        if settings.workers > 1:
            run_workers(settings, options)
        else:
            _run(app, settings, options)


def exit_cleanly(*_: object) -> None:
    """Exit with code 0: after shutdown uvicorn raises the signal again, which would kill it."""
    raise SystemExit(0)


@contextmanager
def _shared_directory(settings: Settings) -> Iterator[Settings]:
    """Yield settings with a data directory, a temporary one if processes share snapshots."""
    if settings.data_dir is not None or (settings.workers == 1 and settings.redis is None):
        yield settings
        return
    with TemporaryDirectory(prefix="skillhabit-odata-", ignore_cleanup_errors=True) as folder:
        yield replace(settings, data_dir=Path(folder))


def _warn_without_token(settings: Settings) -> None:
    """Warn if there is no token yet; it is read at each call.

    A command has warned already, and so has a login without credentials.
    """
    if settings.token_command or has_login(settings):
        return
    try:
        asyncio.run(own_token(settings, *clock_and_observer())())
    except UpstreamRejectedToken as error:
        place = f"--token-file {settings.token_file}: " if settings.token_file else ""
        click.echo(f"warning: {place}{error.message}", err=True)


def _warn_of_weaknesses(settings: Settings) -> None:
    """Warn of files with secrets that others can read, and of keys that could be guessed."""
    _, observer = clock_and_observer()
    for name, path in secret_files(settings):
        with suppress(OSError):  # a missing file was reported before
            if mode := open_mode(path):
                observer.warn(f"{name}: {path} can be read by others (mode {mode}): chmod 600 it")
    for name, text in weaknesses(settings):
        observer.warn(f"{name}: {text}")


def server_options(settings: Settings) -> dict[str, Any]:
    """Return uvicorn's options. Its access log is off: URLs may hold personal data and keys."""
    return {
        "host": settings.host,
        "port": settings.port,
        "access_log": False,
        "log_config": None,
        "proxy_headers": False,
        "server_header": False,
        "http": ODataProtocol,
        "ws": "none",  # our limits would not apply
        "timeout_keep_alive": 65,
        "timeout_graceful_shutdown": 20,
    }


def check_exposure(settings: Settings) -> None:
    """Refuse to serve other computers without any way of signing in.

    Raises:
        click.UsageError: the message says which options to set.
    """
    problem = exposure(settings)
    if problem is not None:
        raise click.UsageError(problem)


class AnnouncedServer(uvicorn.Server):
    """uvicorn's server, which calls `announce` with its port as soon as it listens."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[int], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then announce."""
        await super().startup(sockets)
        self._announce(self.servers[0].sockets[0].getsockname()[1])


def _run(app: Starlette, settings: Settings, options: Mapping[str, Any]) -> None:
    """Serve from this process until a signal."""
    signal.signal(signal.SIGTERM, exit_cleanly)
    server = AnnouncedServer(uvicorn.Config(app, **options), partial(announce, settings))
    with suppress(KeyboardInterrupt):  # uvicorn raises it again after a clean shutdown
        server.run()
