"""Faults on a real socket: an in-process transport can neither cut an answer nor hang."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from gateway.sandbox import Faults, create_sandbox, generate
from gateway.sandbox.app import Sandbox
from gateway.sandbox.serving import run_sandbox

Post = Callable[[], httpx.Response]

NOON = datetime(2025, 6, 1, 12, 0, 0, tzinfo=UTC)
DATASET = generate(100)


@pytest.fixture(scope="module")
def sandbox(secret: str) -> Sandbox:
    return create_sandbox(DATASET, secret=secret, admin=True)


@pytest.fixture(scope="module")
def base_url(sandbox: Sandbox) -> Iterator[str]:
    with run_sandbox(sandbox) as server:
        yield server.base_url


@pytest.fixture
def faults(sandbox: Sandbox) -> Iterator[Faults]:
    """Return the switches of the running sandbox, all off before and after."""
    sandbox.received.clear()
    yield sandbox.faults
    sandbox.faults.turn_off()


@pytest.fixture
def client(base_url: str, token: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=0.3) as opened:
        yield opened


@pytest.fixture
def post(client: httpx.Client) -> Post:
    return lambda: client.post("/analyse/results", json={"options": {"limit": 50}})


def test_rate_limit_comes_with_the_time_to_wait(faults: Faults, post: Post) -> None:
    faults.rate_limit_next, faults.retry_after_seconds = 2, 7
    answers = [post() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["error"] == "Too Many Requests"


def test_rate_limit_may_leave_the_time_to_wait_out(faults: Faults, post: Post) -> None:
    faults.rate_limit_next, faults.retry_after_seconds = 1, None
    assert "Retry-After" not in post().headers


def test_rate_limit_may_come_at_every_nth_request(faults: Faults, post: Post) -> None:
    faults.rate_limit_every = 3
    codes = [post().status_code for _ in range(6)]
    assert sorted(codes) == [200] * 4 + [429] * 2
    assert codes[:3] == codes[3:]


def test_errors_have_the_chosen_status(faults: Faults, post: Post) -> None:
    faults.error_next, faults.error_status = 1, 502
    assert post().json()["statusCode"] == 502
    assert post().status_code == 200


def test_a_truncated_answer_ends_early(faults: Faults, post: Post) -> None:
    faults.truncate_next = 1
    with pytest.raises(httpx.RemoteProtocolError):
        post()
    assert post().status_code == 200


def test_a_hanging_answer_sends_nothing_then_504(faults: Faults, post: Post) -> None:
    faults.hang_next, faults.hang_seconds = 1, 0.1
    started = time.monotonic()
    assert post().status_code == 504
    assert time.monotonic() - started >= 0.1


def test_a_client_may_leave_a_hanging_answer(faults: Faults, post: Post) -> None:
    faults.hang_next, faults.hang_seconds = 1, 60.0
    with pytest.raises(httpx.ReadTimeout):
        post()
    assert post().status_code == 200


def test_an_answer_may_hang_after_its_headers(
    faults: Faults, client: httpx.Client, post: Post
) -> None:
    faults.hang_next, faults.hang_after_headers, faults.hang_seconds = 2, True, 60.0
    with client.stream("POST", "/analyse/results", json={}) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            answer.read()
    faults.hang_seconds = 0.1
    with pytest.raises(httpx.RemoteProtocolError):
        post()


def test_latency_delays_every_answer(faults: Faults, post: Post) -> None:
    faults.latency_seconds = 0.05
    started = time.monotonic()
    assert [post().status_code for _ in range(2)] == [200, 200]
    assert time.monotonic() - started >= 0.1


@pytest.mark.parametrize("endpoint", ["results", "statistics"])
@pytest.mark.parametrize("shape", ["envelope", "no-total", "array", "types", "html"])
def test_an_answer_may_have_another_shape(
    faults: Faults, client: httpx.Client, shape: Any, endpoint: str
) -> None:
    faults.wrong_shape_next, faults.wrong_shape = 1, shape
    answer = client.post(f"/analyse/{endpoint}", json={})
    assert answer.status_code == 200
    if shape == "html":
        assert answer.headers["Content-Type"].startswith("text/html")
        return
    body = answer.json()
    assert not (isinstance(body, dict) and "results" in body and type(body.get("total")) is int)


def test_health_knows_no_faults(faults: Faults, client: httpx.Client) -> None:
    faults.error_next = 1
    assert client.get("/health").status_code == 200
    assert faults.error_next == 1


def test_a_client_that_leaves_within_its_body_was_not_there(
    faults: Faults, sandbox: Sandbox, base_url: str, post: Post
) -> None:
    address = httpx.URL(base_url)
    with socket.create_connection((address.host, address.port or 0)) as connection:
        connection.sendall(b"POST /analyse/results HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
    assert post().status_code == 200
    assert len(sandbox.received) == 1


def test_received_requests_are_kept_in_order(
    faults: Faults, sandbox: Sandbox, client: httpx.Client, post: Post
) -> None:
    faults.error_next = 1
    post()
    client.post("/analyse/statistics", content=b"{", headers={"Authorization": ""})
    client.get("/health")
    assert [(got.method, got.path, got.body) for got in sandbox.received] == [
        ("POST", "/analyse/results", {"options": {"limit": 50}}),
        ("POST", "/analyse/statistics", None),
    ]
    assert client.get("/sandbox/requests").json()[0]["body"] == {"options": {"limit": 50}}
    assert client.delete("/sandbox/requests").status_code == 204
    assert client.get("/sandbox/requests").json() == []


def test_switches_turn_over_http(faults: Faults, client: httpx.Client, post: Post) -> None:
    turned = client.post("/sandbox/faults", json={"errorNext": 2, "driftKinds": ["delete"]})
    assert turned.json()["errorNext"] == 2
    assert client.post("/sandbox/faults", json={"errorStatus": 500}).json()["errorNext"] == 2
    assert post().status_code == 500
    assert client.get("/sandbox/faults").json()["errorNext"] == 1
    assert client.delete("/sandbox/faults").json()["errorNext"] == 0
    assert faults == Faults()


@pytest.mark.parametrize(
    "body", [b'{"nope":1}', b'{"errorNext":-1}', b'{"errorStatus":404}', b"{", b"[]"]
)
def test_unknown_switches_and_wrong_values_turn_nothing(
    faults: Faults, client: httpx.Client, body: bytes
) -> None:
    answer = client.post("/sandbox/faults", content=body)
    assert answer.status_code == 400
    assert faults == Faults()


def test_answers_are_dated_once_by_the_clock_of_the_sandbox(secret: str, token: str) -> None:
    faults = Faults(rate_limit_next=1, retry_after_seconds=60, retry_after_as_date=True)
    app = create_sandbox([], secret=secret, clock=lambda: NOON, faults=faults)
    with run_sandbox(app) as server:
        answers = [
            httpx.post(f"{server.base_url}/analyse/results", json={}, headers=headers)
            for headers in ({}, {}, {"Authorization": f"Bearer {token}"})
        ]
    assert [answer.status_code for answer in answers] == [429, 401, 200]
    dates = [answer.headers.get_list("Date") for answer in answers]
    assert dates == [["Sun, 01 Jun 2025 12:00:00 GMT"]] * 3
    assert answers[0].headers["Retry-After"] == "Sun, 01 Jun 2025 12:01:00 GMT"
