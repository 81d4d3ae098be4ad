"""`skillhabit-odata check`: does the contract file fit the live Analytics API?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import httpx

from gateway.analytics.check import check_upstream
from gateway.analytics.findings import Finding
from gateway.app import own_token, read_contract, world_outside
from gateway.cli.options import read_settings, setting_options
from gateway.config import Settings
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken


@click.command()
@setting_options(
    "upstream",
    "token_file",
    "token_env",
    "token_command",
    "contract",
    "custom_field",
    "upstream_timeout",
)
def check(config: Path | None, **given: Any) -> None:
    """Call the Analytics API twice, read-only, and compare the answers with the contract file.

    Exit code 0 when everything fits, 1 when a line of the contract file must change.
    """
    settings = read_settings(config, given)
    try:
        findings = asyncio.run(_check(settings))
    except (ConfigurationProblem, UpstreamRejectedToken) as problem:
        raise click.UsageError(problem.message) from problem
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = "ok    " if finding.fits else "DIFFER"
        click.echo(f"{mark} {finding.subject:<{width}}  {finding.text}")
    differences = sum(not finding.fits for finding in findings)
    click.echo(f"{differences} to correct" if differences else "the contract file fits")
    raise SystemExit(1 if differences else 0)


async def _check(settings: Settings) -> tuple[Finding, ...]:
    contract = read_contract(settings)
    base_url = settings.upstream or contract.base_url
    token = await own_token(settings, *world_outside())()
    async with httpx.AsyncClient(base_url=base_url, timeout=settings.upstream_timeout) as http:
        return await check_upstream(http, contract, token)
