"""`skillhabit-odata export URL`: writes all rows of a query to one file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from gateway.cli.output import note
from gateway.cli.progress import bar, reporting_extracts
from gateway.cli.queries import LocalGateway, RemoteGateway, fetch, open_client, run
from gateway.cli.source import find_gateway, gateway_options, refuse_option
from gateway.cli.target import Target, read_target

_MEDIA = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}


@click.command()
@click.argument("url")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The file to write; it appears when it is complete.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([*_MEDIA]),
    help="Format of the file; the default follows from its name.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@gateway_options
def export(
    url: str,
    config: Path | None,
    *,
    output: Path,
    form: str | None,
    force: bool,
    **given: Any,
) -> None:
    """Write all rows of a query to a file, from one snapshot and without a limit.

    URL is as for `query`. CSV is for programs (UTF-8, exact texts); a workbook (xlsx), Arrow and
    Parquet are typed, with times in UTC. Only you can read the file.

    \b
    Examples:
      skillhabit-odata export Results -o results.parquet --config gateway.toml
      skillhabit-odata export "Users?select=id,name" -o users.csv --force --token-file token.txt
      skillhabit-odata export "https://bi.example.com/odata/v4/Results" -o results.arrow
    """
    target = read_target(url)
    refuse_option(target, "format", "use --format instead")
    chosen = form or output.suffix.removeprefix(".").lower()
    if chosen not in _MEDIA:
        raise click.UsageError(
            f"--output {output}: the name has no known suffix; give --format {', '.join(_MEDIA)}"
        )
    _check_free(output, force=force)
    gateway = find_gateway(target, config, **given)
    try:
        written = run(_export(gateway, target, _TargetFile(output, _MEDIA[chosen], force)))
    except OSError as error:
        raise click.UsageError(f"--output {output}: {error.strerror}") from error
    note(f"{output}: {written:,} bytes")


@dataclass(frozen=True, slots=True)
class _TargetFile:
    path: Path
    media: str
    force: bool

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Yield a temporary file next to the target, which replaces it on success."""
        descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            _check_free(self.path, force=self.force)
            draft.replace(self.path)
        finally:
            draft.unlink(missing_ok=True)


def _check_free(path: Path, *, force: bool) -> None:
    if path.exists() and not force:
        raise click.UsageError(f"--output {path} exists already; use --force to overwrite it")


async def _export(gateway: RemoteGateway | LocalGateway, target: Target, file: _TargetFile) -> int:
    """Write the file, and return its size in bytes."""
    written = 0
    async with open_client(gateway) as client, AsyncExitStack() as stack:
        with bar("Loading from the Analytics API") as report:
            async with reporting_extracts(client, report):
                pending = fetch(client, target, {"Accept": file.media})
                response = await stack.enter_async_context(pending)
        with file.opened() as out, bar("Writing", as_bytes=True) as report:
            async for part in response.aiter_bytes():
                written += out.write(part)
                report(written, None)
    return written
