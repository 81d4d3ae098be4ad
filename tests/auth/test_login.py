"""Tokens by login: what is sent, where it may go, and what is read from the response."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.login_call import MAX_ANSWER_BYTES, post_login
from gateway.auth.login_request import LoginRequest
from gateway.auth.login_response import read_grant
from gateway.auth.login_settings import login_of
from gateway.config import load_settings
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken, UpstreamUnavailable
from tests.support.live import SECRET

NOW = 1_000_000.0
URL = "https://api.example/auth/login"
REQUEST = LoginRequest(URL, "application/json", b'{"password":"open-sesame"}')


def request_of(environment: dict[str, str] | None = None, **settings: Any) -> LoginRequest:
    found = login_of(
        load_settings(settings, {}), lambda: "https://api.example/v1", environment or {}
    )
    assert found is not None
    return found.request()


def test_credentials_come_from_variables_and_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('p"a ss\n', "utf-8")
    body = json.dumps({"user": "${env.U}@x", "in": [{"password": f"${{file.{secret}}}"}], "n": 1})
    request = request_of({"U": "${env.V}"}, login_url="/auth/login", login_body=body)
    assert request.url == "https://api.example/v1/auth/login"
    assert json.loads(request.body) == {
        "user": "${env.V}@x",
        "in": [{"password": 'p"a ss'}],
        "n": 1,
    }
    assert "ss" not in repr(request)
    secret.write_text("changed", "utf-8")
    again = request_of({"U": "u"}, login_url="/a", login_body=body, login_format="form")
    assert dict(parse_qsl(again.body.decode()))["in"] == '[{"password": "changed"}]'


@pytest.mark.parametrize("body", ['{"p": "${env.MISSING}"}', '{"p": "${file./no/such/file}"}'])
def test_a_credential_that_is_missing_is_named(body: str) -> None:
    with pytest.raises(UpstreamRejectedToken, match=r"MISSING|/no/such/file"):
        request_of(login_url="/a", login_body=body)


@given(st.text(min_size=1).filter(lambda t: t.isprintable()), st.sampled_from(["basic", "body"]))
def test_a_client_s_secret_arrives_as_it_is(secret: str, place: str) -> None:
    request = request_of(
        {"S": secret},
        oauth_token_url="https://sign-in.example/token",
        oauth_client_id="a:b",
        oauth_client_secret_env="S",
        oauth_scope="read",
        oauth_client_auth=place,
        oauth_parameter=("audience=x",),
    )
    sent = dict(parse_qsl(request.body.decode(), strict_parsing=True, keep_blank_values=True))
    if place == "basic":
        encoded = (request.authorization or "").removeprefix("Basic ")
        client, _, given_secret = b64decode(encoded).decode().partition(":")
        pairs = parse_qsl(f"c={client}&s={given_secret}", keep_blank_values=True)
        assert pairs == [("c", "a:b"), ("s", secret)]
    else:
        assert (sent.pop("client_id"), sent.pop("client_secret")) == ("a:b", secret)
    assert sent == {"grant_type": "client_credentials", "scope": "read", "audience": "x"}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"login_url": "/a"}, "also needs --login-body"),
        ({"login_body": '{"a":"b"}'}, "--login-body also needs --login-url"),
        ({"login_token": "a"}, "--login-token also needs --login-url"),
        ({"oauth_scope": "a"}, "--oauth-scope also needs --oauth-token-url"),
        ({"oauth_token_url": "/a"}, "also needs --oauth-client-id"),
        (
            {
                "oauth_token_url": "/a",
                "oauth_client_id": "a",
                "oauth_client_secret_env": "A",
                "oauth_client_secret_file": "a",
            },
            "either --oauth-client-secret-env or",
        ),
        (
            {"login_url": "/a", "login_body": '{"a":"b"}', "oauth_token_url": "/a"},
            "only one of --login-url and",
        ),
        (
            {"login_url": "http://other.example/a", "login_body": '{"a":"b"}'},
            "must be https",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    settings: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=problem):
        request_of(**settings)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/a", "http://api.example/a", "https://o.example/a"]
)
def test_plain_http_is_for_this_computer_and_the_upstream_s_host(url: str) -> None:
    assert request_of(login_url=url, login_body='{"a":"b"}').url == url


def jwt_of(**claims: float) -> str:
    return jwt.encode({"sub": "x", **claims}, SECRET)


@pytest.mark.parametrize(
    ("answer", "place", "lifetime", "wanted"),
    [
        ({"access_token": "t", "expires_in": 20}, None, None, ("t", 20)),
        ({"accessToken": "t", "expiresIn": "20"}, None, None, ("t", 20)),
        ({"data": {"token": " Bearer t "}}, None, None, ("t", None)),
        ({"result": {"jwt": "t", "expiresIn": 20.5}}, None, None, ("t", 20.5)),
        ({"a": {"b": "t"}, "ttl": {"s": 7}}, "a.b", "ttl.s", ("t", 7)),
        ({"token": "t", "expires_in": 20}, None, "5", ("t", 5)),
        ({"token": "t", "expires_in": -1}, None, None, ("t", None)),
        ({"token": "t", "expires_in": True}, None, None, ("t", None)),
        ({"token": {"no": "text"}, "jwt": "t"}, None, None, ("t", None)),
        ("t", None, None, ("t", None)),
    ],
)
def test_a_token_and_its_lifetime_are_found(
    answer: Any, place: str | None, lifetime: str | None, wanted: tuple[str, float | None]
) -> None:
    grant = read_grant(answer, place, lifetime, NOW)
    assert (grant.token, grant.seconds) == wanted
    assert grant.token not in repr(grant).replace("token", "").replace("Grant", "")


@pytest.mark.parametrize(
    ("claims", "member", "wanted"),
    [
        ({"exp": NOW + 20}, None, 20),
        ({"exp": NOW + 320, "iat": NOW + 300}, None, 20),  # its clock is five minutes ahead
        ({"exp": NOW - 280, "iat": NOW - 300}, None, 20),
        ({"exp": NOW - 280}, None, None),  # used until it is refused
        ({"exp": NOW + 20, "iat": NOW}, 20_000, 20),  # milliseconds
        ({"exp": NOW + 900, "iat": NOW}, 20, 20),
        ({}, None, None),
    ],
)
def test_a_lifetime_is_the_shortest_that_is_stated(
    claims: dict[str, float], member: float | None, wanted: float | None
) -> None:
    answer = {"token": jwt_of(**claims), "expires_in": member}
    assert read_grant(answer, None, None, NOW).seconds == wanted


@pytest.mark.parametrize(
    "answer", [{}, [], 5, {"token": ""}, {"token": "a b"}, {"token": "\u00fc"}]
)
def test_a_response_without_a_token_is_refused(answer: Any) -> None:
    with pytest.raises(UpstreamRejectedToken, match="--login-token"):
        read_grant(answer, None, None, NOW)


def test_members_are_listed_but_no_values() -> None:
    answer = {"session": {"key": "secret-1", "anna@b.example": "secret-2"}, "user": "secret-3"}
    with pytest.raises(UpstreamRejectedToken) as raised:
        read_grant(answer, None, None, NOW)
    assert "session, session.key, user" in raised.value.message
    assert "secret" not in raised.value.message
    assert "anna" not in raised.value.message


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["data", "token", "expires_in", "access_token"]), inner
            )
        ),
    )
)
def test_any_response_is_read_or_refused(answer: Any) -> None:
    try:
        grant = read_grant(answer, None, None, NOW)
    except UpstreamRejectedToken:
        return
    assert grant.token.isascii()
    assert grant.seconds is None or 0 < grant.seconds <= 10_000_000


def response(status: int, body: bytes = b"", **headers: str) -> httpx.Response:
    """A response whose body comes in pieces, as from the network."""

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    return httpx.Response(status, content=pieces(), headers=headers)


def serving(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    return httpx.MockTransport(answer)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "location"),
    [
        (307, "https://other.example/login"),
        (307, "http://api.example/auth/login"),
        (308, "https://api.example:8443/auth/login"),
        (307, "//evil.example/login"),
        (302, "https://api.example/elsewhere"),
        (301, "/elsewhere"),
        (303, "/welcome"),
    ],
)
async def test_credentials_follow_no_redirect_elsewhere(status: int, location: str) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return response(status, location=location)

    with pytest.raises(UpstreamRejectedToken, match=rf"answers {status} and leads to"):
        await post_login(REQUEST, serving(answer))
    assert seen == [URL]


@pytest.mark.anyio
async def test_a_redirect_within_the_host_repeats_the_post() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/login":
            return response(308, location="/v2/login")
        return response(200, request.method.encode() + request.content)

    got = await post_login(REQUEST, serving(answer))
    assert got.body == b"POST" + REQUEST.body
    assert "sesame" not in repr(got) + repr(REQUEST)

    def circle(_: httpx.Request) -> httpx.Response:
        return response(307, location=URL)

    with pytest.raises(UpstreamRejectedToken, match="in a circle"):
        await post_login(REQUEST, serving(circle))


@pytest.mark.anyio
async def test_a_response_without_end_is_cut_off() -> None:
    with pytest.raises(UpstreamRejectedToken, match="more than 64 KiB"):
        await post_login(REQUEST, serving(lambda _: response(200, b" " * (MAX_ANSWER_BYTES + 1))))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError("open-sesame"), r"cannot be reached \(ConnectError\)"),
        (httpx.ReadTimeout("open-sesame"), "did not respond in time"),
    ],
)
async def test_a_login_that_cannot_be_reached_is_temporary(error: Exception, said: str) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(UpstreamUnavailable, match=said) as raised:
        await post_login(REQUEST, serving(fail))
    assert "sesame" not in repr(raised.value) + repr(raised.value.__context__)
