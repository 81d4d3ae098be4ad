import signal
import socket
import subprocess
import sys

import httpx
import pytest

from gateway.sandbox import create_sandbox, generate, make_token
from gateway.sandbox.serving import SandboxServer, run_sandbox, serve_config
from gateway.sandbox.variations import PROFILES, VARIATIONS, create_variant


def test_the_module_serves_rows_and_prints_where_and_with_which_token(secret: str) -> None:
    options = ["--port", "0", "--rows", "50", "--secret", secret, "--admin"]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "gateway.sandbox", *options],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().strip() for _ in range(2))
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.post(f"{url}/analyse/results", json={}, headers=headers)
        received = httpx.get(f"{url}/sandbox/requests")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    assert answer.json()["total"] == 50
    assert received.json() == [{"method": "POST", "path": "/analyse/results", "body": {}}]


def test_the_module_behaves_like_a_profile(secret: str) -> None:
    options = ["--port", "0", "--rows", "50", "--secret", secret, "--like", "nestjs"]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "gateway.sandbox", *options],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().strip() for _ in range(2))
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.post(f"{url}/api/analyse/results", json={}, headers=headers)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    assert answer.status_code == 201
    assert answer.json()["meta"] == {"total": 50}


def test_the_module_lists_what_it_can_be_like() -> None:
    listed = subprocess.run(
        [sys.executable, "-W", "error", "-m", "gateway.sandbox", "--list"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert [line.split()[0] for line in listed] == [*PROFILES, *VARIATIONS]
    assert "NestJS" in listed[0]


def test_a_token_for_an_api_behind_a_login_is_one_of_the_login(secret: str) -> None:
    variant = create_variant(PROFILES["slow-and-limited"], generate(5), secret=secret)
    with run_sandbox(variant) as server:
        for token, status in ((variant.make_token(), 400), (make_token(secret), 401)):
            headers = {"Authorization": f"Bearer {token}"}
            url = f"{server.base_url}/analyse/results"
            assert httpx.post(url, json={"x": 1}, headers=headers).status_code == status


def test_a_taken_port_is_an_error_where_the_server_is_made(secret: str) -> None:
    app = create_sandbox([], secret=secret)
    with run_sandbox(app) as server:
        port = int(server.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            SandboxServer(serve_config(app, port=port))


@pytest.mark.skipif(not socket.has_ipv6, reason="the machine has no IPv6")
def test_the_sandbox_serves_ipv6(secret: str) -> None:
    try:
        server = run_sandbox(create_sandbox([], secret=secret), "::1")
    except OSError:
        pytest.skip("the machine has no IPv6 loopback")
    with server:
        assert server.base_url.startswith("http://[::1]:")
        assert httpx.get(f"{server.base_url}/health").status_code == 200


def test_a_server_that_was_just_started_stops(secret: str) -> None:
    server = run_sandbox(create_sandbox([], secret=secret))
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.base_url}/health")
