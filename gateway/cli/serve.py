"""`skillhabit-odata serve`: the gateway itself."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import uvicorn

from gateway.app import TokenFile, create_app
from gateway.auth.hosts import is_loopback
from gateway.cli.options import read_settings, setting_options
from gateway.cli.tls import tls_options
from gateway.cli.workers import run_workers, start_logging
from gateway.config import Settings
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken
from gateway.web.unreadable import ODataProtocol


@click.command()
@setting_options()
def serve(config: Path | None, **given: Any) -> None:
    """Serve the OData feed.

    Each option can also stand in the file given with --config, or in an environment variable
    SKILLHABIT_ODATA_NAME, e.g. SKILLHABIT_ODATA_TOKEN_FILE.
    """
    settings = read_settings(config, given)
    start_logging()
    check_exposure(settings)
    with _shared_directory(settings) as settings:
        try:
            options = {**server_options(settings), **tls_options(settings)}
            app = create_app(settings)  # what cannot be used is told here, before any worker is
        except ConfigurationProblem as problem:
            raise click.UsageError(problem.message) from problem
        _warn_without_token(settings.token_file)
        if settings.workers > 1:
            run_workers(settings, options)
        else:
            _end_in_order()
            uvicorn.run(app, **options)


@contextmanager
def _shared_directory(settings: Settings) -> Iterator[Settings]:
    """Snapshots are shared as files: without a data directory there is one as long as this runs."""
    if settings.data_dir is not None or (settings.workers == 1 and settings.redis is None):
        yield settings
        return
    with TemporaryDirectory(prefix="skillhabit-odata-", ignore_cleanup_errors=True) as folder:
        yield replace(settings, data_dir=Path(folder))


def _end_in_order() -> None:
    """SIGTERM ends with code 0: uvicorn sends it to the process again once all is closed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def _warn_without_token(token_file: Path | None) -> None:
    """No error: the file is read at each call, so the token may come later."""
    if token_file is None:
        click.echo("warning: no --token-file: the Analytics API will refuse every call", err=True)
        return
    try:
        TokenFile(token_file)()
    except UpstreamRejectedToken:
        click.echo(
            f"warning: --token-file {token_file}: no token can be read there; until one can, every"
            " call to the Analytics API fails",
            err=True,
        )


def server_options(settings: Settings) -> dict[str, Any]:
    """Options of uvicorn. Its access log is off: URLs may carry keys and personal data."""
    return {
        "host": settings.host,
        "port": settings.port,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "http": ODataProtocol,
        "timeout_keep_alive": 65,
        "timeout_graceful_shutdown": 20,
    }


def check_exposure(settings: Settings) -> None:
    """Refuse to serve personal data to a network without a key.

    Raises:
        click.UsageError: says what to set.
    """
    if settings.access_key_file or settings.allow_anonymous or is_loopback(settings.host):
        return
    raise click.UsageError(
        f"--host {settings.host} can be reached by others: give --access-key-file FILE, or, if"
        " something in front checks who asks, --allow-anonymous true"
    )
