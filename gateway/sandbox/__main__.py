"""`python -m gateway.sandbox`: serve a sandbox of generated rows, and print a token for it.

With `--like NAME` it behaves like one of the profiles or single variations that `--list` shows.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import suppress
from secrets import token_hex

from starlette.applications import Starlette

from gateway.sandbox.app import create_sandbox
from gateway.sandbox.generator import generate
from gateway.sandbox.serving import SandboxServer, serve_config
from gateway.sandbox.tokens import make_token
from gateway.sandbox.variations import PROFILES, REASONS, VARIATIONS, create_variant

_LIKENESSES = {**VARIATIONS, **PROFILES}


def main() -> None:
    """Serve until interrupted, or list what the sandbox can be like."""
    options = _options()
    if options.list:
        sys.stdout.writelines(f"{name:35} {reason}\n" for name, reason in _list_likenesses())
        return
    sandbox, token = _create(options)
    server = SandboxServer(serve_config(sandbox, options.host, options.port))
    sys.stdout.write(f"{server.base_url}\n{token}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        server.serve_here()


def _create(options: Namespace) -> tuple[Starlette, str]:
    """Return the sandbox and a token for it."""
    dataset = generate(options.rows, options.seed)
    if options.like is not None:
        variant = create_variant(
            _LIKENESSES[options.like], dataset, secret=options.secret, admin=options.admin
        )
        if variant.variation.door.login is not None:
            return variant, variant.make_token()
        return variant, _make_token(options)
    sandbox = create_sandbox(
        dataset, secret=options.secret, page_limit=options.page_limit, admin=options.admin
    )
    return sandbox, _make_token(options)


def _make_token(options: Namespace) -> str:
    return make_token(options.secret, expires_in_seconds=options.token_days * 86_400)


def _list_likenesses() -> Iterator[tuple[str, str]]:
    """Yield each name for `--like` with what is known of it."""
    yield from REASONS.items()
    for name in VARIATIONS:
        yield name, "one difference from the assumed API"


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
    add("--like", choices=sorted(_LIKENESSES), metavar="NAME", help="what the API is like")
    add("--list", action="store_true", help="list the names for --like and exit")
    return parser.parse_args()


if __name__ == "__main__":
    main()
