"""`skillhabit-odata explain URL`: what a query asks of the Analytics API, and what stays here."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from gateway.app import read_contract
from gateway.cli.options import read_settings, setting_options
from gateway.edge.public_root import SERVICE_PATH
from gateway.errors import ConfigurationProblem, GatewayError
from gateway.explanation import Explanation, explain_request


@click.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@setting_options("contract", "custom_field")
def explain(url: str, config: Path | None, *, as_json: bool, **given: Any) -> None:
    """Explain a query without asking anyone: pushdown, residual, order, window and payload.

    URL is a feed's URL as pasted into Power BI, or just what stands behind /odata/v4/, such as
    "Results?$filter=state eq 'FAILED'".
    """
    path, query = _split(url)
    try:
        contract = read_contract(read_settings(config, given))
        explanation = explain_request(path, query, contract, datetime.now(UTC))
    except ConfigurationProblem as problem:
        raise click.UsageError(problem.message) from problem
    except GatewayError as error:
        _print_refusal(error)
        raise SystemExit(1) from error
    _print(explanation, as_json=as_json)


def _split(url: str) -> tuple[bytes, bytes]:
    """Raw path below the service root and raw query; blanks may stand unencoded on a terminal.

    Raises:
        click.BadParameter: exit code 2.
    """
    text = url.partition("#")[0]
    if text.startswith(("http://", "https://")):
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise click.BadParameter(f"{url!r} is no URL ({error})", param_hint="URL") from error
        text = parts.path + (f"?{parts.query}" if parts.query else "")
    path, _, query = text.partition("?")
    _, found, below = path.partition(SERVICE_PATH)
    relative = below if found else path
    return relative.lstrip("/").encode(), _encoded(query)


def _encoded(query: str) -> bytes:
    """A query as typed: one with blanks is not percent-encoded, so its `%` mean themselves."""
    if " " in query:
        query = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", query).replace(" ", "%20")
    return query.encode()


def _print(explanation: Explanation, *, as_json: bool) -> None:
    if as_json:
        facts = {**dict(explanation.lines), "payload": explanation.payload}
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    for label, text in explanation.lines:
        click.echo(f"{label + ':':<10} {text}")
    if explanation.payload is None:
        click.echo("payload:   none, nothing is asked")
        return
    click.echo(f"payload:   POST {explanation.path}")
    click.echo(json.dumps(explanation.payload, ensure_ascii=False, indent=2))


def _print_refusal(error: GatewayError) -> None:
    click.echo(f"{error.status} {error.code}: {error.message}", err=True)
    for detail in error.details:
        for line in detail.splitlines():
            click.echo(f"  {line}", err=True)
