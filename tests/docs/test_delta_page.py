"""The client of docs/delta.md, run as it stands there, against a gateway whose rows change."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import generate
from tests.docs.render import ROOT
from tests.support.live import Bridge, bridge

_PAGE = (ROOT / "docs" / "delta.md").read_text("utf-8")
_FEED = "Results?$filter=state eq 'FAILED'&$select=id,userName,contentName"


def run(client: Path, gateway: Bridge) -> tuple[list[str], Any]:
    """What the client prints, and the rows of its file."""
    environment = {**os.environ, "ROOT": gateway.root.rstrip("/")}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(client)],
        cwd=client.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    known = json.loads((client.parent / "failed.json").read_text("utf-8"))
    return done.stdout.splitlines(), [*known["rows"].values()]


def expected(gateway: Bridge) -> list[dict[str, Any]]:
    return gateway.feed(_FEED)


def same(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> bool:
    return sorted(left, key=lambda r: r["id"]) == sorted(right, key=lambda r: r["id"])


@pytest.fixture
def client(tmp_path: Path) -> Path:
    (text,) = re.findall(r"```python\n(.*?)```", _PAGE, re.DOTALL)
    path = tmp_path / "client.py"
    path.write_text(text, "utf-8")
    return path


def set_state(gateway: Bridge, old: str, new: str) -> str:
    row = next(r for r in gateway.sandbox.store.to_rows() if r["state"] == old)
    row |= {"state": new, "updatedAt": "2026-01-01T00:00:00.000Z"}
    gateway.sandbox.store.put(row)
    return str(row["id"])


def test_the_client_prints_what_is_new_and_has_a_copy(client: Path) -> None:
    settings = {"fresh_for": 0, "page_size": 20}
    with bridge(generate(500), settings=settings) as gateway:
        lines, rows = run(client, gateway)
        assert len(lines) == len(rows) > 20
        assert same(rows, expected(gateway))
        assert run(client, gateway)[0] == []
        failed = set_state(gateway, "APPROVED", "FAILED")
        passed = set_state(gateway, "FAILED", "APPROVED")
        lines, rows = run(client, gateway)
        assert [line[0] for line in lines] == ["+", "-"]
        assert failed in lines[0]
        assert passed in lines[1]
        assert same(rows, expected(gateway))


def test_the_client_starts_again_when_its_link_is_too_old(client: Path, tmp_path: Path) -> None:
    """410 of a gateway that does not keep the snapshot, 400 of one that has forgotten its key."""
    settings = {"fresh_for": 0, "data_dir": str(tmp_path / "kept")}
    file, root = tmp_path / "failed.json", ""
    for chosen in (settings, settings, {}):
        with bridge(generate(300), settings=chosen) as gateway:
            if root:  # the next one is at the same address, as one that was started again
                file.write_text(file.read_text("utf-8").replace(root, gateway.root), "utf-8")
            lines, rows = run(client, gateway)
            root = gateway.root
            assert len(lines) == len(rows)
            assert same(rows, expected(gateway))


def test_the_curl_command_works(live: Bridge) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (command,) = re.findall(r"```sh\n(.*?)```", _PAGE, re.DOTALL)
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("curl ", "curl --fail-with-body -sS ")],
        env={**os.environ, "ROOT": live.root.rstrip("/")},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert "@odata.deltaLink" in json.loads(done.stdout)
