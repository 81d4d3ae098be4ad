"""The commands' group. Exit codes are in `gateway.cli.exits`."""

from __future__ import annotations

import click

from gateway.cli.check import check
from gateway.cli.config import config
from gateway.cli.demo import demo
from gateway.cli.doctor import doctor
from gateway.cli.exits import epilog
from gateway.cli.explain import explain
from gateway.cli.export import export
from gateway.cli.init import init
from gateway.cli.keys import keys
from gateway.cli.purge import purge
from gateway.cli.query import query
from gateway.cli.serve import serve
from gateway.cli.sync import sync


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=epilog())
@click.version_option(package_name="skillhabit-odata")
def main() -> None:
    """Serve the Skillhabit Analytics API as an OData feed for Power BI, Excel and others.

    \b
    Start with
      skillhabit-odata demo      to try it: it needs no token and no network
      skillhabit-odata init      to set it up for your workspace
      skillhabit-odata COMMAND --help
    """


for _command in (
    *(serve, demo, init, check, doctor, explain, query, sync, export, keys, purge, config),
):
    main.add_command(_command)
