"""`skillhabit-odata purge`: removes all snapshots, and with them all stored personal data.

Snapshots can be loaded again from the Analytics API at any time. The command cannot reach the
memory of running processes: stop gateways before, or restart them after.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gateway.cli.options import read_settings, setting_options
from gateway.config import DEFAULT_WORKSPACE

_SNAPSHOT_FILES = ("*.duckdb", "*.duckdb.wal", "*.offer", "*.promise", "*.unusable", "building/*")
_WORKSPACES = "workspaces"
_KEYS = "skillhabit-odata:*"
_KEYS_PER_COMMAND = 500


@click.command()
@click.option(
    "--workspace", metavar="NAME", help="Remove only the files of this workspace; all by default."
)
@setting_options("data_dir", "redis")
def purge(config: Path | None, workspace: str | None, **given: Any) -> None:
    """Remove all snapshots from the data directory and from Redis, while gateways are stopped.

    Afterwards no file contains people who were deleted in Skillhabit. The key that signs links, the
    proofs and the list of published columns stay: they hold no rows. Redis keys do not name
    workspaces, so all are removed; other gateways fill Redis again.

    \b
    Examples:
      skillhabit-odata purge --data-dir snapshots
      skillhabit-odata purge --config gateway.toml --workspace acme
    """
    settings = read_settings(config, given)
    if settings.data_dir is None:
        raise click.UsageError("--data-dir is required: without it, gateways write nothing to disk")
    if not settings.data_dir.is_dir():
        raise click.UsageError(f"--data-dir {settings.data_dir} is not a folder")
    try:
        files, size = _remove(settings.data_dir, workspace)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
    noun = "file" if files == 1 else "files"
    click.echo(f"removed {files} {noun}, {size / 1_048_576:,.1f} MiB, from {settings.data_dir}")
    if settings.redis is not None:
        click.echo(f"removed {_purge_redis(settings.redis)} keys from Redis")
    click.echo("restart gateways that still run: they hold snapshots in memory")


def _remove(data_dir: Path, workspace: str | None) -> tuple[int, int]:
    """Remove the files, and return their number and total bytes."""
    sizes = []
    for folder in _folders(data_dir, workspace):
        for path in (found for pattern in _SNAPSHOT_FILES for found in folder.glob(pattern)):
            if not path.is_file():
                continue
            sizes.append(path.stat().st_size)
            path.unlink()
    return len(sizes), sum(sizes)


def _folders(data_dir: Path, workspace: str | None) -> Iterator[Path]:
    """Yield the folders; the default workspace's is the data directory itself."""
    if workspace in (None, DEFAULT_WORKSPACE):
        yield data_dir
    named = [p for p in data_dir.glob(f"{_WORKSPACES}/*") if workspace in (None, p.name)]
    if workspace not in (None, DEFAULT_WORKSPACE) and not named:
        raise click.UsageError(f"--workspace {workspace}: no files of it in {data_dir}")
    yield from named


def _purge_redis(url: str) -> int:
    """Remove the keys, and return their number. Errors omit the URL: it may hold a password."""
    import redis

    removed = 0
    try:
        with redis.Redis.from_url(url, socket_timeout=10) as client:
            keys = list(client.scan_iter(_KEYS, count=_KEYS_PER_COMMAND))
            for start in range(0, len(keys), _KEYS_PER_COMMAND):
                removed += client.unlink(*keys[start : start + _KEYS_PER_COMMAND])
    except (redis.RedisError, OSError) as error:
        raise click.ClickException(f"Redis cannot be reached: {type(error).__name__}") from None
    return removed
