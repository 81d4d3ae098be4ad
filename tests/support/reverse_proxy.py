"""nginx and Caddy with the example configurations of `deploy/`, on loopback."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from packaging.version import Version

_DEPLOY = Path(__file__).parents[2] / "deploy"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate for localhost on disk, and what a client needs to believe it."""

    chain: Path
    key: Path
    trust: ssl.SSLContext


def certificate(folder: Path) -> Certificate:
    """A certificate of an authority of its own."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return Certificate(chain, key, trust)


@contextlib.contextmanager
def nginx(folder: Path, gateways: tuple[int, int], pair: Certificate) -> Iterator[str]:
    """The base URL of nginx's https listener, without the prefix."""
    port = free_port()
    text = (_DEPLOY / "nginx" / "skillhabit-odata.conf").read_text("utf-8")
    for old, new in (
        ("127.0.0.1:8001", f"127.0.0.1:{gateways[0]}"),
        ("127.0.0.1:8002", f"127.0.0.1:{gateways[1]}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("server_name bi.example.com", "server_name localhost"),
        ("/etc/nginx/tls/bi.example.com.pem", str(pair.chain)),
        ("/etc/nginx/tls/bi.example.com.key", str(pair.key)),
    ):
        assert old in text, old
        text = text.replace(old, new)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body;\n{text}\n}}\n"
    )
    command = [program("nginx", "nginx-light"), "-p", str(folder), "-c", str(config)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with _running(command, port):
        yield f"https://localhost:{port}"


@contextlib.contextmanager
def caddy(folder: Path, gateways: tuple[int, int], pair: Certificate) -> Iterator[str]:
    """The base URL of Caddy's https listener, without the prefix."""
    text = caddyfile("Caddyfile")
    for old, new in (
        ("127.0.0.1:8001", f"127.0.0.1:{gateways[0]}"),
        ("127.0.0.1:8002", f"127.0.0.1:{gateways[1]}"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    with running_caddy(folder, text, "bi.example.com {", pair) as base:
        yield base


def caddyfile(name: str) -> str:
    """A configuration of `deploy/caddy`, in the words of the Caddy that is installed."""
    text = (_DEPLOY / "caddy" / name).read_text("utf-8")
    command = [program("caddy", "caddy"), "version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if Version(told.split()[0]) >= Version("2.6.4"):
        return text
    assert "request_buffers 8MiB" in text
    return text.replace("request_buffers 8MiB", "buffer_requests")


@contextlib.contextmanager
def running_caddy(folder: Path, text: str, site: str, pair: Certificate) -> Iterator[str]:
    """Caddy with a configuration whose line `site` becomes that of localhost; its base URL."""
    port = free_port()
    assert site in text
    text = text.replace(site, f"https://localhost:{port} {{\n\ttls {pair.chain} {pair.key}")
    config = folder / "Caddyfile"
    config.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{text}")
    command = [program("caddy", "caddy"), "run", "--config", str(config), "--adapter", "caddyfile"]
    with _running(command, port, HOME=str(folder)):
        yield f"https://localhost:{port}"


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def program(name: str, package: str) -> str:
    """Where a program is; skips the test if it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian, Ubuntu: apt-get install {package})")
    return found


@contextlib.contextmanager
def _running(command: list[str], port: int, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment or None
    )
    try:
        _wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        assert process.poll() is None, "the proxy ended at once"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < deadline, "the proxy does not listen"
        time.sleep(0.02)
