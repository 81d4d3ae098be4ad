"""`skillhabit-odata query URL`: an OData query from the terminal."""

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

from gateway.cli.output import note, print_table
from gateway.cli.progress import bar, watched
from gateway.cli.queries import Gateway, Here, answer, asking, run
from gateway.cli.source import find_place, place_options, refuse_option
from gateway.cli.target import Target, read_target

_MOST_A_PAGE = 5_000
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
    help="How rows are printed.",
)
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="The most rows; nextLinks are followed until then. 0 is all of them.",
)
@place_options
def query(url: str, config: Path | None, *, form: str, limit: int, **given: Any) -> None:
    """Run an OData query and print its rows.

    URL is what stands behind /odata/v4/, asked of the Analytics API with the settings, no server
    needed; or the whole URL of a gateway that runs. Blanks need no encoding; options may stand
    without their $, which in double quotes is the shell's.

    \b
    Examples:
      skillhabit-odata query "Results?filter=state eq 'FAILED'&top=5" --config gateway.toml
      skillhabit-odata query "Users?orderby=name" --gateway https://bi.example.com --key-file key
      skillhabit-odata query 'Results/$count' --token-file token.txt
      skillhabit-odata query Contents --limit 0 --format csv > contents.csv

    What is refused is told with its place, and ends with exit code 1.
    """
    target = read_target(url)
    refuse_option(target, "format", "--format says how rows are printed")
    place = find_place(target, config, **given)
    run(_print(place, target, _Form(form, limit)))


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    limit: int


async def _print(place: Gateway | Here, target: Target, form: _Form) -> None:
    async with asking(place) as client:
        with bar("Reading the Analytics API") as tell:
            async with watched(client, tell):
                found = [item async for item in _items(client, target, form.limit)]
    match found:
        case [str() as text]:
            click.echo(text)
        case rows:
            _print_rows(rows, form)


async def _items(client: httpx.AsyncClient, target: Target, limit: int) -> AsyncIterator[Any]:
    """The rows of a feed, page by page; the one row of an entity; a text that is no rows.

    Raises:
        Refused: it is an error.
    """
    left = limit or sys.maxsize
    following: Target | None = target
    while following is not None:
        headers = {
            "Accept": "application/json;odata.metadata=none, text/plain;q=0.9, */*;q=0.8",
            "Prefer": f"odata.maxpagesize={min(left, _MOST_A_PAGE)}",
        }
        async with answer(client, following, headers) as response:
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
        following = None if link is None else read_target(link)
        if left <= 0:
            if following is not None or left < 0:
                note(f"there are more than {limit} rows: give --limit, 0 for all")
            return


def _print_rows(rows: list[Any], form: _Form) -> None:
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
        print_table(columns, [[_cell(value) for value in line] for line in lines])
    else:
        note("no rows")


def _cell(value: Any) -> str:
    """A value in a table, where null is nothing and an empty text is a literal of OData's."""
    return "''" if value == "" else _text(value)


def _text(value: Any) -> str:
    """A value as a text; lists and rows inside of rows as JSON, null as nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _ENCODER.encode(value).decode()


def _field(value: Any) -> str:
    """A field of CSV as the gateway writes it: texts stand in quotes, null is nothing at all."""
    text = _text(value)
    if value is None or isinstance(value, bool | int | Decimal):
        return text
    return '"' + text.replace('"', '""') + '"'
