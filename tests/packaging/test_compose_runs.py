"""compose.yaml without an engine: its processes, with its commands, settings and security.

Names and addresses of its networks become those of loopback. Clients come from addresses of their
own, through the proxy; behind nginx the same gateways stand with the example of `deploy/`.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from gateway.sandbox import create_sandbox, generate, make_token
from tests.packaging import dockerfile
from tests.packaging.test_deploy import compose
from tests.support.access import basic
from tests.support.live import SECRET, running
from tests.support.process import Process, started
from tests.support.redis_server import running_redis
from tests.support.reverse_proxy import (
    Certificate,
    caddyfile,
    certificate,
    free_port,
    nginx,
    running_caddy,
)

PASSWORD = "0123456789abcdef" * 3
KEY = "an access key, as openssl would print it"
ATTACKER, COLLEAGUE, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.9"


@dataclass(frozen=True)
class Site:
    """What clients see: the proxy's port, the path in front of the service, and the gateways."""

    port: int
    prefix: str
    trust: ssl.SSLContext
    gateways: tuple[int, int]
    processes: tuple[Process, ...]


@contextmanager
def exchange(folder: Path) -> Iterator[int]:
    """The Valkey of the file, by whatever name it is installed here."""
    program, *options = compose()["services"]["exchange"]["command"]
    assert program == "valkey-server"
    at = options.index("--requirepass")
    assert options[at + 1] == "${EXCHANGE_PASSWORD}"
    del options[at : at + 2]
    with running_redis(folder, *options, password=PASSWORD) as server:
        yield server.port


def environment(
    service: str, folder: Path, port: int, exchange: int, upstream: str
) -> dict[str, str]:
    """The settings of the image and the file, for this computer."""
    settings = {**dockerfile.environment(), **compose()["services"][service]["environment"]}
    text = json.dumps({n: v for n, v in settings.items() if n.startswith("SKILLHABIT")})
    for pattern, value in (
        (r"\$\{SITE[^}]*\}", "localhost"),
        (r"\$\{EXCHANGE_PASSWORD[^}]*\}", PASSWORD),
        (r"/run/secrets/", f"{folder}/"),
        (r"exchange:6379", f"127.0.0.1:{exchange}"),
        (r"172\.30\.250\.2\b", "127.0.0.1"),
        (r"0\.0\.0\.0", "127.0.0.1"),
        (r"/data\b", f"{folder}/{service}"),
    ):
        text, number = re.subn(pattern, value, text)
        assert number, pattern
    ours = {"SKILLHABIT_ODATA_PORT": str(port), "SKILLHABIT_ODATA_UPSTREAM": upstream}
    return {**json.loads(text), **ours}


@contextmanager
def caddy(folder: Path, gateways: tuple[int, int], pair: Certificate) -> Iterator[str]:
    text = caddyfile("compose.Caddyfile")
    for number, port in enumerate(gateways, 1):
        assert f"gateway-{number}:8000" in text
        text = text.replace(f"gateway-{number}:8000", f"127.0.0.1:{port}")
    with running_caddy(folder, text, "{$SITE} {", pair) as base:
        yield base


FRONTS = {"caddy": (caddy, ""), "nginx": (nginx, "/analytics")}


@pytest.fixture(scope="module", params=FRONTS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("compose")
    folder.chmod(0o755)
    pair = certificate(folder)
    (folder / "analytics-token").write_text(make_token(SECRET), "utf-8")
    (folder / "access-key").write_text(KEY, "utf-8")
    for secret in ("analytics-token", "access-key"):
        (folder / secret).chmod(0o600)
    front, prefix = FRONTS[request.param]
    with ExitStack() as stack:
        upstream = stack.enter_context(running(create_sandbox(generate(5), secret=SECRET)))
        shared = stack.enter_context(exchange(folder))
        ports = (free_port(), free_port())
        command = [str(Path(sys.executable).with_name("skillhabit-odata")), "serve"]
        processes = tuple(
            stack.enter_context(
                started(
                    command,
                    cwd=folder,
                    environment=environment(name, folder, port, shared, upstream),
                )
            )
            for name, port in zip(("gateway-1", "gateway-2"), ports, strict=True)
        )
        for process in processes:
            process.wait_for(r"(running on)", 60)
        base = stack.enter_context(front(folder, ports, pair))
        yield Site(urlsplit(base).port or 0, prefix, pair.trust, ports, processes)


Connection = http.client.HTTPConnection


@contextmanager
def client(site: Site, address: str) -> Iterator[Connection]:
    """A client at an address of its own, through the proxy."""
    place = ("localhost", site.port)
    connection = http.client.HTTPSConnection(
        *place, context=site.trust, source_address=(address, 0), timeout=30
    )
    with closing(connection):
        yield connection


def ask(
    connection: Connection, target: str, key: str = "", headers: Mapping[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    given = dict([basic(key)] if key else [])
    connection.request("GET", target, headers={**given, **(headers or {})})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def claims(number: int) -> dict[str, str]:
    """What a client would write to be counted as somebody else, or by another name."""
    address = f"198.51.100.{number % 250}"
    return {
        "X-Forwarded-For": address,
        "Forwarded": f"for={address};host=evil.example",
        "X-Real-IP": address,
        "X-Forwarded-Host": "evil.example",
    }


def test_wrong_keys_of_one_client_lock_nobody_out(site: Site) -> None:
    target = f"{site.prefix}/odata/v4/"
    with client(site, ATTACKER) as attacker, client(site, COLLEAGUE) as colleague:
        statuses = [ask(attacker, target, "wrong", claims(n))[0] for n in range(240)]
        assert set(statuses) == {401, 429}
        assert statuses.count(401) <= 2 * 11  # each gateway counts for itself
        assert ask(colleague, target, KEY)[0] == 200
        assert ask(colleague, target, "wrong")[0] == 401
        assert ask(attacker, target, KEY)[0] == 200  # behind one address there may be a company


def test_a_stranger_who_speaks_as_a_proxy_is_not_believed(site: Site) -> None:
    connection = Connection("127.0.0.1", site.gateways[0], source_address=(STRANGER, 0), timeout=30)
    with closing(connection):
        known = {"Host": "localhost"}
        statuses = [
            ask(connection, "/odata/v4/", "wrong", {**claims(n), **known})[0] for n in range(14)
        ]
        assert statuses == [401] * 10 + [429] * 4
        told = json.loads(ask(connection, "/readyz", "", claims(1))[2])
        assert told["forwardingHeaders"].startswith("ignored")
    site.processes[0].wait_for(rf"({re.escape(STRANGER)}, which --trusted-proxies does not name)")
    assert "127.0.0.1, which" not in site.processes[0].output  # the proxy has a name


def test_what_the_file_switches_on_is_on(site: Site) -> None:
    with client(site, COLLEAGUE) as colleague:
        assert ask(colleague, f"{site.prefix}/odata/v4/")[0] == 401
        status, headers, body = ask(colleague, f"{site.prefix}/odata/v4/Results/$count", KEY)
        assert (status, body) == (200, b"5")
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
        assert headers["X-Content-Type-Options"] == "nosniff"
        told = json.loads(ask(colleague, f"{site.prefix}/readyz")[2])
        assert told["forwardingHeaders"] == "believed"


def test_what_the_gateways_exchange_is_locked(tmp_path: Path) -> None:
    with exchange(tmp_path) as port:
        refused = pytest.raises(redis.exceptions.AuthenticationError)
        with closing(redis.Redis(port=port)) as stranger, refused:
            stranger.ping()
        with closing(redis.Redis(port=port, password=PASSWORD)) as gateway:
            assert gateway.ping()
