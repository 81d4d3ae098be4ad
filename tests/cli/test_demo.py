"""`skillhabit-odata demo`: one command, two servers, no token."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Run
from tests.support.process import started

COMMAND = [str(Path(sys.executable).with_name("skillhabit-odata")), "demo"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_urls_answers_and_ends_with_both_servers_gone(
    tmp_path: Path, number: signal.Signals
) -> None:
    with started([*COMMAND, "--port", "0", "--rows", "200"], cwd=tmp_path) as process:
        root = process.wait_for(r"Service root +(http://127\.0\.0\.1:\d+/odata/v4/)")
        sandbox = process.wait_for(r"Sandbox +(http://127\.0\.0\.1:\d+)")
        process.wait_for(r"(Ctrl\+C)")
        retrying = httpx.HTTPTransport(retries=3)
        with httpx.Client(transport=retrying, timeout=20) as client:
            page = client.get(f"{root}Results?$count=true&$top=5").json()
            assert client.get(f"{sandbox}/health").status_code == 200
        assert process.stop(number, seconds=8) == 0
    assert page["@odata.count"] == 200
    assert {"department", "region", "jobTitle"} <= set(page["value"][0])
    for url in (root, sandbox):
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
    for word in ("Power BI", "Excel", f"{root}Results?$top=10"):
        assert word in process.output
    assert "Traceback" not in process.output
    assert "eyJ" not in process.output


def test_it_stands_apart_from_the_settings_of_a_real_gateway(tmp_path: Path) -> None:
    """A workspace's own contract and folder have nothing to say about made-up people."""
    environment = {
        "SKILLHABIT_ODATA_CONTRACT": str(tmp_path / "missing.toml"),
        "SKILLHABIT_ODATA_DATA_DIR": str(tmp_path / "data"),
        "SKILLHABIT_ODATA_ACCESS_KEY_FILE": str(tmp_path / "missing"),
        "SKILLHABIT_ODATA_PUBLIC_URL": "https://bi.example.com",
    }
    command = [*COMMAND, "--port", "0", "--rows", "20"]
    with started(command, cwd=tmp_path, environment=environment) as process:
        root = process.wait_for(r"Service root +(\S+)")
        process.wait_for(r"(Ctrl\+C)")
        with httpx.Client(transport=httpx.HTTPTransport(retries=3), timeout=20) as client:
            context = client.get(root).json()["@odata.context"]
        process.stop(signal.SIGINT, seconds=8)
    assert context == f"{root}$metadata"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "arguments", [["--port", "70000"], ["--rows", "0"], ["--rows", "many"], ["--token-file", "x"]]
)
def test_a_bad_option_ends_with_2(run: Run, arguments: list[str]) -> None:
    assert run("demo", *arguments).exit_code == 2


def test_a_port_that_is_taken_is_told_with_the_remedy(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("demo", "--rows", "1", "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 2
    assert "(Address already in use); choose another with --port" in done.output
