"""The options of `query` and `export` that choose the gateway to query."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.options import read_settings, setting_options
from gateway.cli.queries import (
    KEY_VARIABLE,
    LocalGateway,
    RemoteGateway,
    check_known,
    remote_gateway,
)
from gateway.cli.target import Target
from gateway.config import DEFAULT_WORKSPACE

F = TypeVar("F", bound=Callable[..., Any])


def gateway_options(command: F) -> F:
    """Add the options that choose the gateway to a command."""
    options = (
        click.option(
            "--gateway",
            metavar="URL",
            help="Query a running gateway instead of the Analytics API with the settings below.",
        ),
        click.option(
            "--key-file",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help=f"File with the gateway's access key; or put the key in {KEY_VARIABLE}.",
        ),
        click.option(
            "--workspace",
            default=DEFAULT_WORKSPACE,
            metavar="NAME",
            help="Query this workspace of the configuration file.",
        ),
        click.option("--role", metavar="NAME", help="Query with this role."),
        setting_options(
            "upstream", "token_file", "contract", "custom_field", "column_alias", "data_dir"
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def find_gateway(
    target: Target,
    config: Path | None,
    *,
    gateway: str | None,
    key_file: Path | None,
    workspace: str,
    role: str | None,
    **given: Any,
) -> RemoteGateway | LocalGateway:
    """Return the gateway of `--gateway` or of the URL, or one in this process.

    Raises:
        click.UsageError: the options contradict each other, or cannot be used.
    """
    if gateway is None and not target.base:
        settings = read_settings(config, given)
        check_known(settings, workspace, role)
        return LocalGateway(settings, workspace, role)
    if workspace != DEFAULT_WORKSPACE or role is not None:
        raise click.UsageError(
            "--workspace and --role do not apply to a running gateway: its key determines both"
        )
    found = remote_gateway(gateway or target.base, key_file, os.environ.get(KEY_VARIABLE))
    if target.base and target.base != found.base:
        raise click.UsageError(f"the URL belongs to {target.base}, not to --gateway {found.base}")
    return found


def refuse_option(target: Target, name: str, remedy: str) -> None:
    """Refuse a query option that an option of the command replaces.

    Raises:
        click.UsageError: the URL has the option; exit code 2.
    """
    if name in target.options:
        raise click.UsageError(f"remove ${name} from the URL: {remedy}")
