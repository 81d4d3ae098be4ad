"""The group of all commands, which imports a command when it is used.

Most commands import the whole service, which takes a second; help and completion need none of it.
Exit codes are in `gateway.cli.exits`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from gateway.cli.exits import epilog

_SUMMARIES = {
    "check": "Compare the Analytics API with the contract file.",
    "config": "Show the effective settings, or the schema of the file.",
    "demo": "Try the gateway without a token or network.",
    "doctor": "Check everything that serve needs.",
    "explain": "Explain a query without running it.",
    "export": "Write all rows of a query to a file.",
    "init": "Set up the gateway for a workspace.",
    "keys": "Create, list and revoke keys.",
    "purge": "Remove all snapshots from disk and Redis.",
    "query": "Run an OData query and print its rows.",
    "serve": "Serve the OData feed.",
    "sync": "Load all rows now and store them on disk.",
}


class LazyGroup(click.Group):
    """A group of commands, named as their modules in `package`; `summaries` has a line for each."""

    def __init__(self, *args: Any, package: str, summaries: Mapping[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        self._package = package
        self._summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in alphabetical order."""
        return sorted(self._summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if the name is unknown."""
        if cmd_name not in self._summaries:
            return None
        found: click.Command = getattr(import_module(f"{self._package}.{cmd_name}"), cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands in `--help`."""
        with formatter.section("Commands"):
            formatter.write_dl(self._listed(ctx))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that start with the text."""
        found = [
            CompletionItem(name, help=summary)
            for name, summary in self._listed(ctx)
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def _listed(self, ctx: click.Context) -> list[tuple[str, str]]:
        return [(name, self._summaries[name]) for name in self.list_commands(ctx)]


@click.group(
    cls=LazyGroup,
    package="gateway.cli",
    summaries=_SUMMARIES,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=epilog(),
)
@click.version_option(package_name="skillhabit-odata")
def main() -> None:
    """Serve the Skillhabit Analytics API as an OData feed for Power BI, Excel and others.

    \b
    Start with
      skillhabit-odata demo      to try it without a token or network
      skillhabit-odata init      to set it up for your workspace
      skillhabit-odata COMMAND --help
    """
