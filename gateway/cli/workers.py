"""Several processes that serve on one socket: started, watched and ended by uvicorn's supervisor.

A worker that dies is replaced, SIGTERM and SIGINT end all in good order, SIGHUP replaces one after
the other. Each is a new Python, which gets the settings as they are here.
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
from gateway.config import Settings
from gateway.observe.logs import configure_logging

_HANGS_AFTER_SECONDS = 30
"""A worker that imports on a busy machine answers late, and is not to be killed for it."""


def run_workers(settings: Settings, options: Mapping[str, Any]) -> None:
    """Serve until a signal; `options` are uvicorn's."""
    with TemporaryDirectory(prefix="skillhabit-odata-metrics-") as metrics:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics  # workers count there what all have done
        _supervise(settings, options)


def _supervise(settings: Settings, options: Mapping[str, Any]) -> None:
    config = uvicorn.Config(
        partial(worker_app, settings),
        factory=True,
        workers=settings.workers,
        timeout_worker_healthcheck=_HANGS_AFTER_SECONDS,
        **options,
    )
    with config.bind_socket() as listener:
        Multiprocess(config, sockets=[listener]).run()


def worker_app(settings: Settings) -> Starlette:
    """The application of one worker, in its own process."""
    configure_logging(settings.log_format, settings.log_level)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    return create_app(settings)


def _end_after(parent: Any) -> None:
    """A supervisor that was killed ends nobody, and its port would stay taken."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
