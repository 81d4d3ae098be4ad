"""Command-line options generated from the settings table, and the settings of a command."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from gateway.auth.login_settings import has_login
from gateway.auth.tokens import variable_of
from gateway.cli.output import note
from gateway.config import (
    ENVIRONMENT_PREFIX,
    SETTINGS,
    FileFolder,
    Setting,
    Settings,
    file_paths,
    load_settings,
)
from gateway.config.converters import as_boolean, as_choice, as_path

F = TypeVar("F", bound=Callable[..., Any])


def setting_options(*names: str) -> Callable[[F], F]:
    """Add `--config` and the options of these settings to a command; without names, of all."""
    chosen = [s for s in SETTINGS if not names or s.name in names]

    def decorate(command: F) -> F:
        for setting in reversed(chosen):
            command = option_of(setting)(command)
        return click.option(
            "--config",
            type=click.Path(dir_okay=False, path_type=Path),
            envvar=f"{ENVIRONMENT_PREFIX}CONFIG",
            metavar="FILE",
            help="TOML file with any of these settings, named as here but with underscores.",
        )(command)

    return decorate


def option_of(setting: Setting) -> Callable[[F], F]:
    """Return the decorator that adds the option of a setting to a command."""
    default = "" if setting.default in (None, ()) else f"  [default: {_plain(setting.default)}]"
    return click.option(
        setting.option,
        setting.name,
        metavar=setting.metavar,
        multiple=setting.repeatable,
        shell_complete=_completion(setting),
        help=f"{setting.help[0].upper()}{setting.help[1:]}.{default}",
    )


def _completion(setting: Setting) -> Callable[..., list[CompletionItem]]:
    """Return the shell completion of a setting's values: its words, or file names."""
    words: tuple[str, ...] = ()
    if isinstance(setting.convert, as_choice):
        words = setting.convert.known
    elif setting.convert is as_boolean:
        words = ("true", "false")

    def complete(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
        if setting.convert is as_path:
            return [CompletionItem(begun, type="dir" if setting.metavar == "DIR" else "file")]
        return [CompletionItem(word) for word in words if word.startswith(begun.lower())]

    return complete


def read_config(config: Path | None) -> str:
    """Return the text of the configuration file, or "" without one.

    Raises:
        OSError, UnicodeDecodeError: the file cannot be read.
    """
    return "" if config is None else config.read_text("utf-8")


def token_place(settings: Settings) -> str:
    """Return the place to renew a workspace's token; never the token itself."""
    if settings.token_file is not None:
        return str(settings.token_file)
    if settings.token_command:
        return "what --token-command prints"
    if has_login(settings):
        return f"the account that logs in at {settings.login_url or settings.oauth_token_url}"
    return settings.token_env or variable_of(settings.workspace)


def _plain(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value).lower()


def read_settings(config: Path | None, given: dict[str, Any]) -> Settings:
    """Return the effective settings of a command.

    Raises:
        click.UsageError: names the setting and the remedy; exit code 2.
    """
    folder = FileFolder(Path() if config is None else config.parent, Path.cwd())
    try:
        text = read_config(config)
        settings = load_settings(given, os.environ, text, str(config), folder.resolve)
    except OSError as error:
        raise click.UsageError(f"--config {config}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"--config {config}: the file is not UTF-8") from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    for path in filter(folder.is_elsewhere, file_paths(text)):
        note(
            f"warning: {config}: relative paths start at the folder of the file, where there is no"
            f" {path}; the one in the working directory is used, as by earlier versions: move it to"
            f" {folder.folder.absolute() / path}, or write {Path(path).absolute()}"
        )
    return settings
