"""`skillhabit-odata query URL`: runs an OData query from the terminal."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec

from gateway.cli.output import note
from gateway.cli.progress import bar, reporting_extracts
from gateway.cli.queries import LocalGateway, RemoteGateway, fetch, open_client, run
from gateway.cli.row_table import print_rows
from gateway.cli.source import find_gateway, gateway_options, refuse_option
from gateway.cli.target import Target, read_target

_MAX_PAGE_ROWS = 5_000
_DECODER = msgspec.json.Decoder(float_hook=Decimal)  # 1.10 stays 1.10
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@click.command()
@click.argument("url")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="Output format of the rows.",
)
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="Maximum number of rows; nextLinks are followed up to it. 0 means all.",
)
@gateway_options
def query(url: str, config: Path | None, *, form: str, limit: int, **given: Any) -> None:
    """Run an OData query and print its rows.

    URL is the part after /odata/v4/, to query the Analytics API with these settings and without a
    server, or the whole URL of a running gateway. Spaces need no encoding. You can write options
    without $, which shells expand in double quotes.

    On a terminal the table fits the window: names, numbers, dates and states come first, and what
    is cut or left out is noted. In a pipe or a file, and as csv or json, everything is there.

    \b
    Examples:
      skillhabit-odata query "Results?filter=state eq 'FAILED'&top=5" --config gateway.toml
      skillhabit-odata query "Users?orderby=name" --gateway https://bi.example.com --key-file key
      skillhabit-odata query 'Results/$count' --token-file token.txt
      skillhabit-odata query Contents --limit 0 --format csv > contents.csv

    Errors show where the query is wrong; the exit code is then 1.
    """
    target = read_target(url)
    refuse_option(target, "format", "use --format instead")
    gateway = find_gateway(target, config, **given)
    run(_print(gateway, target, _Form(form, limit)))


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    limit: int


async def _print(gateway: RemoteGateway | LocalGateway, target: Target, form: _Form) -> None:
    async with open_client(gateway) as client:
        with bar("Loading from the Analytics API") as report:
            async with reporting_extracts(client, report):
                found = [item async for item in _items(client, target, form.limit)]
    match found:
        case [str() as text]:
            click.echo(text)
        case rows:
            _print_rows(rows, form, is_chosen=bool(target.options & {"select", "apply"}))


async def _items(client: httpx.AsyncClient, target: Target, limit: int) -> AsyncIterator[Any]:
    """Yield the rows of a feed page by page, the row of an entity, or the text of another body.

    Raises:
        RemoteError: the response is an error.
    """
    left = limit or sys.maxsize
    next_page: Target | None = target
    while next_page is not None:
        headers = {
            "Accept": "application/json;odata.metadata=none, text/plain;q=0.9, */*;q=0.8",
            "Prefer": f"odata.maxpagesize={min(left, _MAX_PAGE_ROWS)}",
        }
        async with fetch(client, next_page, headers) as response:
            body = await response.aread()
        if "json" not in response.headers.get("content-type", ""):
            yield body.decode("utf-8", "replace")
            return
        page = _DECODER.decode(body) if body else {}
        if not isinstance(page.get("value"), list):
            yield page
            return
        if "@odata.count" in page:
            note(f"count: {page['@odata.count']}")
        for row in page["value"][:left]:
            yield row
        left -= len(page["value"])
        link = page.get("@odata.nextLink")
        next_page = None if link is None else read_target(link)
        if left <= 0:
            if next_page is not None or left < 0:
                note(f"there are more than {limit} rows: raise --limit, or give 0 for all")
            return


def _print_rows(rows: list[Any], form: _Form, *, is_chosen: bool) -> None:
    if form.name == "json":
        click.echo(msgspec.json.format(_ENCODER.encode(rows), indent=2).decode())
        return
    flat = [row if isinstance(row, dict) else {"value": row} for row in rows]
    columns = [*dict.fromkeys(name for row in flat for name in row if "@" not in name)]
    lines = [[row.get(name) for name in columns] for row in flat]
    if form.name == "csv":
        texts = [",".join(columns), *(",".join(map(_field, line)) for line in lines)]
        click.echo("".join(f"{text}\r\n" for text in texts), nl=False)
    elif columns:
        cells = [[_cell(value) for value in line] for line in lines]
        print_rows(columns, lines, cells, is_chosen=is_chosen)
    else:
        note("no rows")


def _cell(value: Any) -> str:
    """Return a value for a table: null is blank, an empty text an OData literal."""
    return "''" if value == "" else _text(value)


def _text(value: Any) -> str:
    """Return a value as text; lists and nested rows as JSON, null as an empty text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _ENCODER.encode(value).decode()


def _field(value: Any) -> str:
    """Return a CSV field as the gateway writes it: texts in quotes, null as nothing."""
    text = _text(value)
    if value is None or isinstance(value, bool | int | Decimal):
        return text
    return '"' + text.replace('"', '""') + '"'
