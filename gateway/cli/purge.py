"""`skillhabit-odata purge`: remove every copy of personal data that gateways have written down.

Copies can be made again from the Analytics API at any time, so nothing is lost but time. What a
running process holds in memory is out of reach: gateways are stopped before, or restarted after.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gateway.cli.options import read_settings, setting_options
from gateway.config import DEFAULT_WORKSPACE

_COPIES = ("*.duckdb", "*.duckdb.wal", "*.offer", "*.promise", "*.unusable", "building/*")
_WORKSPACES = "workspaces"
_KEYS = "skillhabit-odata:*"
_AT_ONCE = 500


@click.command()
@click.option("--workspace", metavar="NAME", help="Only this one's files; all without.")
@setting_options("data_dir", "redis")
def purge(config: Path | None, workspace: str | None, **given: Any) -> None:
    """Remove all snapshots from the data directory and from Redis, when gateways are stopped.

    Who was deleted in Skillhabit is then in no copy any more. The key that signs links is kept.
    Names in Redis tell no workspace, so that all of it goes there; others fill it again.

    \b
    Examples:
      skillhabit-odata purge --data-dir snapshots
      skillhabit-odata purge --config gateway.toml --workspace acme
    """
    settings = read_settings(config, given)
    if settings.data_dir is None:
        raise click.UsageError("--data-dir is needed: without one, nothing is written to disk")
    if not settings.data_dir.is_dir():
        raise click.UsageError(f"--data-dir {settings.data_dir} is no folder")
    try:
        files, size = _remove(settings.data_dir, workspace)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
    noun = "file" if files == 1 else "files"
    click.echo(f"removed {files} {noun}, {size / 1_048_576:,.1f} MiB, from {settings.data_dir}")
    if settings.redis is not None:
        click.echo(f"removed {_forget(settings.redis)} keys from Redis")
    click.echo("restart gateways that still run: they hold copies in memory")


def _remove(data_dir: Path, workspace: str | None) -> tuple[int, int]:
    """How many files went, and their bytes."""
    sizes = []
    for folder in _folders(data_dir, workspace):
        for path in (found for pattern in _COPIES for found in folder.glob(pattern)):
            if not path.is_file():
                continue
            sizes.append(path.stat().st_size)
            path.unlink()
    return len(sizes), sum(sizes)


def _folders(data_dir: Path, workspace: str | None) -> Iterator[Path]:
    """The default workspace's files are in the folder itself, others below it."""
    if workspace in (None, DEFAULT_WORKSPACE):
        yield data_dir
    named = [p for p in data_dir.glob(f"{_WORKSPACES}/*") if workspace in (None, p.name)]
    if workspace not in (None, DEFAULT_WORKSPACE) and not named:
        raise click.UsageError(f"--workspace {workspace}: nothing of it is in {data_dir}")
    yield from named


def _forget(url: str) -> int:
    """How many keys went; the URL, which may hold a password, is not repeated in an error."""
    import redis

    removed = 0
    try:
        with redis.Redis.from_url(url, socket_timeout=10) as client:
            keys = list(client.scan_iter(_KEYS, count=_AT_ONCE))
            for start in range(0, len(keys), _AT_ONCE):
                removed += client.unlink(*keys[start : start + _AT_ONCE])
    except (redis.RedisError, OSError) as error:
        raise click.ClickException(f"Redis cannot be asked: {type(error).__name__}") from None
    return removed
