"""The commands' group. Exit codes are in `gateway.cli.exits`."""

from __future__ import annotations

import click

from gateway.cli.exits import epilog
from gateway.cli.lazy import LazyGroup

_SUMMARIES = {
    "check": "Compare the answers of the Analytics API with the contract file.",
    "config": "Show the settings in force, or the schema of the file.",
    "demo": "Try the gateway: it needs no token and no network.",
    "doctor": "Look at everything that serve needs.",
    "explain": "Tell what a query would do, without asking anyone.",
    "export": "Write all rows of a query into a file.",
    "init": "Set up the gateway for a workspace.",
    "keys": "Make, list and revoke keys.",
    "purge": "Remove all snapshots from disk and Redis.",
    "query": "Run an OData query and print its rows.",
    "serve": "Serve the OData feed.",
    "sync": "Read all rows now and keep them on disk.",
}


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
      skillhabit-odata demo      to try it: it needs no token and no network
      skillhabit-odata init      to set it up for your workspace
      skillhabit-odata COMMAND --help
    """
