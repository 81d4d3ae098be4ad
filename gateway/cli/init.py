"""`skillhabit-odata init`: writes a first configuration file, from prompts or options."""

from __future__ import annotations

import asyncio
import math
import os
import re
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.auth.tokens import CallerTokenSource
from gateway.cli.exits import Exit
from gateway.cli.interview import Interview
from gateway.cli.keys import add_key
from gateway.cli.learn import Outcome, Wishes, constants_of, learn
from gateway.cli.login import Login, find_login, login_options
from gateway.cli.output import note, printable
from gateway.config import load_settings
from gateway.config.converters import as_pairs, as_url
from gateway.config.schema import SCHEMA_FILE
from gateway.config.template import configuration_text
from gateway.contract.loader import built_in_contract, load_contract
from gateway.discovery.probe.caller import Door, DoorProblem
from gateway.errors import ConfigurationProblem

_KEYS_FILE = Path("keys.json")
_CONTRACT_FILE = "contract.toml"
_DEFAULT_TIMEOUT_SECONDS = 60


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
    "--from",
    "source",
    metavar="FILE|URL",
    help="An OpenAPI description, a HAR file, a Postman collection, a cURL command or a response.",
)
@click.option(
    "--constant",
    multiple=True,
    metavar="NAME=VALUE",
    help="A member that every request must have, such as workspaceId=ws_1. Repeatable.",
)
@click.option(
    "--header",
    multiple=True,
    metavar="NAME=VALUE",
    help="A header that every request must have. Repeatable.",
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
@login_options
@click.option("--force", is_flag=True, help="Overwrite existing files without asking.")
@click.option("--non-interactive", is_flag=True, help="Do not prompt; use options and defaults.")
def init(
    *,
    output: Path,
    upstream: str | None,
    token_file: Path,
    source: str | None,
    constant: tuple[str, ...],
    header: tuple[str, ...],
    custom_field: tuple[str, ...],
    all_fields: bool,
    data_dir: str | None,
    first_key: str | None,
    force: bool,
    non_interactive: bool,
    **login: Any,
) -> None:
    """Set up the gateway for a workspace: learn its API, and write two files.

    The command asks the Analytics API a few dozen times, read-only, and writes what it has proved,
    with the evidence, to contract.toml. gateway.toml contains every setting with an explanation.
    The token goes into a separate file that only you can read, and is never shown. A key is shown
    once. Files are written at the end.

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
    contract_file = output.with_name(_CONTRACT_FILE)
    _check_free(contract_file, interview, force=force)
    draft = _ask(interview, _wishes(source, constant, header), contract_file, login)
    if draft.token is not None:
        _check_free(token_file, interview, force=force)
    text = configuration_text({n: v for n, v in draft.values.items() if v is not None})
    load_settings({}, {}, text, str(output))  # checks that serve can read the file
    if draft.token is not None:
        _write(token_file, draft.token + "\n", mode=0o600)
        click.echo(f"wrote {token_file}, which only you can read")
    if draft.key_name is not None:
        _make_key(draft.key_name)
    _write(contract_file, draft.found.text, mode=0o644)
    click.echo(f"wrote {contract_file}: {_sources(draft.found.text)}")
    _write(output, text, mode=0o600 if "login_body" in draft.values else 0o644)
    click.echo(f"wrote {output}")
    calls = f"{draft.found.learned.calls} calls"
    if not draft.found.fits:
        for problem in draft.found.problems:
            note(problem)
        note(f"{contract_file} does not fit yet ({calls}): correct these lines, then run check")
        raise SystemExit(Exit.NO)
    click.echo(f"fits: everything that the feed relies on is proved ({calls})\n\nNext:")
    click.echo(f"  skillhabit-odata serve --config {output}")
    click.echo(f"  skillhabit-odata config schema > {SCHEMA_FILE}   # for your editor")


def _sources(text: str) -> str:
    """Return how many entries of a contract file have which source."""
    counts = Counter(re.findall(r'^source = "(\w+)"', text, re.MULTILINE))
    total = f"{counts.total()} entries"
    return f"{total}: {', '.join(f'{n} {source}' for source, n in counts.most_common())}"


def _wishes(source: str | None, constant: tuple[str, ...], header: tuple[str, ...]) -> Wishes:
    try:
        headers = dict(as_header(pair) for pair in header)
        return Wishes(source, constants_of(constant), headers)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--constant or --header") from error


def as_header(pair: str) -> tuple[str, str]:
    """Return name and value of `NAME=VALUE`.

    Raises:
        ValueError: there is no name or no value.
    """
    name, equals, value = pair.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z0-9-]+", name) or not value.isprintable():
        raise ValueError(f"{pair!r} is not NAME=VALUE")
    return name, value


@dataclass(frozen=True, slots=True)
class _Draft:
    """The settings as TOML values, a token to write, the name of a new key, and the contract."""

    values: Mapping[str, object]
    token: str | None = field(repr=False)
    key_name: str | None
    found: Outcome = field(repr=False)


def _ask(
    interview: Interview, wishes: Wishes, contract_file: Path, options: Mapping[str, Any]
) -> _Draft:
    url, token, found = _reach(interview, wishes, options)
    fields = found.learned.inferred.custom_fields
    mapped = () if fields is None else fields.mapped
    for field_ in mapped:
        click.echo(f"custom field {field_.label or field_.id}: column {field_.name}")
    values: dict[str, object] = {
        "upstream": url,
        "contract": str(contract_file),
        "upstream_timeout": _timeout(found.learned.seconds_of_page),
        **({"token_file": str(interview.token_file)} if isinstance(token, str) else token.values),
        "custom_field": dict(interview.fields),
        "data_dir": interview.find_data_dir(),
    }
    key_name = interview.find_key_name()
    if key_name is not None:
        values["keys_file"] = str(_KEYS_FILE)
    kept = token if isinstance(token, str) and not interview.has_token(token) else None
    return _Draft(values, kept, key_name, found)


def _timeout(seconds_of_page: float) -> int | None:
    """Return three times the slowest page in seconds; None if the default is enough."""
    wanted = math.ceil(3 * seconds_of_page)
    return wanted if wanted > _DEFAULT_TIMEOUT_SECONDS else None


def _make_key(name: str) -> None:
    text, _ = add_key(_KEYS_FILE, name, datetime.now(UTC))
    click.echo(f"wrote {_KEYS_FILE}; this is the key for {name}, which is not shown again:\n{text}")


def _reach(
    interview: Interview, wishes: Wishes, options: Mapping[str, Any]
) -> tuple[str, str | Login, Outcome]:
    """Return a URL and a token or login that work, and what was learnt with them.

    Raises:
        SystemExit: they do not work, and the user does not try others.
    """
    default = load_contract(built_in_contract()).base_url
    url = interview.find_url(default)
    token: str | Login = find_login(options, url) or interview.find_token()
    while True:
        click.echo(f"Asking {url} ...")
        source = CallerTokenSource(token) if isinstance(token, str) else token.source
        try:
            return url, token, asyncio.run(learn(url, source, wishes, _tell))
        except ConfigurationProblem as problem:
            raise click.UsageError(problem.message) from problem
        except DoorProblem as problem:
            _retry_or_exit(interview, problem)
            if problem.door is not Door.TOKEN:
                url = interview.ask_url(url)
                token = find_login(options, url) or token
            elif isinstance(token, str):
                token = interview.find_token(refused=token)


def _tell(line: str) -> None:
    click.echo(f"  {printable(line)}")


def _retry_or_exit(interview: Interview, problem: DoorProblem) -> None:
    """Print the problem, and ask whether to try again.

    Raises:
        SystemExit: the user declines, or prompts are off.
    """
    note(problem.message)
    if not interview.wants("Try again?", default=True):
        is_later = problem.door in (Door.UNREACHABLE, Door.BUSY, Door.NO_ROWS)
        raise SystemExit(Exit.LATER if is_later else Exit.UNUSABLE)


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
