"""The image without an engine: built by the Dockerfile's steps, run by nobody, read-only."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.sandbox import create_sandbox, generate, make_token
from tests.packaging import dockerfile
from tests.packaging.contained import NOBODY, contained, skip_where_it_cannot_be
from tests.support.authorities import with_all_authorities
from tests.support.live import SECRET, running
from tests.support.process import clean_environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """A folder that another user may read; its `opt` is what the image's is."""
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    folder.chmod(0o755)
    try:
        failed = dockerfile.build(folder)
        if failed is not None and _nothing_to_fetch(failed.stderr):
            pytest.skip("the packages of requirements.lock cannot be fetched here")
        assert failed is None, failed.stdout + failed.stderr
        yield folder
    finally:
        shutil.rmtree(folder)


def _nothing_to_fetch(errors: str) -> bool:
    signs = ("NewConnectionError", "Temporary failure in name resolution", "dns error")
    return any(sign in errors for sign in signs)


def test_it_holds_the_wheel_and_what_is_locked_and_no_tools(image: Path) -> None:
    (packages,) = (image / "opt" / "skillhabit-odata").glob("lib/python*/site-packages")
    names = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}
    assert "skillhabit_odata" in names
    assert not names & {"pip", "uv", "setuptools", "hatchling", "pytest", "mypy", "hypothesis"}
    assert (packages / "gateway" / "__pycache__").is_dir()


def test_it_serves_as_nobody_from_a_read_only_system_and_ends_in_order(image: Path) -> None:
    skip_where_it_cannot_be()
    port, programs = _free_port(), image / "opt" / "skillhabit-odata" / "bin"
    (image / "token").write_text(make_token(SECRET), "utf-8")
    (image / "key").write_text("sesame", "utf-8")
    with running(create_sandbox(generate(100), secret=SECRET), date_header=False) as upstream:
        environment = {
            **with_all_authorities(clean_environment()),
            **dockerfile.environment(),
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "TMPDIR": str(image / "tmp"),
            "SKILLHABIT_ODATA_PORT": str(port),
            "SKILLHABIT_ODATA_DATA_DIR": str(image / "data"),
            "SKILLHABIT_ODATA_UPSTREAM": upstream,
            "SKILLHABIT_ODATA_TOKEN_FILE": str(image / "token"),
            "SKILLHABIT_ODATA_ACCESS_KEY_FILE": str(image / "key"),
        }
        writable = [image / "data", image / "tmp"]
        with contained(dockerfile.command(), environment, image, writable) as process:
            try:
                assert _becomes_healthy(environment, port, process)
                _is_nobody(process.pid)
                root = f"http://127.0.0.1:{port}/odata/v4"
                answer = httpx.get(f"{root}/Users/$count", auth=("any", "sesame"))
                assert answer.status_code == 200, answer.text
                exported = httpx.get(f"{root}/Results?$format=csv", auth=("any", "sesame"))
                assert exported.text.count("\r\n") == 101
                process.send_signal(signal.SIGTERM)
                output, _ = process.communicate(timeout=30)
            finally:
                process.kill()
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "sesame" not in output
    assert not _healthy(environment, port)
    assert [*(image / "data").glob("*.duckdb")] != []


def _is_nobody(pid: int) -> None:
    status = Path(f"/proc/{pid}/status").read_text()
    facts = dict(re.findall(r"^(\w+):\s+(\S+)", status, re.MULTILINE))
    assert (facts["Uid"], facts["NoNewPrivs"]) == (str(NOBODY), "1")
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0


def _becomes_healthy(
    environment: dict[str, str], port: int, process: subprocess.Popen[str]
) -> bool:
    deadline = time.monotonic() + 40
    while not _healthy(environment, port):
        assert process.poll() is None, process.communicate()[0]
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _healthy(environment: dict[str, str], port: int) -> bool:
    """What the HEALTHCHECK says."""
    command = [part.replace(":8000/", f":{port}/") for part in dockerfile.healthcheck()]
    done = subprocess.run(
        ["/usr/bin/env", *command], env=environment, capture_output=True, timeout=20, check=False
    )
    return done.returncode == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
