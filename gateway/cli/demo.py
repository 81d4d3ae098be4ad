"""`skillhabit-odata demo`: a sandbox Analytics API and the gateway, on loopback, in one process."""

from __future__ import annotations

import secrets
import signal
import socket
import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import uvicorn

from gateway.app import create_app
from gateway.cli.listening import port_problem
from gateway.cli.serve import exit_cleanly, server_options
from gateway.config import STATED, load_settings
from gateway.observe.logs import configure_logging
from gateway.sandbox import create_sandbox, make_token
from gateway.sandbox.company import generate_company
from gateway.sandbox.serving import run_sandbox

_FIELDS = (("department", "cf_department"), ("region", "cf_region"), ("jobTitle", "cf_job_title"))
_TOKEN_SECONDS = 30 * 24 * 3600


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port of the gateway; 0 picks a free one.",
)
@click.option(
    "--rows",
    type=click.IntRange(1, 1_000_000),
    default=50_000,
    show_default=True,
    help="Number of rows in the sandbox.",
)
def demo(port: int, rows: int) -> None:
    """Try the gateway without a token, on a sandbox Analytics API with invented people.

    \b
    Examples:
      skillhabit-odata demo
      skillhabit-odata demo --port 0 --rows 1000
    """
    configure_logging("text", "warning")
    signal.signal(signal.SIGTERM, exit_cleanly)
    secret = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="skillhabit-odata-demo-") as folder:
        token_file = Path(folder) / "token"
        token_file.write_text(make_token(secret, expires_in_seconds=_TOKEN_SECONDS), "utf-8")
        with _listen(port) as listener:
            click.echo(
                f"Creating a sandbox Analytics API with {rows:,} rows of a made-up company ..."
            )
            dataset = generate_company(rows, datetime.now(UTC))
            with run_sandbox(create_sandbox(dataset, secret=secret)) as sandbox:
                _serve(listener, sandbox.base_url, token_file)


def _serve(listener: socket.socket, upstream: str, token_file: Path) -> None:
    """Serve the gateway until Ctrl+C, ignoring the settings in the environment."""
    settings = replace(
        load_settings({}, {}),
        upstream=upstream,
        token_file=token_file,
        custom_field=_FIELDS,
        trust=STATED,  # the shipped contract describes this sandbox
    )
    options = {**server_options(settings), "log_level": "warning"}
    _announce(f"http://127.0.0.1:{listener.getsockname()[1]}", upstream)
    with suppress(KeyboardInterrupt):  # uvicorn raises it again after a clean shutdown
        uvicorn.Server(uvicorn.Config(create_app(settings), **options)).run([listener])


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise port_problem("127.0.0.1", port, error) from error


def _announce(base: str, upstream: str) -> None:
    root = f"{base}/odata/v4/"
    newest = "Results?$filter=state eq 'FAILED'&$orderby=updatedAt desc&$top=5&$count=true"
    click.echo(f"""
Service root   {root}
Sandbox        {upstream} (Analytics API with invented people)

Try
  curl "{root}Results/\\$count"
  curl -G "{root}Results" --data-urlencode "\\$filter=state eq 'FAILED'" \\
       --data-urlencode "\\$orderby=updatedAt desc" -d "\\$top=5" -d "\\$count=true"
  curl "{root}\\$metadata"
In a browser
  {base}/            the tables
  {base}/query       build a query
  {base}/insights    who is compliant, and who is not
  {base}/connect     files and steps for each tool
  {root}Results?$top=10
  {root}{newest.replace(" ", "%20")}

Power BI       Get data > OData feed > URL {root} > OK > Anonymous > tick Results > Load
Excel          Data > Get Data > From Other Sources > From OData Feed > the same URL

Press Ctrl+C to stop both.
""")
