"""A check that the port is free, before the server starts."""

from __future__ import annotations

import asyncio
import os
import socket

import click


def check_port(host: str, port: int) -> None:
    """Bind the port as uvicorn will, and release it.

    Raises:
        click.UsageError: the port cannot be bound; exit code 2.
    """
    try:
        asyncio.run(_bind(host, port))
    except OSError as error:
        raise port_problem(host, port, error) from error


async def _bind(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    server.close()
    await server.wait_closed()


def port_problem(host: str, port: int, error: OSError) -> click.UsageError:
    """Return the error for a port that cannot be bound, with the remedy."""
    if isinstance(error, socket.gaierror) or error.errno is None:
        return click.UsageError(
            f"--host {host} is not an address of this computer ({error.strerror})"
        )
    reason = os.strerror(error.errno)
    return click.UsageError(f"port {port} cannot be used ({reason}); choose another with --port")
