import signal
import socket
import subprocess
import sys

import httpx
import pytest

from gateway.sandbox import create_sandbox
from gateway.sandbox.serving import SandboxServer, run_sandbox, serve_config


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
