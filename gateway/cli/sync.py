"""`skillhabit-odata sync`: loads all rows into the data directory ahead of requests."""

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
from gateway.cli.progress import bar, reporting_extracts
from gateway.cli.queries import LocalGateway, RemoteError, check_known, fetch, open_client, run
from gateway.cli.target import read_target
from gateway.config import Settings
from gateway.errors import ConfigurationProblem, InsufficientStorage
from gateway.planner.explain import explain_pushdown
from gateway.planner.pushdown import Pushdown

Report = Callable[[str, dict[str, Any]], None]
"""Takes the name of an event, and facts about it."""
_REPORT_SECONDS = 1.0
_RELOAD = {"Cache-Control": "no-cache", "Prefer": "odata.maxpagesize=1"}


@click.command()
@click.option("--workspace", metavar="NAME", help="Only this workspace; all by default.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each step.")
@setting_options("upstream", "token_file", "contract", "custom_field", "column_alias", "data_dir")
def sync(config: Path | None, *, workspace: str | None, as_json: bool, **given: Any) -> None:
    """Load all rows now and store them in the data directory.

    Use it on a schedule, for example before the working day. A gateway with the same data directory
    uses the new snapshot when its own is no longer fresh, even if it starts later. After the first
    run, only changes are loaded.

    \b
    Examples:
      skillhabit-odata sync --config gateway.toml
      skillhabit-odata sync --config gateway.toml --workspace acme --json
    """
    settings = read_settings(config, given)
    if settings.data_dir is None:
        raise click.UsageError("--data-dir DIR is required: without it, nothing would be stored")
    names = [s.workspace for s in (settings, *settings.others)]
    if workspace is not None:
        check_known(settings, workspace)
        names = [workspace]
    report = _print_as_json if as_json else _print_event
    raise SystemExit(
        max(run(_sync(_without_early_pages(settings), name, report)) for name in names)
    )


def _without_early_pages(settings: Settings) -> Settings:
    """Return the settings with responses that wait until all rows are loaded."""
    others = tuple(_without_early_pages(other) for other in settings.others)
    return replace(settings, early_pages=False, others=others)


async def _sync(settings: Settings, name: str, report: Report) -> Exit:
    """Load one workspace; a failure is reported and does not stop the others."""
    try:
        done = await _load(settings, name, report)
    except RemoteError as error:
        report("failed", {"workspace": name, "code": error.code, "message": error.message})
        return Exit.LATER if error.status == InsufficientStorage.status else error.exit
    report("done", done)
    return Exit.DONE


async def _load(settings: Settings, name: str, report: Report) -> dict[str, Any]:
    """Load all rows by requesting the first one, and return facts about the snapshot.

    Raises:
        RemoteError: the rows cannot be loaded.
    """
    started, reported_at = time.monotonic(), 0.0
    gateway = LocalGateway(settings, name)
    all_rows = read_target(read_contract(_of(settings, name)).schema.entity_sets[0].name)

    def progress(rows: int, total: int | None) -> None:
        nonlocal reported_at
        show(rows, total)
        if time.monotonic() - reported_at >= _REPORT_SECONDS:
            reported_at = time.monotonic()
            report("progress", {"workspace": name, "rows": rows, "of": total})

    async with open_client(gateway) as client:
        with bar(f"Loading {name}") as show:
            loading = fetch(client, all_rows, _RELOAD)
            async with reporting_extracts(client, progress), loading as response:
                await response.aread()
        seconds = round(time.monotonic() - started, 1)
        return {"workspace": name, **await _newest_snapshot(client), "seconds": seconds}


def _of(settings: Settings, name: str) -> Settings:
    return next(s for s in (settings, *settings.others) if s.workspace == name)


async def _newest_snapshot(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return facts about the newest snapshot of all rows.

    Raises:
        ConfigurationProblem: it was evicted already.
    """
    snapshots = (await client.get("/status")).json()["snapshots"]
    everything = explain_pushdown(Pushdown())
    found = next((each for each in snapshots if each["holds"] == everything), None)
    if found is None:
        raise ConfigurationProblem("the rows do not fit into --snapshot-budget: raise it")
    return {"snapshot": found["id"], "rows": found["rows"], "takenAt": found["takenAt"]}


def _print_event(event: str, facts: dict[str, Any]) -> None:
    match event:
        case "done":
            click.echo(
                f"{facts['workspace']}: {facts['rows']:,} rows as of {facts['takenAt']},"
                f" in {facts['seconds']} s"
            )
        case "failed":
            note(f"{facts['workspace']}: {facts['code']}: {printable(facts['message'])}")


def _print_as_json(event: str, facts: dict[str, Any]) -> None:
    click.echo(msgspec.json.encode({"event": event, **facts}))
