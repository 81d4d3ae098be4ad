"""Several processes that serve on one socket, managed by uvicorn's supervisor.

A worker that dies is replaced. SIGTERM and SIGINT shut all down cleanly; SIGHUP replaces them one
by one. Each worker is a new Python process and gets the settings of this one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from gateway.app import create_app
from gateway.cli.addresses import announce
from gateway.config import Settings
from gateway.observe.logs import configure_logging

_HEALTH_CHECK_TIMEOUT_SECONDS = 30
"""Long enough for a worker that still imports modules on a busy machine."""


def run_workers(settings: Settings, options: Mapping[str, Any]) -> None:
    """Serve until a signal; `options` are uvicorn's."""
    with TemporaryDirectory(prefix="skillhabit-odata-metrics-") as metrics:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics  # workers add up their counts there
        _supervise(settings, options)


def _supervise(settings: Settings, options: Mapping[str, Any]) -> None:
    config = uvicorn.Config(
        partial(worker_app, settings),
        factory=True,
        workers=settings.workers,
        timeout_worker_healthcheck=_HEALTH_CHECK_TIMEOUT_SECONDS,
        **options,
    )
    with config.bind_socket() as listener:
        listener.listen(config.backlog)  # until a worker accepts, clients wait and are not refused
        announce(settings, listener.getsockname()[1])
        Multiprocess(config, sockets=[listener]).run()


def worker_app(settings: Settings) -> Starlette:
    """Return the application of one worker, in its own process."""
    configure_logging(settings.log_format, settings.log_level)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    return create_app(settings)


def _end_with(parent: Any) -> None:
    """End this worker with its supervisor; otherwise a killed one would leave the port in use."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
