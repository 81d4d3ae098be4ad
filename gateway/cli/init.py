"""`skillhabit-odata init`: learns the API, and writes the contract and the configuration file."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.cli.exits import Exit
from gateway.cli.files import locked_folder, write_file
from gateway.cli.interview import Interview
from gateway.cli.keys import add_key
from gateway.cli.learn import Outcome, Wishes, always, constants_of, exit_of, learn
from gateway.cli.login import Login, find_login, login_options
from gateway.cli.output import note, printable
from gateway.cli.proofs import keep_proofs
from gateway.cli.settings_file import settings_text, stored_settings
from gateway.config import load_settings
from gateway.config.converters import as_pairs, as_url
from gateway.config.schema import SCHEMA_FILE
from gateway.contract.instants import checked_zone
from gateway.contract.loader import built_in_contract, load_contract, read_file
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
    help=f"Create a key for clients and print it; {_KEYS_FILE} stores its digest.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files without asking.")
@click.option("--non-interactive", is_flag=True, help="Do not prompt; use options and defaults.")
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
    **login: Any,
) -> None:
    """Set up the gateway for a workspace: learn its API, and write two files.

    The command sends the Analytics API a few dozen read-only requests, and writes what they prove,
    with the evidence, to contract.toml. gateway.toml contains every setting with an explanation.
    The token goes into a separate file that only you can read, and is never shown. A key is shown
    once. Files are written at the end. If they exist, your changes in them are kept.

    \b
    Examples:
      skillhabit-odata init
      skillhabit-odata init --non-interactive --token-file token.txt --all-fields
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
        draft = _ask(interview, wishes, contract_file, login)
        if draft.token is not None:
            _check_free(token_file, interview, force=force)
        text = settings_text(old, draft.values)
        settings = load_settings({}, {}, text, str(output))  # checks that serve can read the file
        _write_all(draft, text, output, contract_file, token_file)
        if draft.found.fits:
            keep_proofs(settings, draft.found.findings, draft.found.learned)
    _report(draft.found, output, contract_file)


def _write_all(
    draft: _Draft, text: str, output: Path, contract_file: Path, token_file: Path
) -> None:
    """Write the files, the one that names all others last."""
    if draft.token is not None:
        write_file(token_file, draft.token + "\n", mode=0o600)
        click.echo(f"wrote {token_file}, which only you can read")
    if draft.key_name is not None:
        _make_key(draft.key_name)
    write_file(contract_file, draft.found.text, mode=0o644)
    click.echo(f"wrote {contract_file}: {_sources(draft.found.text)}")
    if draft.found.kept:
        click.echo(f"kept your changes of {', '.join(draft.found.kept)}")
    write_file(output, text, mode=0o600 if "login_body" in draft.values else 0o644)
    click.echo(f"wrote {output}")


def _report(found: Outcome, output: Path, contract_file: Path) -> None:
    """Report whether the contract fits, and the next steps.

    Raises:
        SystemExit: it does not fit.
    """
    calls = f"{found.learned.calls} calls"
    if not found.fits:
        for problem in found.problems:
            note(problem)
        note(f"{contract_file} does not fit yet ({calls}): correct these lines, then run check")
        raise SystemExit(Exit.NO)
    click.echo(f"fits: everything that the feed relies on is proved ({calls})\n\nNext:")
    click.echo(f"  skillhabit-odata serve --config {output}")
    click.echo(f"  skillhabit-odata config schema > {SCHEMA_FILE}   # for your editor")


def _old(output: Path) -> str | None:
    """Return the existing configuration file."""
    return _read(output) if output.exists() else None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path} cannot be read: {error}") from error


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


def _sources(text: str) -> str:
    """Return the number of entries of a contract file by source."""
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
    _say_fields(found, interview)
    values: dict[str, object] = {
        "upstream": url,
        "contract": str(contract_file),
        "upstream_timeout": _timeout(found.learned.seconds_of_page),
        **({"token_file": str(interview.token_file)} if isinstance(token, str) else token.values),
        "data_dir": interview.find_data_dir(),
    }
    key_name = interview.find_key_name()
    if key_name is not None:
        values["keys_file"] = str(_KEYS_FILE)
    is_new = isinstance(token, str) and not interview.has_token(token)
    return _Draft(values, token if is_new and isinstance(token, str) else None, key_name, found)


def _say_fields(found: Outcome, interview: Interview) -> None:
    fields = found.learned.inferred.custom_fields
    for field_ in () if fields is None or interview.asks else fields.mapped:
        click.echo(f"custom field {field_.label or field_.id}: column {field_.name}")


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
    """Return a URL and a token or a login that work, and what was learnt with them.

    Raises:
        SystemExit: they do not work, and the user does not try others.
    """
    default = load_contract(built_in_contract()).base_url
    url = interview.find_url(default)
    login = find_login(options, url)
    token: str | Login = interview.find_token() if login is None else login
    while True:
        click.echo(f"Asking {url} ...")
        source = always(token) if isinstance(token, str) else token.source
        try:
            return url, token, asyncio.run(learn(url, source, wishes, _tell))
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
