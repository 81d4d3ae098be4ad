"""`skillhabit-odata doctor`: checks this installation and says how to fix problems."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gateway.cli.examination import CheckResult, CheckVerdict, examine_computer
from gateway.cli.examination_network import examine_network
from gateway.cli.options import read_settings, setting_options
from gateway.config import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@setting_options()
def doctor(config: Path | None, *, as_json: bool, **given: Any) -> None:
    """Check everything that `serve` needs, with the settings that it would use.

    Exit code 0 if no check fails, 1 if there is a problem, 2 if the settings cannot be read.

    \b
    Examples:
      skillhabit-odata doctor --config gateway.toml
      skillhabit-odata doctor --token-file token.txt --json
    """
    settings = read_settings(config, given)
    results = [*examine_computer(settings, os.environ), *asyncio.run(_network(settings))]
    if as_json:
        click.echo(json.dumps([_as_object(one) for one in results], indent=2))
    else:
        _print(results)
    raise SystemExit(1 if any(one.verdict is CheckVerdict.FAIL for one in results) else 0)


async def _network(settings: Settings) -> list[CheckResult]:
    return [one async for one in examine_network(settings)]


def _as_object(one: CheckResult) -> dict[str, str]:
    return {"subject": one.subject, "verdict": one.verdict, "text": one.text}


def _print(results: Sequence[CheckResult]) -> None:
    width = max(len(one.subject) for one in results)
    for one in results:
        click.echo(f"{one.verdict:<4} {one.subject:<{width}}  {one.text}")
    number = Counter(one.verdict for one in results)
    problems = _counted(number[CheckVerdict.FAIL], "problem")
    click.echo(f"{problems}, {_counted(number[CheckVerdict.WARN], 'warning')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
