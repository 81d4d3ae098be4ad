"""What each answer says of itself, and what probes are told."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.observe.directory import DataDirectory, DirectoryState, look_at
from gateway.sandbox import generate, make_token
from tests.support.live import SECRET, Bridge, bridge, settings_from
from tests.support.wire import send

TIMING = re.compile(r'([a-z]+);dur=\d+\.\d|cache;desc="[a-z_, ]+"')


def _timed(header: str | None) -> list[str]:
    parts = (header or "").split(", ")
    return [part.partition(";")[0] for part in parts if ";" in part]


def test_server_timing_tells_the_stages_and_leaves_body_and_etag_as_they_are(live: Bridge) -> None:
    target = "/odata/v4/Results?$filter=progress%20ge%201&$top=9"
    made, kept = (send(live.root, target) for _ in range(2))
    assert made.body == kept.body
    assert made.header("etag") == kept.header("etag")
    assert {"parse", "plan", "snapshot", "query", "write", "cache"} == set(
        _timed(made.header("server-timing"))
    )
    assert _timed(kept.header("server-timing")) == ["snapshot", "cache"]
    assert 'desc="snapshot fresh, page hit"' in str(kept.header("server-timing"))
    known = send(live.root, target, [("If-None-Match", str(made.header("etag")))])
    assert known.status == 304
    assert 'desc="snapshot fresh, page known"' in str(known.header("server-timing"))


def test_what_asks_the_upstream_says_how_long_that_took(live: Bridge) -> None:
    answer = send(
        live.root,
        "/odata/v4/Results/$count?$filter=state%20eq%20'FAILED'",
        [("Cache-Control", "no-cache")],
    )
    assert answer.status == 200
    assert {"upstream", "snapshot"} & set(_timed(answer.header("server-timing")))


@pytest.mark.parametrize("name", ["0123456789abcdef", "3f2b8c1e-9d4a-4c5b-8e6f-7a8b9c0d1e2f"])
def test_a_request_id_of_a_known_form_is_kept(live: Bridge, name: str) -> None:
    answer = send(live.root, "/odata/v4/$metadata", [("X-Request-Id", name)])
    assert answer.header("x-request-id") == name


@pytest.mark.parametrize(
    "name", ["", "jane.doe@example.com", "short", "f" * 65, "0123456789abcdeg"]
)
def test_a_request_id_of_another_form_is_replaced(live: Bridge, name: str) -> None:
    answer = send(live.root, "/odata/v4/NoSuch", [("X-Request-Id", name)])
    assert re.fullmatch("[0-9a-f]{16}", str(answer.header("x-request-id")))


def test_probes_are_open_and_tell_nothing_secret(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("the key", "utf-8")
    settings = {"access_key_file": str(key), "data_dir": str(tmp_path / "data")}
    with bridge(generate(5), settings=settings) as asked:
        base = asked.root.removesuffix("/odata/v4/")
        assert httpx.get(f"{base}/healthz").text == "ok"
        ready = httpx.get(f"{base}/readyz")
        assert ready.status_code == 200
        assert ready.json() == {
            "ready": True,
            "serving": "yes",
            "dataDirectory": "writable",
            "upstream": "not called yet",
            "warnings": ["a token for the Analytics API ends today; replace it"],
        }


@pytest.mark.parametrize("name", ["access_key_file", "keys_file", "token_file"])
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"\xff\xfe")])
def test_a_file_that_becomes_unusable_is_named_and_leaves_it_ready(
    name: str, harm: Callable[[Path], None], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    good = "" if name == "keys_file" else make_token(SECRET)
    file.write_text(good, "utf-8")
    with bridge(generate(5), settings={name: str(file)}) as asked:
        base = asked.root.removesuffix("/odata/v4/")
        assert "unusableFiles" not in httpx.get(f"{base}/readyz").json()
        harm(file)
        ready = httpx.get(f"{base}/readyz")
        assert (ready.status_code, ready.json()["unusableFiles"]) == (200, [name])
        assert str(tmp_path) not in ready.text
        file.write_text(good, "utf-8")
        assert "unusableFiles" not in httpx.get(f"{base}/readyz").json()


def _move_away(data: Path) -> None:
    data.rename(data.with_name("moved"))


def _put_a_file_in_its_place(data: Path) -> None:
    _move_away(data)
    data.write_text("no directory", "utf-8")


@pytest.mark.parametrize("harm", [_move_away, _put_a_file_in_its_place])
def test_a_degraded_gateway_stays_ready_and_reports_what_is_wrong(
    harm: Callable[[Path], None], tmp_path: Path
) -> None:
    """Counts and retained snapshots are still served: unready, it would be an outage."""
    data = tmp_path / "data"
    with bridge(generate(5), settings={"data_dir": str(data), "retry_budget": 0}) as asked:
        base = asked.root.removesuffix("/odata/v4/")
        rows = asked.get("Results?$orderby=id").json()["value"]
        assert "data_directory_writable 1.0" in httpx.get(f"{base}/metrics").text
        asked.sandbox.faults.error_next = 1_000
        harm(data)
        assert asked.get("Results/$count?$filter=state%20eq%20'FAILED'").status_code == 200
        ready = httpx.get(f"{base}/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (200, True)
        assert ready.json()["dataDirectory"] == "cannot be written"
        assert "data_directory_writable 0.0" in httpx.get(f"{base}/metrics").text
        assert asked.get("Results?$orderby=id").json()["value"] == rows
        if data.exists():
            data.unlink()
        data.with_name("moved").rename(data)


def test_an_upstream_that_is_gone_leaves_it_ready() -> None:
    with bridge(generate(5), settings={"upstream": "http://127.0.0.1:9", "retry_budget": 0}) as at:
        assert at.get("Results/$count").status_code == 503
        ready = httpx.get(f"{at.root.removesuffix('/odata/v4/')}/readyz")
        assert (ready.status_code, ready.json()["upstream"]["outcome"]) == (200, "connection")


@pytest.mark.anyio
async def test_a_disk_that_does_not_respond_holds_up_no_probe_and_takes_one_thread(
    tmp_path: Path,
) -> None:
    healed, checks = threading.Event(), []

    def check(directories: Iterable[Path]) -> DirectoryState:
        checks.append(tuple(directories))
        healed.wait(20)
        return look_at(directories)

    directory = DataDirectory([tmp_path], check)
    assert [(await directory.state()).text for _ in range(3)] == ["does not respond"] * 3
    assert checks == [(tmp_path,)]
    healed.set()
    state = await directory.state()
    assert state.is_writable
    assert (state.free_bytes or 0) > 0


@pytest.mark.anyio
async def test_before_it_serves_and_after_it_is_not_ready() -> None:
    app = create_app(settings_from({}))
    assert await _ready(app) == 503
    async with app.router.lifespan_context(app):
        assert await _ready(app) == 200
    assert await _ready(app) == 503


async def _ready(app: Starlette) -> int:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get("/readyz")).status_code
