"""Who is asked by `query` and `export`: their options, and what these mean together."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.options import read_settings, setting_options
from gateway.cli.queries import KEY_VARIABLE, Gateway, Here, check_known, remote
from gateway.cli.target import Target
from gateway.config import DEFAULT_WORKSPACE

F = TypeVar("F", bound=Callable[..., Any])


def place_options(command: F) -> F:
    """`--gateway` and the rest that says who is asked."""
    options = (
        click.option(
            "--gateway",
            metavar="URL",
            help="Ask a gateway that runs there, not the Analytics API with the settings below.",
        ),
        click.option(
            "--key-file",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help=f"File with the gateway's access key; or put the key into {KEY_VARIABLE}.",
        ),
        click.option(
            "--workspace",
            default=DEFAULT_WORKSPACE,
            metavar="NAME",
            help="Ask as somebody of this workspace of the configuration file.",
        ),
        click.option("--role", metavar="NAME", help="See what this role sees."),
        setting_options("upstream", "token_file", "contract", "custom_field", "data_dir"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def find_place(
    target: Target,
    config: Path | None,
    *,
    gateway: str | None,
    key_file: Path | None,
    workspace: str,
    role: str | None,
    **given: Any,
) -> Gateway | Here:
    """Who is asked: the gateway of `--gateway` or of the URL itself, or one made here.

    Raises:
        click.UsageError: what was given does not go together, or cannot be used.
    """
    if gateway is None and not target.base:
        settings = read_settings(config, given)
        check_known(settings, workspace, role)
        return Here(settings, workspace, role)
    if workspace != DEFAULT_WORKSPACE or role is not None:
        raise click.UsageError("workspace and role are those of the key when a gateway is asked")
    found = remote(gateway or target.base, key_file, os.environ.get(KEY_VARIABLE))
    if target.base and target.base != found.base:
        raise click.UsageError(f"the URL is one of {target.base}, not of --gateway {found.base}")
    return found


def refuse_option(target: Target, name: str, why: str) -> None:
    """Refuse a query option that an option of the command stands for.

    Raises:
        click.UsageError: exit code 2.
    """
    if name in target.options:
        raise click.UsageError(f"${name} has no place in this URL: {why}")
