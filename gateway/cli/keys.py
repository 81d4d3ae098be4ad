"""`skillhabit-odata keys`: creates, lists, shows and revokes keys while the gateway runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from gateway.auth.identity import digest
from gateway.auth.key_file import read_keys, write_keys
from gateway.auth.keys import LIMITS, Key, generate, parse_expiry
from gateway.cli.key_limits import check_limits, check_sets, take_limits
from gateway.cli.options import read_settings, setting_options
from gateway.cli.output import note, print_table
from gateway.config import DEFAULT_WORKSPACE, Settings, roles_of_workspaces
from gateway.observe.instants import instant_text

F = TypeVar("F", bound=Callable[..., Any])
_NO_LIMITS = "no limits of its own"
_WIDTH = max(map(len, LIMITS)) + 1


@click.group()
def keys() -> None:
    """Create and revoke keys without a restart of the gateway.

    The file stores digests, not keys: a key is shown once, when it is created.
    """


def _shared_options(command: F) -> F:
    json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return json_option(setting_options("keys_file")(command))


def _limit_options(command: F) -> F:
    """Add the options of a key's limits."""
    options = (
        click.option(
            "--requests-at-once",
            metavar="COUNT",
            help="How many requests it may run at once; 'none' for no limit.",
        ),
        click.option(
            "--requests-per-minute",
            metavar="COUNT",
            help="How many requests it may make in any 60 seconds, in each process.",
        ),
        click.option(
            "--sets", metavar="NAMES", help="Entity sets that it may read, e.g. Results,Users."
        ),
        click.option(
            "--query-seconds",
            metavar="SECONDS",
            help="Time limit of its requests; at most --query-timeout.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@keys.command()
@click.option("--name", required=True, help="Name of the key, such as its user.")
@click.option(
    "--workspace", default=DEFAULT_WORKSPACE, show_default=True, help="Workspace that it opens."
)
@click.option("--role", help="Role of its user; without one, the key sees the whole workspace.")
@click.option("--expires", metavar="WHEN", help="12h, 90d, 8w, 1y, or its last day (UTC).")
@_limit_options
@_shared_options
def create(
    config: Path | None,
    *,
    name: str,
    workspace: str,
    role: str | None,
    expires: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Create a key and print it. It is not shown again.

    \b
    Examples:
      skillhabit-odata keys create --keys-file keys.json --name Anna --expires 90d
      skillhabit-odata keys create --config gateway.toml --name HR --role hr
      skillhabit-odata keys create --keys-file keys.json --name Test --requests-per-minute 60
    """
    limits = take_limits(given)
    path, now = _path(config, given), datetime.now(UTC)
    for option, value in (("--name", name), ("--workspace", workspace), ("--role", role)):
        if value is not None and not value.strip():
            raise click.UsageError(f"{option} must not be empty")
    if config is not None:
        _check_exists(read_settings(config, given), workspace, role)
        check_limits(read_settings(config, given), workspace, role, limits)
    elif role is not None or workspace != DEFAULT_WORKSPACE:
        note("warning: --workspace and --role are not checked: give --config FILE to check them")
    if config is None:
        check_sets(read_settings(config, given), limits)
    try:
        ends = None if expires is None else parse_expiry(expires, now)
    except ValueError as error:
        raise click.UsageError(f"--expires {expires}: {error}") from error
    facts = {"workspace": workspace, "role": role, "expires": ends, **limits}
    text, key = add_key(path, name, now, **facts)
    if as_json:
        _print_json({**_facts(key, now), "key": text})
        return
    click.echo(text)
    click.echo(f"This is the key {key.id}, which is not shown again. {_sentence(key)}", err=True)


def add_key(path: Path, name: str, now: datetime, **facts: Any) -> tuple[str, Key]:
    """Create a key, and return it with its entry in the file; `facts` are members of `Key`.

    Raises:
        click.UsageError: the file cannot be used; it is unchanged.
    """
    text, key_id = generate()
    workspace = facts.pop("workspace", DEFAULT_WORKSPACE)
    key = Key(key_id, name, digest(text), workspace, now.replace(microsecond=0), **facts)
    _change(path, lambda stored: stored.__setitem__(key.id, key))
    return text, key


def _check_exists(settings: Settings, workspace: str, role: str | None) -> None:
    """Raise click.UsageError if the configuration lacks the workspace or the role."""
    known_roles = roles_of_workspaces(settings)
    if workspace not in known_roles:
        raise click.UsageError(
            f"--workspace {workspace}: the workspaces are: {', '.join(known_roles)}"
        )
    if role is not None and role not in known_roles[workspace]:
        known = ", ".join(known_roles[workspace]) or "none"
        raise click.UsageError(f"--role {role}: the roles of workspace {workspace} are: {known}")


@keys.command()
@click.argument("id_", metavar="ID")
@_limit_options
@_shared_options
def limit(config: Path | None, *, id_: str, as_json: bool, **given: Any) -> None:
    """Change the limits of a key. Limits that are not named stay; 'none' removes one.

    Changes apply from the key's next request on.

    \b
    Example:
      skillhabit-odata keys limit --keys-file keys.json a1b2c3d4 --requests-at-once 4
    """
    limits = take_limits(given)
    if not limits:
        raise click.UsageError("name a limit, e.g. --requests-per-minute 60")
    path, now = _path(config, given), datetime.now(UTC)
    key = _found(_read(path), id_)
    if config is not None:
        check_limits(read_settings(config, given), key.workspace, key.role, limits)
    else:
        check_sets(read_settings(config, given), limits)
    changed: list[Key] = []

    def change(stored: dict[str, Key]) -> None:
        stored[id_] = msgspec.structs.replace(_found(stored, id_), **limits)
        changed.append(stored[id_])

    _change(path, change)
    if as_json:
        _print_json(_facts(changed[0], now))
        return
    click.echo(f"The key {id_} of {changed[0].name}: {_limits_sentence(changed[0])}.")


@keys.command("list")
@_shared_options
def list_(config: Path | None, *, as_json: bool, **given: Any) -> None:
    """List all keys, oldest first, including revoked ones.

    \b
    Example:
      skillhabit-odata keys list --keys-file keys.json
    """
    now = datetime.now(UTC)
    found = sorted(_read(_path(config, given)).values(), key=lambda key: key.created)
    if as_json:
        _print_json([_facts(key, now) for key in found])
        return
    if found:
        print_table(("id", "standing", "opens", "expires", "name"), [_line(k, now) for k in found])
    else:
        click.echo(
            "no keys yet; create one with: skillhabit-odata keys create --name NAME", err=True
        )


def _line(key: Key, now: datetime) -> tuple[str, ...]:
    view = key.workspace if key.role is None else f"{key.workspace}/{key.role}"
    return key.id, str(key.status(now)), view, _instant(key.expires) or "-", key.name


@keys.command()
@click.argument("id_", metavar="ID")
@_shared_options
def show(config: Path | None, *, id_: str, as_json: bool, **given: Any) -> None:
    """Show the facts about a key, not the key itself.

    \b
    Example:
      skillhabit-odata keys show --keys-file keys.json a1b2c3d4
    """
    now = datetime.now(UTC)
    facts = _facts(_found(_read(_path(config, given)), id_), now)
    if as_json:
        _print_json(facts)
        return
    for name, value in facts.items():
        shown = ", ".join(value) if isinstance(value, tuple) else value
        click.echo(f"{name + ':':<{_WIDTH}} {'-' if shown is None else shown}")


@keys.command()
@click.argument("id_", metavar="ID")
@_shared_options
def revoke(config: Path | None, *, id_: str, as_json: bool, **given: Any) -> None:
    """Revoke a key. Its next request is refused.

    \b
    Example:
      skillhabit-odata keys revoke --keys-file keys.json a1b2c3d4
    """
    path, now = _path(config, given), datetime.now(UTC)
    _found(_read(path), id_)  # an unknown key leaves no file and no lock
    revoked: list[Key] = []

    def change(stored: dict[str, Key]) -> None:
        key = _found(stored, id_)
        ended = key.revoked or now.replace(microsecond=0)
        stored[key.id] = msgspec.structs.replace(key, revoked=ended)
        revoked.append(stored[key.id])

    _change(path, change)
    if as_json:
        _print_json(_facts(revoked[0], now))
        return
    click.echo(f"The key {revoked[0].id} of {revoked[0].name} is revoked.")


def _path(config: Path | None, given: dict[str, Any]) -> Path:
    path = read_settings(config, given).keys_file
    if path is None:
        raise click.UsageError("give --keys-file FILE, the same one as for serve")
    return path


def _read(path: Path) -> dict[str, Key]:
    try:
        return read_keys(path.read_bytes())
    except (OSError, ValueError) as error:
        raise click.UsageError(f"keys_file {path}: {_reason(error)}") from error


def _change(path: Path, change: Callable[[dict[str, Key]], None]) -> None:
    try:
        write_keys(path, change)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"keys_file {path}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _found(stored: dict[str, Key], key_id: str) -> Key:
    if key_id not in stored:
        raise click.UsageError(f"there is no key {key_id}; see skillhabit-odata keys list")
    return stored[key_id]


def _facts(key: Key, now: datetime) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "standing": str(key.status(now)),
        "workspace": key.workspace,
        "role": key.role,
        "created": _instant(key.created),
        "expires": _instant(key.expires),
        "revoked": _instant(key.revoked),
        **{name: getattr(key, name) for name in LIMITS},
    }


def _sentence(key: Key) -> str:
    seen = "" if key.role is None else f" as role {key.role}"
    ends = "does not expire" if key.expires is None else f"works until {_instant(key.expires)}"
    limits = _limits_sentence(key)
    limited = f" Its limits: {limits}." if limits != _NO_LIMITS else ""
    return f"It opens workspace {key.workspace}{seen} and {ends}.{limited}"


def _limits_sentence(key: Key) -> str:
    found = [
        (key.requests_at_once, "{} requests at once"),
        (key.requests_per_minute, "{} requests a minute"),
        (key.sets and ", ".join(key.sets), "only the entity sets {}"),
        (key.query_seconds and f"{key.query_seconds:g}", "{} seconds a request"),
    ]
    return "; ".join(text.format(value) for value, text in found if value) or _NO_LIMITS


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else instant_text(moment, "seconds")


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
