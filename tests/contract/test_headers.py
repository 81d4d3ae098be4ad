"""Additional headers of requests: from the environment, sent with each call, and never shown."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.contract.headers import digest_of, resolve_headers
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.errors import ConfigurationProblem
from tests.faults.test_odd_rows import sound
from tests.support.live import running, served

SECRET = "key-of-the-workspace-8271"


def text_with(headers: str) -> str:
    return built_in_contract().replace("[request]\n", f"[request]\nheaders = {{ {headers} }}\n", 1)


def contract_with(headers: str) -> Contract:
    return load_contract(text_with(headers))


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ('"X Key" = "1"', "'X Key' is not a valid header name"),
        ('"" = "1"', "is not a valid header name"),
        ('authorization = "Basic x"', "is set by the gateway itself"),
        ('Host = "x"', "is set by the gateway itself"),
        ('X-Key = "1", x-key = "2"', "'x-key' occurs twice"),
        ('X-Key = "${KEY}"', "a placeholder other than ${env.NAME}"),
        ('X-Key = "${env.}"', "a placeholder other than"),
        (r'X-Key = "a\nb"', "no header can have"),
        ('X-Key = "é"', "no header can have"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(headers: str, words: str) -> None:
    with pytest.raises(ConfigurationProblem) as raised:
        contract_with(headers)
    assert words in raised.value.message
    assert "[request] headers" in raised.value.message


def test_variables_are_put_in_place_of_their_names() -> None:
    contract = contract_with('X-Key = "a ${env.KEY}-${env.OTHER}", X-Plain = "p"')
    found = resolve_headers(contract, {"KEY": " k ", "OTHER": "o"})
    assert found == {"X-Key": "a k-o", "X-Plain": "p"}
    assert "k-o" not in repr(contract)


@pytest.mark.parametrize("environment", [{}, {"KEY": ""}, {"KEY": f"{SECRET}\n{SECRET}"}])
def test_a_variable_that_cannot_be_used_is_named_and_not_shown(environment: dict[str, str]) -> None:
    contract = contract_with('X-Key = "${env.KEY}"')
    with pytest.raises(ConfigurationProblem, match=r"'X-Key'.*variable KEY") as raised:
        resolve_headers(contract, environment)
    assert SECRET not in raised.value.message


def test_other_values_never_share_snapshots() -> None:
    contract = contract_with('X-Key = "${env.KEY}"')
    digests = {digest_of({"X-Key": value}, contract) for value in ("a", "b")}
    assert len(digests) == 2
    assert digest_of({}, contract) == ""


def test_each_call_has_the_headers_and_nothing_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("KEY_OF_WORKSPACE", SECRET)
    keys: list[str | None] = []

    async def results(request: Request) -> Response:
        keys.append(request.headers.get("x-key"))
        if json.loads(await request.body())["options"]["limit"] == 2:
            said = {"message": f"wrong key {request.headers['x-key']}"}
            return JSONResponse(said, 400)
        return JSONResponse({"results": [sound(1)], "total": 1})

    path = tmp_path / "contract.toml"
    path.write_text(text_with('X-Key = "${env.KEY_OF_WORKSPACE}"'), "utf-8")
    caplog.set_level(logging.DEBUG)
    upstream = Starlette(routes=[Route("/analyse/results", results, methods=["POST"])])
    with running(upstream) as url, served(url, {"contract": str(path)}) as root:
        refused = httpx.get(f"{root}Results?$top=1")
        assert httpx.get(f"{root}Results?$select=id").json()["value"] == [{"id": "r1"}]
    assert refused.status_code == 502
    assert SECRET not in refused.text
    assert "wrong key [token]" in refused.text
    assert set(keys) == {SECRET}
    assert SECRET not in caplog.text
