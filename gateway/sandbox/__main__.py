"""`python -m gateway.sandbox`: serve a sandbox of generated rows, and print a token for it."""

import sys
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from secrets import token_hex

from gateway.sandbox.app import create_sandbox
from gateway.sandbox.generator import generate
from gateway.sandbox.serving import SandboxServer, serve_config
from gateway.sandbox.tokens import make_token


def main() -> None:
    """Serve until interrupted."""
    options = _options()
    sandbox = create_sandbox(
        generate(options.rows, options.seed),
        secret=options.secret,
        page_limit=options.page_limit,
        admin=options.admin,
    )
    server = SandboxServer(serve_config(sandbox, options.host, options.port))
    token = make_token(options.secret, expires_in_seconds=options.token_days * 86_400)
    sys.stdout.write(f"{server.base_url}\n{token}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        server.serve_here()


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m gateway.sandbox", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=9000, help="0 takes any free port")
    add("--rows", type=int, default=50_000, help="how many results to generate")
    add("--seed", type=int, default=7, help="a different seed generates different data")
    add(
        "--secret",
        default=token_hex(32),
        help="the key that signs tokens; by default a new one at each start",
    )
    add("--token-days", type=float, default=30, help="how long the printed token is valid")
    add("--page-limit", type=int, default=1000, help="the most rows a page may have")
    add(
        "--admin",
        action="store_true",
        help="open /sandbox/faults and /sandbox/requests to everyone",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
