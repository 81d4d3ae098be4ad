"""`skillhabit-odata sync`: all rows read into the data directory, before anybody asks for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec

from gateway.app import read_contract
from gateway.cli.exits import Exit
from gateway.cli.options import read_settings, setting_options
from gateway.cli.output import note, printable
from gateway.cli.progress import bar, watched
from gateway.cli.queries import Here, RemoteError, answer, asking, check_known, run
from gateway.cli.target import read_target
from gateway.config import Settings
from gateway.errors import ConfigurationProblem, InsufficientStorage
from gateway.planner.explain import explain_pushdown
from gateway.planner.pushdown import Pushdown

Tell = Callable[[str, dict[str, Any]], None]
"""Takes the name of what has happened, and facts about it."""
_TELL_EVERY_SECONDS = 1.0
_NOW = {"Cache-Control": "no-cache", "Prefer": "odata.maxpagesize=1"}


@click.command()
@click.option("--workspace", metavar="NAME", help="Only this workspace; all of them by default.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each step.")
@setting_options("upstream", "token_file", "contract", "custom_field", "data_dir")
def sync(config: Path | None, *, workspace: str | None, as_json: bool, **given: Any) -> None:
    """Read all rows now and keep them in the data directory.

    For a schedule, say before the working day: a gateway with the same data directory, running or
    started later, answers from it when its own copy is no longer fresh. After the first time only
    what has changed is read.

    \b
    Examples:
      skillhabit-odata sync --config gateway.toml
      skillhabit-odata sync --config gateway.toml --workspace acme --json
    """
    settings = read_settings(config, given)
    if settings.data_dir is None:
        raise click.UsageError("--data-dir DIR is needed: without it nothing would be kept")
    names = [s.workspace for s in (settings, *settings.others)]
    if workspace is not None:
        check_known(settings, workspace)
        names = [workspace]
    tell = _told_as_json if as_json else _told
    raise SystemExit(max(run(_sync(_patient(settings), name, tell)) for name in names))


def _patient(settings: Settings) -> Settings:
    """With answers that wait until all rows are there."""
    others = tuple(_patient(other) for other in settings.others)
    return replace(settings, early_pages=False, others=others)


async def _sync(settings: Settings, name: str, tell: Tell) -> Exit:
    """One workspace; what fails is told, and does not keep the others from being read."""
    try:
        done = await _read(settings, name, tell)
    except RemoteError as error:
        tell("failed", {"workspace": name, "code": error.code, "message": error.message})
        return Exit.LATER if error.status == InsufficientStorage.status else error.exit
    tell("done", done)
    return Exit.DONE


async def _read(settings: Settings, name: str, tell: Tell) -> dict[str, Any]:
    """Ask for the first row of all rows; what the gateway has then is what was wanted.

    Raises:
        Refused: the rows cannot be read.
    """
    began, told_at = time.monotonic(), 0.0
    place = Here(settings, name)
    all_rows = read_target(read_contract(_of(settings, name)).schema.entity_sets[0].name)

    def come(rows: int, total: int | None) -> None:
        nonlocal told_at
        show(rows, total)
        if time.monotonic() - told_at >= _TELL_EVERY_SECONDS:
            told_at = time.monotonic()
            tell("progress", {"workspace": name, "rows": rows, "of": total})

    async with asking(place) as client:
        with bar(f"Reading {name}") as show:
            async with watched(client, come), answer(client, all_rows, _NOW) as response:
                await response.aread()
        seconds = round(time.monotonic() - began, 1)
        return {"workspace": name, **await _kept(client), "seconds": seconds}


def _of(settings: Settings, name: str) -> Settings:
    return next(s for s in (settings, *settings.others) if s.workspace == name)


async def _kept(client: httpx.AsyncClient) -> dict[str, Any]:
    """The youngest snapshot of all rows.

    Raises:
        ConfigurationProblem: it is not there any more.
    """
    snapshots = (await client.get("/status")).json()["snapshots"]
    everything = explain_pushdown(Pushdown())
    found = next((each for each in snapshots if each["holds"] == everything), None)
    if found is None:
        raise ConfigurationProblem("all rows together are more than --snapshot-budget: raise it")
    return {"snapshot": found["id"], "rows": found["rows"], "takenAt": found["takenAt"]}


def _told(event: str, facts: dict[str, Any]) -> None:
    match event:
        case "done":
            click.echo(
                f"{facts['workspace']}: {facts['rows']:,} rows as of {facts['takenAt']},"
                f" in {facts['seconds']} s"
            )
        case "failed":
            note(f"{facts['workspace']}: {facts['code']}: {printable(facts['message'])}")


def _told_as_json(event: str, facts: dict[str, Any]) -> None:
    click.echo(msgspec.json.encode({"event": event, **facts}))
