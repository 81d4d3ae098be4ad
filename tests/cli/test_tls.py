"""`serve --tls-certificate`: https without a proxy, and a certificate that is renewed meanwhile."""

from __future__ import annotations

import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from tests.cli.conftest import Run
from tests.cli.test_serve import COMMAND
from tests.support.process import Process, started


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def issue(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, in the place of the one before it."""
    issued = authority.issue_cert("localhost", "127.0.0.1")
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return chain, key


def serial_of(base: str) -> str:
    """The serial number of the certificate that is shown now."""
    port = int(base.rpartition(":")[2])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain) as secure,
    ):
        der = secure.getpeercert(binary_form=True)
    assert der is not None
    return der.hex()


@contextmanager
def https(options: tuple[str, ...], cwd: Path) -> Iterator[tuple[Process, str]]:
    with started([*COMMAND, "--port", "0", *options], cwd=cwd) as process:
        base = process.wait_for(r"running on (https://127\.0\.0\.1:\d+)")
        until_it_listens(base)
        yield process, base


def until_it_listens(base: str) -> None:
    """A worker listens a moment after it says that it has started."""
    deadline = time.monotonic() + 30
    while True:
        try:
            serial_of(base)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_renewed_certificate_is_shown_without_a_restart(
    authority: trustme.CA, upstream: str, token_file: Path, tmp_path: Path, workers: str
) -> None:
    chain, key = issue(authority, tmp_path)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    options = ("--upstream", upstream, "--token-file", str(token_file), "--workers", workers)
    files = ("--tls-certificate", str(chain), "--tls-key", str(key), "--hsts", "60")
    with (
        https((*options, *files), tmp_path) as (process, base),
        httpx.Client(verify=trust, timeout=30) as client,
    ):
        answer = client.get(f"{base}/odata/v4/Results?$top=1")
        assert answer.json()["@odata.context"] == f"{base}/odata/v4/$metadata#Results"
        assert answer.headers["Strict-Transport-Security"] == "max-age=60"
        first = serial_of(base)
        key.write_text("half a ke")
        assert serial_of(base) == first
        issue(authority, tmp_path)
        assert serial_of(base) != first
        assert client.get(f"{base}/healthz").text == "ok"  # a connection from before goes on
        with httpx.Client(verify=trust) as newcomer:
            assert newcomer.get(f"{base}/healthz").text == "ok"
        assert process.stop(signal.SIGTERM, 30) == 0
    assert "cannot be used yet" in process.output
    assert "Traceback" not in process.output


def test_old_protocols_are_refused(
    authority: trustme.CA, upstream: str, token_file: Path, tmp_path: Path
) -> None:
    chain, key = issue(authority, tmp_path)
    options = ("--upstream", upstream, "--token-file", str(token_file))
    files = ("--tls-certificate", str(chain), "--tls-key", str(key))
    with https((*options, *files), tmp_path) as (process, base):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        port = int(base.rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            pytest.raises(ssl.SSLError, match=r"(?i)version|protocol"),
        ):
            context.wrap_socket(plain)
        assert process.stop(signal.SIGTERM, 30) == 0


def test_one_file_alone_is_refused(run: Run, tmp_path: Path) -> None:
    for option in ("--tls-certificate", "--tls-key"):
        done = run("serve", "--port", "0", option, str(tmp_path / "x.pem"))
        assert done.exit_code == 2
        assert "give both" in done.output


def test_files_that_are_no_pair_are_refused(
    run: Run, authority: trustme.CA, tmp_path: Path
) -> None:
    chain, key = issue(authority, tmp_path)
    (tmp_path / "other").mkdir()
    _, other = issue(authority, tmp_path / "other")
    for first, second in ((chain, other), (key, chain), (chain, tmp_path / "missing")):
        done = run(
            "serve", "--port", "0", "--tls-certificate", str(first), "--tls-key", str(second)
        )
        assert done.exit_code == 2, done.output
        assert "cannot be used" in done.output
