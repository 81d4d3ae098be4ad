"""Tokens from a login: when it runs, how often, and in an extract that outlasts a token."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from gateway.app import create_app
from gateway.auth.login_call import Answer, post_login
from gateway.auth.login_request import LoginRequest, PasswordLogin
from gateway.auth.login_token import LoginToken
from gateway.contract.loader import built_in_contract
from gateway.errors import UpstreamRejectedToken, UpstreamUnavailable
from gateway.observe import Clock
from gateway.sandbox import Dataset
from gateway.sandbox.variations import VARIATIONS, Variant, create_variant
from gateway.sandbox.variations.door import CLIENT_ID, CLIENT_SECRET, PASSWORD, USER
from tests.snapshots.tables import Watch
from tests.support.live import SECRET, settings_from

pytestmark = pytest.mark.anyio

BODY = '{"user": "${env.LOGIN_USER}", "password": "${env.LOGIN_PASSWORD}"}'
CREDENTIALS = {"LOGIN_USER": USER, "LOGIN_PASSWORD": PASSWORD, "CLIENT_SECRET": CLIENT_SECRET}


@dataclass
class Office:
    """A login that issues a new token each time, after `seconds`; or answers as it is set."""

    lifetime: float | None = 20
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    broken: bool = False
    logins: int = 0
    watch: Watch = field(default_factory=Watch)

    async def send(self, _request: LoginRequest) -> Answer:
        self.logins += 1
        await anyio.lowlevel.checkpoint()
        if self.broken:
            raise UpstreamUnavailable("it cannot be reached (ConnectError)")
        made = {"token": f"token-{self.logins}", "expires_in": self.lifetime}
        return Answer(self.status, self.headers, self.body or json.dumps(made).encode())

    def source(self, user: str = USER, url: str = "https://api.example/login") -> LoginToken:
        environment = {"LOGIN_USER": user, "LOGIN_PASSWORD": PASSWORD}
        login = PasswordLogin(url, BODY, "json", None, None, environment)
        return LoginToken(login, self.send, self.watch.clock, self.watch.observer)


async def refusal(source: LoginToken) -> str:
    with pytest.raises(UpstreamRejectedToken) as raised:
        await source()
    return raised.value.message


async def test_a_token_is_renewed_before_it_ends() -> None:
    office = Office(lifetime=20)
    source = office.source()
    assert await source() == "token-1"
    office.watch.seconds = 15.9
    assert await source() == "token-1"
    office.watch.seconds = 16.1
    assert await source() == "token-2"
    office.lifetime = 3600
    office.watch.seconds = 40
    assert await source() == "token-3"
    office.watch.seconds = 40 + 3569
    assert await source() == "token-3"
    office.watch.seconds = 40 + 3571
    assert await source() == "token-4"


async def test_a_token_without_a_lifetime_is_used_until_it_is_refused() -> None:
    office = Office(lifetime=None)
    source = office.source()
    assert await source() == "token-1"
    office.watch.seconds = 1e6
    assert await source() == "token-1"
    assert await source("token-1") == "token-2"
    assert await source("token-1") == "token-2"


async def test_one_login_serves_all_concurrent_calls() -> None:
    office = Office()
    source = office.source()
    got: set[str] = set()

    async def call(refused: str) -> None:
        got.add(await source(refused))

    for refused in ("", "token-1"):
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(call, refused)
        office.watch.seconds += 2
    assert (got, office.logins) == ({"token-1", "token-2"}, 2)


async def test_a_new_token_that_is_refused_is_not_replaced_within_a_second() -> None:
    office = Office()
    source = office.source()
    token = await source()
    for _ in range(10):
        assert await source(token) == token
    assert office.logins == 1


async def test_refused_credentials_are_sent_twice_a_minute_at_most() -> None:
    office = Office(status=401, body=b'{"error": "wrong: open-sesame"}')
    source = office.source()
    for second in range(60):
        office.watch.seconds = second
        message = await refusal(source)
    assert office.logins == 2
    assert "--login-url https://api.example/login: it answered 401" in message
    assert "--login-body" in message
    assert "sesame" not in message + "".join(office.watch.log)
    assert len(office.watch.log) == 1
    office.status, office.body, office.watch.seconds = 200, None, 61
    assert await source() == "token-3"


async def test_an_outage_of_the_login_ends_no_token_early() -> None:
    office = Office(lifetime=100)
    source = office.source()
    await source()
    office.broken, office.watch.seconds = True, 85
    assert await source() == "token-1"
    office.watch.seconds = 99
    assert await source() == "token-1"
    office.watch.seconds = 101
    with pytest.raises(UpstreamUnavailable, match="cannot be reached"):
        await source()
    office.broken, office.watch.seconds = False, 110
    assert await source() == "token-4"


@pytest.mark.parametrize("status", [429, 500, 503, 408])
async def test_a_login_that_is_busy_is_tried_again_as_it_says(status: int) -> None:
    office = Office(status=status, headers={"retry-after": "60"})
    source = office.source()
    for second in (0, 30, 59):
        office.watch.seconds = second
        with pytest.raises(UpstreamUnavailable) as raised:
            await source()
    assert (raised.value.retry_after_seconds, office.logins) == (60, 1)
    office.status, office.watch.seconds = 200, 61
    assert await source() == "token-2"


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"", b"\xff", b"[" * 5000, b"null"])
async def test_a_page_instead_of_a_response_is_refused(body: bytes) -> None:
    message = await refusal(Office(body=body or b" ").source())
    assert "--login-url" in message
    assert "sign in" not in message


async def test_the_owner_is_the_account_at_its_url() -> None:
    office = Office()
    first = office.source().identity()
    source = office.source()
    assert source.identity() == first
    await source()
    assert source.identity() == first
    assert office.source(user="other").identity() != first
    assert office.source(url="https://api.example/other").identity() != first
    assert USER not in first


async def test_a_missing_credential_is_reported_at_the_start() -> None:
    office = Office()
    source = office.source(user="")
    assert "LOGIN_USER" in office.watch.log[0]
    assert "LOGIN_USER" in await refusal(source)
    assert office.logins == 0
    assert source.identity() != office.source(user="").identity()


OAUTH = {
    "oauth_token_url": "/oauth/token",
    "oauth_client_id": CLIENT_ID,
    "oauth_client_secret_env": "CLIENT_SECRET",
}
PASSWORD_LOGIN = {"login_url": "/auth/login", "login_body": BODY}
LOGINS = pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("login-password-20-seconds", PASSWORD_LOGIN),
        ("login-oauth-20-seconds", OAUTH),
        ("login-oauth-20-seconds", OAUTH | {"oauth_client_auth": "body"}),
    ],
)


@pytest.fixture
def credentials() -> Iterator[None]:
    with variables(CREDENTIALS):
        yield


@contextmanager
def variables(values: dict[str, str]) -> Iterator[None]:
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


class Wire(httpx.ASGITransport):
    """The network between gateway and API, with paths and statuses of all calls."""

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant)
        self.calls: list[tuple[str, int]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        self.calls.append((request.url.path, response.status_code))
        return response


@dataclass
class Played:
    """A gateway and an API behind a login, by one clock that calls move."""

    wire: Wire
    client: httpx.AsyncClient


@asynccontextmanager
async def played(
    name: str,
    dataset: Dataset,
    settings: dict[str, Any],
    watch: Watch,
    folder: Path,
    clock: Clock | None = None,
) -> AsyncIterator[Played]:
    async def sleep(seconds: float) -> None:
        watch.seconds += seconds

    found = VARIATIONS[name]
    slow = replace(found, door=replace(found.door, seconds_a_page=3.0))
    variant = create_variant(slow, dataset, secret=SECRET, clock=watch.clock.now, sleep=sleep)
    contract = folder / "contract.toml"
    contract.write_text(built_in_contract().replace("largest = 1000", "largest = 100"), "utf-8")
    given = {"upstream": "http://127.0.0.1:1", "contract": str(contract), **settings}
    wire = Wire(variant)
    app = create_app(settings_from(given), transport=wire, clock=clock or watch.clock)
    async with app.router.lifespan_context(app):
        gateway = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=gateway, base_url="http://localhost") as client:
            yield Played(wire, client)


@LOGINS
@pytest.mark.usefixtures("credentials")
async def test_an_extract_takes_longer_than_its_tokens(
    name: str, settings: dict[str, Any], dataset: Dataset, tmp_path: Path
) -> None:
    watch = Watch()
    async with played(name, dataset, settings, watch, tmp_path) as world:
        response = await world.client.get("/odata/v4/Results/$count?$filter=progress ge 0")
        assert (response.status_code, response.text) == (200, str(len(dataset)))
        assert watch.seconds >= 60
        logins = [path for path, _ in world.wire.calls if "auth" in path]
        assert 3 <= len(logins) <= watch.seconds / 16 + 1
        assert {status for _, status in world.wire.calls} == {200}


@LOGINS
@pytest.mark.usefixtures("credentials")
async def test_a_refused_token_is_replaced_at_once(
    name: str, settings: dict[str, Any], dataset: Dataset, tmp_path: Path
) -> None:
    """The gateway's clock is slow, so that tokens end long before their time is over here."""
    watch = Watch()
    slow = Clock(watch.clock.now, lambda: watch.seconds / 10)
    async with played(name, dataset, settings, watch, tmp_path, slow) as world:
        response = await world.client.get("/odata/v4/Results/$count?$filter=progress ge 0")
        assert (response.status_code, response.text) == (200, str(len(dataset)))
        assert [status for _, status in world.wire.calls].count(401) >= 2


@LOGINS
async def test_wrong_credentials_are_502_and_in_no_response(
    name: str, settings: dict[str, Any], dataset: Dataset, tmp_path: Path
) -> None:
    wrong = dict.fromkeys(CREDENTIALS, "open-sesame")
    with variables(wrong):
        async with played(name, dataset, settings, Watch(), tmp_path) as world:
            response = await world.client.get("/odata/v4/Results?$top=1")
    assert response.status_code == 502
    assert "401" in response.text
    assert "sesame" not in response.text


async def test_a_login_runs_over_the_wire_of_the_sandbox(dataset: Dataset) -> None:
    watch = Watch()
    name = "login-password-20-seconds"
    variant = create_variant(VARIATIONS[name], dataset, secret=SECRET, clock=watch.clock.now)
    login = PasswordLogin("http://api/auth/login", BODY, "json", None, None, CREDENTIALS)
    send = partial(post_login, transport=httpx.ASGITransport(variant))
    clock = Clock(watch.clock.now, watch.clock.monotonic)
    assert (await LoginToken(login, send, clock, watch.observer)()).count(".") == 2
