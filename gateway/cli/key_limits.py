"""The limits of a key as options of `keys create` and `keys limit`: parsing and checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import msgspec

from gateway.app import read_contract
from gateway.auth.keys import LIMITS, Key
from gateway.config import Settings
from gateway.contract.model import Contract
from gateway.errors import ConfigurationProblem
from gateway.roles.limits import limit_contract, prune_sets

_NONE = "none"


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


_READ: dict[str, Callable[[str], object]] = {
    "requests_at_once": int,
    "requests_per_minute": int,
    "sets": _names,
    "query_seconds": float,
}


def take_limits(given: dict[str, Any]) -> dict[str, Any]:
    """Remove the options of limits from `given`, and return those that were given.

    Raises:
        click.UsageError: names the option and what its value must be.
    """
    texts = {name: given.pop(name) for name in LIMITS}
    return {name: _limit(name, text) for name, text in texts.items() if text is not None}


def _limit(name: str, text: str) -> object:
    if text.strip().lower() == _NONE:
        return None
    try:
        return msgspec.convert(_READ[name](text), _types()[name])
    except ValueError as error:
        option = f"--{name.replace('_', '-')}"
        must = "names of entity sets, separated by commas" if name == "sets" else LIMITS[name]
        raise click.UsageError(f"{option} {text}: must be {must}, or none") from error


def _types() -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(Key)}


def check_limits(
    settings: Settings, workspace: str, role: str | None, limits: dict[str, Any]
) -> None:
    """Check limits against the configuration that the key is for.

    Raises:
        click.UsageError: an entity set does not exist, or a time limit exceeds the gateway's own.
    """
    found = next(s for s in (settings, *settings.others) if s.workspace == workspace)
    seconds = limits.get("query_seconds")
    if seconds is not None and seconds > found.query_timeout:
        raise click.UsageError(
            f"--query-seconds {seconds:g}: a key can only lower query_timeout, which is"
            f" {found.query_timeout:g} seconds"
        )
    if not limits.get("sets"):
        return
    try:
        prune_sets(_contract(found, role), limits["sets"], "--sets")
    except ConfigurationProblem as problem:
        raise click.UsageError(problem.message) from problem


def check_sets(settings: Settings, limits: dict[str, Any]) -> None:
    """Check the entity sets of a key without a configuration file: against the contract alone.

    Raises:
        click.UsageError: an entity set does not exist.
    """
    if limits.get("sets"):
        try:
            prune_sets(read_contract(settings), limits["sets"], "--sets")
        except ConfigurationProblem as problem:
            raise click.UsageError(
                f"{problem.message}; if a contract file names other sets, give --config FILE"
            ) from problem


def _contract(settings: Settings, role: str | None) -> Contract:
    contract = read_contract(settings)
    table = next((each for each in settings.roles if each.name == role), None)
    if table is None:
        return contract
    return limit_contract(contract, table)
