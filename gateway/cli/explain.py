"""`skillhabit-odata explain URL`: shows which parts of a query the Analytics API handles."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.app import read_contract
from gateway.cli.exits import Exit
from gateway.cli.options import read_settings, setting_options
from gateway.cli.output import print_error
from gateway.cli.proofs import trust_of
from gateway.cli.target import read_target
from gateway.errors import ConfigurationProblem, GatewayError
from gateway.service.explain import Explanation, explain_request


@click.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@setting_options("contract", "custom_field", "column_alias")
def explain(url: str, config: Path | None, *, as_json: bool, **given: Any) -> None:
    """Explain a query without running it: pushdown, residual, order, window and payload.

    URL is a feed's URL as pasted into Power BI, or only its part after /odata/v4/, such as
    "Results?$filter=state eq 'FAILED'".

    \b
    Examples:
      skillhabit-odata explain "Results?filter=state eq 'FAILED'&top=5"
      skillhabit-odata explain "Users?filter=department eq 'HR'" --custom-field department=cf_1
      skillhabit-odata explain "Results?apply=groupby((state))" --json
    """
    target = read_target(url)
    try:
        settings = read_settings(config, given)
        contract = read_contract(settings)
        trust = trust_of(settings, contract)
        explanation = explain_request(target.path, target.query, contract, datetime.now(UTC), trust)
    except ConfigurationProblem as problem:
        raise click.UsageError(problem.message) from problem
    except GatewayError as error:
        print_error(error.status, error.code, error.message, error.details)
        raise SystemExit(Exit.NO) from error
    _print(explanation, as_json=as_json)


def _print(explanation: Explanation, *, as_json: bool) -> None:
    if as_json:
        facts = {**dict(explanation.lines), "payload": explanation.payload}
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    for label, text in explanation.lines:
        click.echo(f"{label + ':':<10} {text}")
    if explanation.payload is None:
        click.echo("payload:   none; no request is sent")
        return
    click.echo(f"payload:   POST {explanation.path}")
    click.echo(json.dumps(explanation.payload, ensure_ascii=False, indent=2))
