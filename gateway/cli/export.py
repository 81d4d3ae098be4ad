"""`skillhabit-odata export URL`: all rows of a query as one file."""

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
from gateway.cli.progress import bar, watched
from gateway.cli.queries import Gateway, Here, answer, asking, run
from gateway.cli.source import find_place, place_options, refuse_option
from gateway.cli.target import Target, read_target

_MEDIA = {
    "csv": "text/csv",
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
    help="The file to write; it appears when it is whole.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([*_MEDIA]),
    help="What is written; what the file's name ends in by default.",
)
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
@place_options
def export(
    url: str,
    config: Path | None,
    *,
    output: Path,
    form: str | None,
    force: bool,
    **given: Any,
) -> None:
    """Write all rows of a query into a file, of one moment, however many they are.

    URL as for `query`. CSV is for programs (UTF-8, exact texts); Arrow and Parquet are typed,
    instants in UTC. Only you can read the file.

    \b
    Examples:
      skillhabit-odata export Results -o results.parquet --config gateway.toml
      skillhabit-odata export "Users?select=id,name" -o users.csv --force --token-file token.txt
      skillhabit-odata export "https://bi.example.com/odata/v4/Results" -o results.arrow
    """
    target = read_target(url)
    refuse_option(target, "format", "--format says what is written")
    chosen = form or output.suffix.removeprefix(".").lower()
    if chosen not in _MEDIA:
        raise click.UsageError(f"--output {output}: say --format {', '.join(_MEDIA)}")
    _check_free(output, force=force)
    place = find_place(target, config, **given)
    try:
        written = run(_export(place, target, _File(output, _MEDIA[chosen], force)))
    except OSError as error:
        raise click.UsageError(f"--output {output}: {error.strerror}") from error
    note(f"{output}: {written:,} bytes")


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    media: str
    force: bool

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """A file beside it, which takes its place when all went well, and goes otherwise."""
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
        raise click.UsageError(f"--output {path} is there already; --force overwrites it")


async def _export(place: Gateway | Here, target: Target, file: _File) -> int:
    """How many bytes were written."""
    written = 0
    async with asking(place) as client, AsyncExitStack() as stack:
        with bar("Reading the Analytics API") as tell:
            async with watched(client, tell):
                asked = answer(client, target, {"Accept": file.media})
                response = await stack.enter_async_context(asked)
        with file.opened() as out, bar("Writing", as_bytes=True) as tell:
            async for part in response.aiter_bytes():
                written += out.write(part)
                tell(written, None)
    return written
