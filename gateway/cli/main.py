"""The commands' group, and what all of them share: exit codes and errors in plain words.

Exit codes: 0 done; 1 the answer is "no" (`check` found a difference, a query was refused); 2 the
command line, a setting or a file cannot be used.
"""

from __future__ import annotations

import click

from gateway.cli.check import check
from gateway.cli.demo import demo
from gateway.cli.explain import explain
from gateway.cli.purge import purge
from gateway.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="skillhabit-odata")
def main() -> None:
    """Serve the Skillhabit Analytics API as an OData feed for Power BI, Excel and others.

    Start with `skillhabit-odata demo`: it needs no token and no network.
    """


for _command in (serve, demo, check, explain, purge):
    main.add_command(_command)
