"""`skillhabit-odata init`: learns the API, and writes the contract and the configuration file."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from gateway.cli.clients import client_options, find_access
from gateway.cli.files import locked_folder
from gateway.cli.init_files import KEYS_FILE, SetUp
from gateway.cli.interview import Interview
from gateway.cli.learn import Outcome, Wishes, always, constants_of, exit_of, learn
from gateway.cli.login import Login, find_login, login_options
from gateway.cli.output import note, printable
from gateway.cli.proofs import keep_proofs
from gateway.cli.settings_file import stored_settings
from gateway.config import FileFolder, Settings, load_settings
from gateway.config.converters import as_pairs, as_url
from gateway.contract.instants import checked_zone
from gateway.contract.loader import built_in_contract, load_contract, read_file
from gateway.discovery.probe.caller import Door, DoorProblem
from gateway.errors import ConfigurationProblem

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
    "--contract",
    "start",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A contract file to start from: its forms are tried first, and your changes are kept."
    " Default: the one that an earlier run wrote.",
)
@click.option(
    "--zone",
    default="",
    metavar="ZONE",
    help="The zone of instants without an offset, such as Europe/Berlin.",
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
    help="A custom field and its column name: these become columns, no others. Repeatable.",
)
@click.option("--all-fields", is_flag=True, help="Do not ask which custom fields become columns.")
@click.option("--data-dir", metavar="DIR", help="Folder that keeps snapshots across restarts.")
@click.option(
    "--first-key",
    metavar="NAME",
    help=f"Create a key for clients and print it; {KEYS_FILE} stores its digest.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files without asking.")
@click.option("--non-interactive", is_flag=True, help="Do not prompt; use options and defaults.")
@client_options
@login_options
def init(
    *,
    output: Path,
    upstream: str | None,
    token_file: Path,
    source: str | None,
    start: Path | None,
    zone: str,
    constant: tuple[str, ...],
    header: tuple[str, ...],
    custom_field: tuple[str, ...],
    all_fields: bool,
    data_dir: str | None,
    first_key: str | None,
    force: bool,
    non_interactive: bool,
    clients: str | None,
    **given: Any,
) -> None:
    """Set up the gateway for a workspace: learn its API, and write two files.

    The command sends the Analytics API a few dozen read-only requests, and writes what they prove,
    with the evidence, to contract.toml. gateway.toml contains every setting with an explanation.
    The token goes into a separate file that only you can read, and is never shown. A key is shown
    once. Files are written at the end. If they exist, your changes in them are kept.

    The command asks who will connect, and sets address, TLS and a key for them. With
    --non-interactive and without --clients, only this computer can connect.

    \b
    Examples:
      skillhabit-odata init
      skillhabit-odata init --non-interactive --token-file token.txt --all-fields
      skillhabit-odata init --clients proxy --public-url https://bi.example.com
    """
    with locked_folder(output):
        old = _old(output)
        interview = Interview(
            asks=not non_interactive,
            url=_url(upstream),
            token_file=token_file,
            fields=_pairs(custom_field) or _stored_fields(old),
            all_fields=all_fields,
            data_dir=data_dir,
            key_name=_name(first_key),
        )
        _check_free(output, interview, force=force)
        contract_file = output.with_name(_CONTRACT_FILE)
        wishes = _wishes(source, constant, header)
        begin = _start(start, contract_file)
        choose = interview.choose if interview.asks else None
        wishes = replace(
            wishes,
            zone=_zone(zone),
            contract=begin,
            choose=choose,
            fields=interview.choose_fields,
            accept=interview.accept,
        )
        before = _settings_of(old, output)
        early = None if interview.asks else find_access(interview, clients, given, before)
        reached = _reach(interview, wishes, given)
        values, token = _choices(interview, contract_file, reached)
        access = early or find_access(interview, clients, given, before)
        if token is not None:
            _check_free(token_file, interview, force=force)
        files = SetUp(output, contract_file, token_file, old, values, access, token, reached.found)
        settings = files.settings()
        files.write()
        if reached.found.fits:
            keep_proofs(settings, reached.found.findings, reached.found.learned)
    files.report(settings)


def _old(output: Path) -> str | None:
    """Return the existing configuration file."""
    return _read(output) if output.exists() else None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path} cannot be read: {error}") from error


def _settings_of(old: str | None, output: Path) -> Settings:
    """Return the settings of an earlier run, the defaults if they cannot be read."""
    folder = FileFolder(output.parent, Path.cwd())
    try:
        return load_settings({}, {}, old or "", str(output), folder.resolve)
    except ValueError:
        return load_settings({}, {})


def _start(start: Path | None, contract_file: Path) -> str | None:
    """Return the contract file to start from: the one named, or that of an earlier run.

    Raises:
        click.UsageError: it cannot be used.
    """
    path = start or (contract_file if contract_file.exists() else None)
    if path is None:
        return None
    text = _read(path)
    try:
        read_file(text)
    except ConfigurationProblem as problem:
        raise click.UsageError(
            f"{path}: {problem.message}; correct it, or delete it to start over"
        ) from problem
    return text


def _stored_fields(old: str | None) -> tuple[tuple[str, str], ...]:
    """Return the custom fields of an older configuration file, which named them itself."""
    found = stored_settings(old).get("custom_field")
    if not isinstance(found, dict):
        return ()
    return tuple((name, str(id_)) for name, id_ in found.items())


def _zone(name: str) -> str:
    try:
        return checked_zone(name) if name else ""
    except ValueError as error:
        raise click.BadParameter(f"there is no time zone {name!r}", param_hint="--zone") from error


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
class _Reached:
    """A URL and a token or a login that work, and what was learnt with them."""

    url: str
    token: str | Login = field(repr=False)
    found: Outcome = field(repr=False)


def _choices(
    interview: Interview, contract_file: Path, reached: _Reached
) -> tuple[dict[str, object], str | None]:
    """Return the settings of the Analytics API as TOML values, and a token to write."""
    token = reached.token
    _say_fields(reached.found, interview)
    values: dict[str, object] = {
        "upstream": reached.url,
        "contract": str(contract_file),
        "upstream_timeout": _timeout(reached.found.learned.seconds_of_page),
        **({"token_file": str(interview.token_file)} if isinstance(token, str) else token.values),
        "data_dir": interview.find_data_dir(),
    }
    is_new = isinstance(token, str) and not interview.has_token(token)
    return values, token if is_new and isinstance(token, str) else None


def _say_fields(found: Outcome, interview: Interview) -> None:
    fields = found.learned.inferred.custom_fields
    for field_ in () if fields is None or interview.asks else fields.mapped:
        click.echo(f"custom field {field_.label or field_.id}: column {field_.name}")


def _timeout(seconds_of_page: float) -> int | None:
    """Return three times the slowest page in seconds; None if the default is enough."""
    wanted = math.ceil(3 * seconds_of_page)
    return wanted if wanted > _DEFAULT_TIMEOUT_SECONDS else None


def _reach(interview: Interview, wishes: Wishes, given: Mapping[str, Any]) -> _Reached:
    """Ask for a URL and a token, or take a login, until they work.

    Raises:
        SystemExit: they do not work, and the user does not try others.
    """
    default = load_contract(built_in_contract()).base_url
    url = interview.find_url(default)
    login = find_login(given, url)
    token: str | Login = interview.find_token() if login is None else login
    while True:
        click.echo(f"Asking {url} ...")
        source = always(token) if isinstance(token, str) else token.source
        try:
            return _Reached(url, token, asyncio.run(learn(url, source, wishes, _tell)))
        except ConfigurationProblem as problem:
            raise click.UsageError(problem.message) from problem
        except DoorProblem as problem:
            _retry_or_exit(interview, problem)
            if problem.door is Door.TOKEN and isinstance(token, str):
                token = interview.find_token(refused=token)
            else:
                url = interview.ask_url(url)


def _tell(line: str) -> None:
    click.echo(f"  {printable(line)}")


def _retry_or_exit(interview: Interview, problem: DoorProblem) -> None:
    """Print the problem, and ask whether to try again.

    Raises:
        SystemExit: the user declines, or prompts are off.
    """
    note(problem.message)
    if not interview.wants("Try again?", default=True):
        raise SystemExit(exit_of(problem))


def _check_free(path: Path, interview: Interview, *, force: bool) -> None:
    """Check that the file may be written, asking before it is overwritten.

    Raises:
        click.UsageError: the file exists and may not be overwritten.
    """
    question = f"{path} exists already. Overwrite it?"
    if not path.exists() or force or interview.wants(question):
        return
    raise click.UsageError(f"{path} exists already; use --force to overwrite it")


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
