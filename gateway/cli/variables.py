"""Environment variables that look like settings but are unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.auth.tokens import variable_of
from gateway.cli.queries import KEY_VARIABLE
from gateway.config import ENVIRONMENT_PREFIX, SETTINGS, Settings
from gateway.config.login_converters import CREDENTIAL
from gateway.config.places import among


def unknown_variables(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the unknown variables, each with a suggestion; values are never shown."""
    known = [name for name in _known(settings) if name]
    present = {name for name in environment if name.startswith(ENVIRONMENT_PREFIX)}
    return {name: among(name, known) for name in sorted(present.difference(known))}


def _known(settings: Settings) -> Iterator[str]:
    """Yield the variables of settings, of all workspaces' tokens, and of commands."""
    yield from (setting.variable for setting in SETTINGS)
    yield from (f"{ENVIRONMENT_PREFIX}CONFIG", KEY_VARIABLE)
    for each in (settings, *settings.others):
        yield each.token_env or variable_of(each.workspace)
        yield each.oauth_client_secret_env or ""
        yield from (
            name for kind, name in CREDENTIAL.findall(each.login_body or "") if kind == "env"
        )
