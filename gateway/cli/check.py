"""`skillhabit-odata check`: compares the contract file with the live Analytics API."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import httpx

from gateway.app import clock_and_observer, own_token, read_contract
from gateway.cli.exits import Exit
from gateway.cli.options import read_settings, setting_options, token_place
from gateway.cli.output import note, print_json, printable
from gateway.config import Settings
from gateway.config.sign_in import LOGIN_NAMES
from gateway.contract.headers import resolve_headers
from gateway.discovery.check import check_upstream
from gateway.discovery.findings import Finding
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken, UpstreamUnavailable


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@setting_options(
    "upstream",
    "token_file",
    "token_env",
    "token_command",
    *LOGIN_NAMES,
    "contract",
    "custom_field",
    "upstream_timeout",
)
def check(config: Path | None, *, as_json: bool, **given: Any) -> None:
    """Call the Analytics API a few times, read-only, and compare it with the contract file.

    Exit code 0 if the contract file matches, 1 if a line of it must change.

    \b
    Examples:
      skillhabit-odata check --token-file token.txt
      skillhabit-odata check --config gateway.toml --json
    """
    settings = read_settings(config, given)
    try:
        findings = asyncio.run(read_findings(settings))
    except (ConfigurationProblem, UpstreamRejectedToken) as problem:
        raise click.UsageError(problem.message) from problem
    except UpstreamUnavailable as problem:
        note(problem.message)
        raise SystemExit(Exit.LATER) from problem
    differences = sum(not finding.fits for finding in findings)
    if as_json:
        print_json({"fits": not differences, "findings": [asdict(f) for f in findings]})
    else:
        print_findings(findings)
        click.echo(f"{differences} to correct" if differences else "the contract file matches")
    raise SystemExit(Exit.NO if differences else Exit.DONE)


def print_findings(findings: Sequence[Finding]) -> None:
    """Print a line for each finding."""
    width = max((len(finding.subject) for finding in findings), default=0)
    for finding in findings:
        mark = click.style("ok    ", "green") if finding.fits else click.style("DIFFER", "red")
        click.echo(f"{mark} {printable(f'{finding.subject:<{width}}  {finding.text}')}")


async def read_findings(settings: Settings) -> tuple[Finding, ...]:
    """Return how the responses of the Analytics API compare with the contract file.

    Raises:
        ConfigurationProblem: the contract file cannot be used.
        UpstreamRejectedToken: no token can be read, or the API rejects it.
        UpstreamUnavailable: the Analytics API cannot be reached.
    """
    contract = read_contract(settings)
    base_url = settings.upstream or contract.base_url
    token = await own_token(settings, *clock_and_observer())()
    headers = resolve_headers(contract, os.environ)
    timeout = settings.upstream_timeout
    async with httpx.AsyncClient(base_url=base_url, timeout=timeout, headers=headers) as http:
        try:
            return await check_upstream(http, contract, token)
        except UpstreamRejectedToken as error:
            raise UpstreamRejectedToken(
                f"the token was rejected: renew {token_place(settings)} ({error.message})"
            ) from error
