"""`skillhabit-odata doctor`: is this set-up sound, and if not, what is to be done?"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gateway.cli.examination import CheckVerdict, Examined, examine_computer
from gateway.cli.examination_network import examine_network
from gateway.cli.options import read_settings, setting_options
from gateway.config import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@setting_options()
def doctor(config: Path | None, *, as_json: bool, **given: Any) -> None:
    """Look at everything that `serve` needs, with the settings that it would have.

    Exit code 0 when nothing fails, 1 when something must be mended, 2 when the settings cannot be
    read.

    \b
    Examples:
      skillhabit-odata doctor --config gateway.toml
      skillhabit-odata doctor --token-file token.txt --json
    """
    settings = read_settings(config, given)
    found = [*examine_computer(settings, os.environ), *asyncio.run(_network(settings))]
    if as_json:
        click.echo(json.dumps([_as_object(one) for one in found], indent=2))
    else:
        _print(found)
    raise SystemExit(1 if any(one.verdict is CheckVerdict.FAIL for one in found) else 0)


async def _network(settings: Settings) -> list[Examined]:
    return [one async for one in examine_network(settings)]


def _as_object(one: Examined) -> dict[str, str]:
    return {"subject": one.subject, "verdict": one.verdict, "text": one.text}


def _print(found: Sequence[Examined]) -> None:
    width = max(len(one.subject) for one in found)
    for one in found:
        click.echo(f"{one.verdict:<4} {one.subject:<{width}}  {one.text}")
    number = Counter(one.verdict for one in found)
    failing, warnings = number[CheckVerdict.FAIL], number[CheckVerdict.WARN]
    click.echo(f"{failing} to mend, {warnings} to know" if failing + warnings else "all is well")
