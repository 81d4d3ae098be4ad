"""The login options of `init`: a source of tokens, and the settings to write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from gateway.app import clock_and_observer
from gateway.auth.login_settings import login_of
from gateway.auth.tokens import TokenOptions, TokenSource, token_source
from gateway.cli.options import option_of
from gateway.config import Settings, load_settings
from gateway.config.sign_in import SIGN_IN_SETTINGS
from gateway.errors import ConfigurationProblem

F = TypeVar("F", bound=Callable[..., Any])


def login_options(command: F) -> F:
    """Add the options of a login to a command."""
    for setting in reversed(SIGN_IN_SETTINGS):
        command = option_of(setting)(command)
    return command


@dataclass(frozen=True, slots=True)
class Login:
    """A login that works, and its settings as TOML values, without credentials."""

    source: TokenSource
    values: Mapping[str, object] = field(repr=False)


def find_login(given: Mapping[str, Any], url: str) -> Login | None:
    """Return the login of options and variables; None if they name none.

    Raises:
        click.UsageError: the settings are invalid or incomplete.
    """
    variables = {setting.variable for setting in SIGN_IN_SETTINGS}
    environment = {name: value for name, value in os.environ.items() if name in variables}
    try:
        settings = load_settings({"upstream": url, **given}, environment)
        login = login_of(settings, lambda: url, os.environ)
        if login is None:
            return None
        source = token_source(TokenOptions(login=login), os.environ, *clock_and_observer())
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except ConfigurationProblem as problem:
        raise click.UsageError(problem.message) from problem
    return Login(source, dict(_values(settings)))


def _values(settings: Settings) -> Iterator[tuple[str, object]]:
    """Yield the settings that differ from their defaults; pairs are a table."""
    for setting in SIGN_IN_SETTINGS:
        value = getattr(settings, setting.name)
        if value != setting.default:
            yield setting.name, dict(value) if isinstance(value, tuple) else value
