"""Environment variables that look like settings and are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.auth.tokens import variable_of
from gateway.cli.queries import KEY_VARIABLE
from gateway.config import ENVIRONMENT_PREFIX, SETTINGS, Settings
from gateway.config.places import among


def unknown_variables(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Those that nothing reads, and for each what may have been meant; values are not told."""
    known = [*_known(settings)]
    ours = {name for name in environment if name.startswith(ENVIRONMENT_PREFIX)}
    return {name: among(name, known) for name in sorted(ours.difference(known))}


def _known(settings: Settings) -> Iterator[str]:
    """Settings, and what the tokens of all workspaces and the commands are read from."""
    yield from (setting.variable for setting in SETTINGS)
    yield from (f"{ENVIRONMENT_PREFIX}CONFIG", KEY_VARIABLE)
    for each in (settings, *settings.others):
        yield each.token_env or variable_of(each.workspace)
