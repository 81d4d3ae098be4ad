"""`skillhabit-odata doctor`: sound set-ups pass, and each fault is named with what to do."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.contract.loader import built_in_contract
from gateway.sandbox import make_token
from tests.cli.conftest import Run
from tests.support.live import SECRET, running, served
from tests.support.redis_server import running_redis

Verdicts = dict[str, tuple[str, str]]
PASSWORD = "s3cret-of-redis"


@pytest.fixture(autouse=True)
def _only_for_the_owner(token_file: Path) -> None:
    token_file.chmod(0o600)


@pytest.fixture
def options(upstream: str, token_file: Path) -> tuple[str, ...]:
    return ("--port", "0", "--upstream", upstream, "--token-file", str(token_file))


def examined(
    run: Run, *options: str, code: int, environment: dict[str, str] | None = None
) -> Verdicts:
    """What JSON says by subject, of the exit code that is expected."""
    done = run("doctor", "--json", *options, environment=environment)
    assert done.exit_code == code, done.output
    assert "eyJ" not in done.output
    assert PASSWORD not in done.output
    return {one["subject"]: (one["verdict"], one["text"]) for one in json.loads(done.stdout)}


def test_a_sound_set_up_ends_with_0(
    run: Run, options: tuple[str, ...], token_file: Path, tmp_path: Path
) -> None:
    token_file.write_text(make_token(SECRET, expires_in_seconds=30 * 86_400), "utf-8")
    (tmp_path / "data").mkdir()
    found = examined(run, *options, "--data-dir", str(tmp_path / "data"), code=0)
    assert {verdict for verdict, _ in found.values()} == {"ok"}, found
    assert found.keys() >= {
        *("python", "settings", "contract", "token", "token_file", "data_dir", "port"),
        *("upstream", "clock", "check", "sign_in"),
    }
    printed = run("doctor", *options)
    assert printed.output.splitlines()[-1] == "0 problems, 0 warnings"


def test_what_serve_refuses_is_a_problem(run: Run, options: tuple[str, ...]) -> None:
    verdict, text = examined(run, *options, "--host", "0.0.0.0", code=1)["sign_in"]
    assert verdict == "fail"
    assert "keys create" in text


def test_settings_that_cannot_be_read_end_with_2(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text("prot = 1", "utf-8")
    done = run("doctor", "--config", str(config))
    assert done.exit_code == 2
    assert "no setting 'prot'" in done.output


def test_a_variable_that_is_no_setting_is_told(run: Run, options: tuple[str, ...]) -> None:
    variable = {"SKILLHABIT_ODATA_PROT": "1"}
    verdict, text = examined(run, *options, code=0, environment=variable)["settings"]
    assert verdict == "warn"
    assert "SKILLHABIT_ODATA_PROT" in text


@pytest.mark.parametrize(
    ("seconds", "verdict", "word"),
    [
        (-7_200, "fail", "expired 2 hours ago"),
        (7_300, "warn", "2 hours"),
        (864_000, "warn", "10 days"),
        (20 * 86_400, "ok", "20 days"),
    ],
)
def test_a_token_tells_when_it_expires(
    run: Run, upstream: str, token_file: Path, seconds: int, verdict: str, word: str
) -> None:
    token_file.write_text(make_token(SECRET, expires_in_seconds=seconds), "utf-8")
    options = ("--port", "0", "--upstream", upstream, "--token-file", str(token_file))
    found = examined(run, *options, code=1 if verdict == "fail" else 0)
    assert found["token"][0] == verdict
    assert word in found["token"][1]


def test_a_secret_that_others_can_read_is_told(
    run: Run, options: tuple[str, ...], token_file: Path
) -> None:
    token_file.chmod(0o644)
    verdict, text = examined(run, *options, code=0)["token_file"]
    assert (verdict, "chmod 600" in text) == ("warn", True)


def test_secrets_of_all_workspaces_and_the_certificates_key_are_looked_at(
    run: Run, options: tuple[str, ...], tmp_path: Path
) -> None:
    names = ("mask", "tls", "other")
    for name in names:
        (tmp_path / name).write_text("x" * 40 if name == "mask" else "", "utf-8")
        (tmp_path / name).chmod(0o644)
    config = tmp_path / "gateway.toml"
    config.write_text(f'[workspaces.hr]\ntoken_file = "{tmp_path / "other"}"\n', "utf-8")
    (tmp_path / "tls").write_text("key", "utf-8")
    (tmp_path / "other").write_text("token", "utf-8")
    given = ("--mask-key-file", str(tmp_path / "mask"), "--tls-key", str(tmp_path / "tls"))
    found = examined(run, *options, "--config", str(config), *given, code=0)
    for subject in ("mask_key_file", "tls_key", "[workspaces.hr] token_file"):
        assert found[subject][0] == "warn", found
        assert "chmod 600" in found[subject][1]


def test_what_makes_it_easy_to_get_in_is_told(
    run: Run, options: tuple[str, ...], tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("short", "utf-8")
    key.chmod(0o600)
    given = (*options, "--access-key-file", str(key), "--trusted-proxies", "*")
    done = run("doctor", *given)
    assert done.exit_code == 0, done.output
    assert "fewer than 16 characters" in done.output
    assert "every client can claim any address" in done.output


def test_a_proxy_without_a_name_is_told(
    run: Run, options: tuple[str, ...], upstream: str, tmp_path: Path
) -> None:
    """By what the gateway says of the doctor's own request, which came through the proxy."""
    for trusted, verdict in (("192.0.2.1", "warn"), ("127.0.0.1", "ok")):
        with (
            served(upstream, {"trusted_proxies": trusted, "allow_anonymous": True}) as root,
            forwarding(root.removesuffix("/odata/v4/")) as proxy,
        ):
            found = examined(run, *options, "--public-url", proxy, code=0)
            assert found["trusted_proxies"][0] == verdict, found
            assert found["public_url"][0] == "ok"


@contextmanager
def forwarding(target: str) -> Iterator[str]:
    """A proxy that says for whom it asks."""

    async def forward(request: Request) -> Response:
        async with httpx.AsyncClient() as http:
            headers = {"X-Forwarded-For": "203.0.113.7"}
            found = await http.get(target + request.url.path, headers=headers)
        return Response(found.content, found.status_code)

    with running(Starlette(routes=[Route("/{path:path}", forward)])) as base:
        yield base


def test_missing_files_are_all_told_at_once(run: Run, upstream: str, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    options = ("--port", "0", "--upstream", upstream, "--token-file", gone, "--contract", gone)
    found = examined(run, *options, "--access-key-file", gone, code=1)
    failing = {subject for subject, (verdict, _) in found.items() if verdict == "fail"}
    assert failing == {"token", "token_file", "contract", "access_key_file"}
    assert found["check"][0] == "warn"


def test_a_data_directory_that_is_a_file_or_too_small_is_told(
    run: Run, options: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    assert examined(run, *options, "--data-dir", str(file / "x"), code=1)["data_dir"][0] == "fail"
    (tmp_path / "data").mkdir()
    small = ("--data-dir", str(tmp_path / "data"), "--snapshot-budget", "1000000")
    verdict, text = examined(run, *options, *small, code=0)["data_dir"]
    free = os.statvfs(tmp_path)
    if free.f_bavail * free.f_frsize < 1_000_000 * 1_048_576:
        assert (verdict, "--snapshot-budget" in text) == ("warn", True)


def test_a_port_that_is_taken_is_told(run: Run, upstream: str, token_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        options = ("--port", port, "--upstream", upstream, "--token-file", str(token_file))
        assert examined(run, *options, code=0)["port"][0] == "warn"


def test_an_upstream_that_is_not_there_or_no_api_is_told(run: Run, token_file: Path) -> None:
    token = ("--port", "0", "--token-file", str(token_file))
    gone = examined(run, *token, "--upstream", "http://127.0.0.1:9", code=1)
    assert gone["upstream"][0] == "fail"
    assert "cannot be reached" in gone["upstream"][1]
    with other("hello", date="Sat, 01 Jan 2000 00:00:00 GMT") as url:
        found = examined(run, *token, "--upstream", url, code=1)
    assert found["check"][0] == "fail"
    assert found["clock"][0] == "warn"
    assert "ahead of" in found["clock"][1]


def test_a_contract_that_does_not_fit_is_told(
    run: Run, options: tuple[str, ...], tmp_path: Path
) -> None:
    contract = tmp_path / "contract.toml"
    contract.write_text(built_in_contract().replace('total = "total"', 'total = "count"'), "utf-8")
    verdict, text = examined(run, *options, "--contract", str(contract), code=1)["check"]
    assert verdict == "fail"
    assert "skillhabit-odata check" in text


def test_the_public_url_must_lead_to_a_gateway(
    run: Run, options: tuple[str, ...], upstream: str
) -> None:
    with served(upstream) as root:
        public = ("--public-url", root.removesuffix("/odata/v4/"))
        assert examined(run, *options, *public, code=0)["public_url"][0] == "ok"
    with other("a login page") as url:
        assert examined(run, *options, "--public-url", url, code=1)["public_url"][0] == "fail"
    gone = ("--public-url", "http://127.0.0.1:9")
    assert examined(run, *options, *gone, code=0)["public_url"][0] == "warn"


def test_redis_is_asked_and_its_password_is_not_shown(
    run: Run, options: tuple[str, ...], tmp_path: Path
) -> None:
    with running_redis(tmp_path, password=PASSWORD) as server:
        verdict, text = examined(run, *options, "--redis", server.url, code=0)["redis"]
        assert (verdict, "version" in text) == ("ok", True)
    gone = ("--redis", f"redis://user:{PASSWORD}@127.0.0.1:9/0")
    assert examined(run, *options, *gone, code=1)["redis"][0] == "fail"


def other(text: str, **headers: str) -> AbstractContextManager[str]:
    """A server that says the same to everybody."""

    async def say(request: Request) -> PlainTextResponse:
        return PlainTextResponse(text, headers=headers)

    methods = ["GET", "POST"]
    app = Starlette(routes=[Route("/{path:path}", say, methods=methods)])
    return running(app, date_header=not headers)
