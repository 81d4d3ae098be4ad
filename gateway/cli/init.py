"""`skillhabit-odata init`: writes a first configuration file, from prompts or options."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click
import httpx

from gateway.cli.check import print_findings
from gateway.cli.exits import Exit
from gateway.cli.interview import Interview
from gateway.cli.keys import add_key
from gateway.cli.output import note
from gateway.config import load_settings
from gateway.config.converters import as_pairs, as_url
from gateway.config.schema import SCHEMA_FILE
from gateway.config.template import configuration_text
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.discovery.check import check_upstream
from gateway.discovery.custom_fields import FoundField, find_fields
from gateway.discovery.findings import Finding
from gateway.errors import UpstreamRejectedToken, UpstreamUnavailable

_KEYS_FILE = Path("keys.json")
_TIMEOUT_SECONDS = 30


@click.command()
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("gateway.toml"),
    show_default=True,
    metavar="FILE",
    help="The configuration file to write.",
)
@click.option("--upstream", metavar="URL", help="Base URL of the Analytics API.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("token.txt"),
    show_default=True,
    metavar="FILE",
    help="File with the Analytics API's token; written if you type the token.",
)
@click.option(
    "--custom-field",
    multiple=True,
    metavar="NAME=ID",
    help="A custom field and its column name; skips the prompts for fields. Repeatable.",
)
@click.option("--all-fields", is_flag=True, help="Create columns for all custom fields found.")
@click.option("--data-dir", metavar="DIR", help="Folder that keeps snapshots across restarts.")
@click.option(
    "--first-key",
    metavar="NAME",
    help=f"Create a key for clients and print it; {_KEYS_FILE} stores its digest.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files without asking.")
@click.option("--non-interactive", is_flag=True, help="Do not prompt; use options and defaults.")
def init(
    *,
    output: Path,
    upstream: str | None,
    token_file: Path,
    custom_field: tuple[str, ...],
    all_fields: bool,
    data_dir: str | None,
    first_key: str | None,
    force: bool,
    non_interactive: bool,
) -> None:
    """Set up the gateway for a workspace: test URL and token, name columns, write one file.

    The file contains every setting with an explanation. The token goes into a separate file that
    only you can read, and is never shown. A key is shown once. Files are written at the end.

    \b
    Examples:
      skillhabit-odata init
      skillhabit-odata init --non-interactive --token-file token.txt --all-fields
    """
    interview = Interview(
        asks=not non_interactive,
        url=_url(upstream),
        token_file=token_file,
        fields=_pairs(custom_field),
        all_fields=all_fields,
        data_dir=data_dir,
        key_name=_name(first_key),
    )
    _check_free(output, interview, force=force)
    draft = _ask(interview)
    if draft.token is not None:
        _check_free(token_file, interview, force=force)
    text = configuration_text(draft.values)
    load_settings({}, {}, text, str(output))  # checks that serve can read the file
    if draft.token is not None:
        _write(token_file, draft.token + "\n", mode=0o600)
        click.echo(f"wrote {token_file}, which only you can read")
    if draft.key_name is not None:
        _make_key(draft.key_name)
    _write(output, text, mode=0o644)
    click.echo(f"wrote {output}\n\nNext:")
    click.echo(f"  skillhabit-odata serve --config {output}")
    click.echo(f"  skillhabit-odata config schema > {SCHEMA_FILE}   # for your editor")


@dataclass(frozen=True, slots=True)
class _Draft:
    """The settings as TOML values, a token to write to its file, and the name of a new key."""

    values: Mapping[str, object]
    token: str | None = field(repr=False)
    key_name: str | None


def _ask(interview: Interview) -> _Draft:
    contract = load_contract(built_in_contract())
    url, token, found = _reach(interview, contract)
    taken = [column.name for column in contract.columns]
    values: dict[str, object] = {
        "upstream": None if url == contract.base_url else url,
        "token_file": str(interview.token_file),
        "custom_field": interview.find_columns(found, taken),
        "data_dir": interview.find_data_dir(),
    }
    key_name = interview.find_key_name()
    if key_name is not None:
        values["keys_file"] = str(_KEYS_FILE)
    return _Draft(values, None if interview.has_token(token) else token, key_name)


def _make_key(name: str) -> None:
    text, _ = add_key(_KEYS_FILE, name, datetime.now(UTC))
    click.echo(f"wrote {_KEYS_FILE}; this is the key for {name}, which is not shown again:\n{text}")


def _reach(interview: Interview, contract: Contract) -> tuple[str, str, tuple[FoundField, ...]]:
    """Return a tested URL and token, and the custom fields of a page of results.

    Raises:
        SystemExit: they do not work, and the user does not try others.
    """
    url, token = interview.find_url(contract.base_url), interview.find_token()
    while True:
        click.echo(f"Testing {url} ...")
        try:
            findings, fields = asyncio.run(_try(url, token, contract))
        except UpstreamRejectedToken as error:
            _retry_or_exit(
                interview, f"{error.message}; renew {interview.token_file}", Exit.UNUSABLE
            )
            token = interview.find_token(refused=token)
            continue
        except UpstreamUnavailable as error:
            _retry_or_exit(interview, error.message, Exit.LATER)
            url = interview.ask_url(url)
            continue
        wrong = [finding for finding in findings if not finding.fits]
        if not wrong:
            click.echo(f"it responds, and matches the contract file in {len(findings)} points")
            return url, token, fields
        print_findings(wrong)
        if interview.wants("Try again with another URL or token?", default=True):
            url, token = interview.ask_url(url), interview.find_token(refused=token)
            continue
        if len(wrong) < len(findings) and interview.wants(
            "Continue, and correct the contract file later?"
        ):
            return url, token, fields
        raise SystemExit(Exit.NO)


def _retry_or_exit(interview: Interview, message: str, code: Exit) -> None:
    """Print the problem, and ask whether to try again.

    Raises:
        SystemExit: the user declines, or prompts are off.
    """
    note(message)
    if not interview.wants("Try again?", default=True):
        raise SystemExit(code)


async def _try(
    url: str, token: str, contract: Contract
) -> tuple[tuple[Finding, ...], tuple[FoundField, ...]]:
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_SECONDS) as http:
        findings = await check_upstream(http, contract, token)
        if len(findings) == 1 and not findings[0].fits:
            return findings, ()
        return findings, await find_fields(http, contract, token)


def _check_free(path: Path, interview: Interview, *, force: bool) -> None:
    """Check that the file may be written, asking before it is overwritten.

    Raises:
        click.UsageError: the file exists and may not be overwritten.
    """
    if not path.exists() or force or interview.wants(f"{path} exists already. Overwrite it?"):
        return
    raise click.UsageError(f"{path} exists already; use --force to overwrite it")


def _write(path: Path, text: str, *, mode: int) -> None:
    """Write a file atomically, with permissions `mode` from its first byte on."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _url(text: str | None) -> str | None:
    try:
        return None if text is None else as_url(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--upstream") from error


def _name(text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise click.BadParameter("must not be empty", param_hint="--first-key")
    return text


def _pairs(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    try:
        return as_pairs(texts)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--custom-field") from error
