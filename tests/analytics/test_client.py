"""Retries, refusals and the secrecy of the token; nobody waits."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from gateway.analytics.read.circuit_breaker import BreakerPolicy
from gateway.analytics.read.client import RetryPolicy
from gateway.contract.model import RateLimit
from gateway.errors import (
    GatewayError,
    UpstreamBrokeContract,
    UpstreamDeniedAccess,
    UpstreamRejectedRequest,
    UpstreamRejectedToken,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from tests.analytics.small_contract import small_contract
from tests.analytics.upstream_app import FIRST_PAGE, TOKEN, Answer, Scene, ok

pytestmark = pytest.mark.anyio

OTHER_PAGE = replace(FIRST_PAGE, skip=5)
MINUTE = "Wed, 01 Jan 2025 00:17:40 GMT"  # sixty seconds after the scene begins


def status(code: int, text: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(code, json={"error": {"text": text}}, headers=named)


def throttled(answer: Answer) -> bool:
    """From the second time on calls go slowly, one a second at least."""
    return isinstance(answer, httpx.Response) and answer.status_code == 429


async def failure(scene: Scene) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        await scene.client.fetch(FIRST_PAGE)
    return raised.value


@pytest.mark.parametrize(
    "answer",
    [
        status(408),
        status(429),
        status(500),
        status(502),
        status(503),
        status(522),
        httpx.ReadTimeout("slow"),
        httpx.ConnectTimeout("slow"),
        httpx.PoolTimeout("slow"),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("peer closed connection"),
        httpx.DecodingError("bad gzip"),
        ok(b'{"rows":[{"id":"a'),
        ok(b'{"rows":[],"total":0'),
        ok(b'{"rows":[{"id":"\xff"}],"total":1}'),
        ok(b""),
        ok(b"<html>Just a moment...</html>"),
        ok(b'{"rows":[],"total":3}'),
    ],
    ids=repr,
)
async def test_what_may_pass_is_tried_again(answer: Answer) -> None:
    scene = Scene([answer, answer, ok()])
    assert (await scene.client.fetch(FIRST_PAGE)).total == 0
    assert scene.slept == [0.25, 1.0 if throttled(answer) else 0.5]
    assert {request.content for request in scene.sent} == {scene.sent[0].content}


@pytest.mark.parametrize(
    ("answer", "family", "word"),
    [
        (status(401, "jwt expired"), UpstreamRejectedToken, r"401\..*token-file"),
        (status(403, "no plan"), UpstreamDeniedAccess, r"403\..*administrator"),
        (status(400, "limit"), UpstreamRejectedRequest, r"400\..*check"),
        (status(404), UpstreamRejectedRequest, "404"),
        (status(302), UpstreamRejectedRequest, "302"),
        (httpx.Response(204), UpstreamBrokeContract, "answered 204 without a body"),
        (httpx.Response(205), UpstreamBrokeContract, "answered 205 without a body"),
        (ok(b"[]"), UpstreamBrokeContract, "check"),
        (ok(b'{"rows":null,"total":0}'), UpstreamBrokeContract, "rows"),
        (ok(b'{"items":[],"total":0}'), UpstreamBrokeContract, "rows"),
        (ok(b'{"rows":[],"total":-1}'), UpstreamBrokeContract, "total"),
        (ok(b'{"rows":[],"total":true}'), UpstreamBrokeContract, "total"),
    ],
    ids=repr,
)
async def test_what_will_not_pass_is_raised_at_once(
    answer: Answer, family: type[GatewayError], word: str
) -> None:
    scene = Scene([answer])
    with pytest.raises(family, match=word):
        await scene.client.fetch(FIRST_PAGE)
    assert (len(scene.sent), scene.slept) == (1, [])


@pytest.mark.parametrize(
    ("answer", "family", "word"),
    [
        (status(429, "slow down"), UpstreamThrottled, r"429$"),
        (status(500), UpstreamUnavailable, "500"),
        (httpx.ReadTimeout("x"), UpstreamUnavailable, "in time"),
        (httpx.ConnectError("x"), UpstreamUnavailable, "no connection"),
        (ok(b'{"rows":['), UpstreamUnavailable, "too early"),
        (ok(b""), UpstreamBrokeContract, "answered 200 without a body"),
        (httpx.Response(201), UpstreamBrokeContract, "answered 201 without a body"),
        (ok(b" \n"), UpstreamBrokeContract, "answered 200 without a body"),
        (ok(b"<html>", content_type="text/html"), UpstreamBrokeContract, "login or proxy"),
        (ok(b'{"rows":[],"total":7}'), UpstreamBrokeContract, r"`largest` of \[pages\]"),
    ],
    ids=repr,
)
async def test_what_does_not_pass_in_five_tries_is_named(
    answer: Answer, family: type[GatewayError], word: str
) -> None:
    scene = Scene([answer])
    with pytest.raises(family, match=word) as raised:
        await scene.client.fetch(FIRST_PAGE)
    assert type(raised.value) is family
    assert len(scene.sent) == 5
    assert scene.slept == ([0.25, 1.0, 1.0, 2.0] if throttled(answer) else [0.25, 0.5, 1.0, 2.0])


@pytest.mark.parametrize(
    ("header", "waits"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "0"}, 0.0),
        ({"Retry_After": MINUTE}, 60.0),
        ({"Retry_After": MINUTE, "Date": "Wed, 01 Jan 2025 00:17:30 GMT"}, 10.0),
        ({"Retry_After": "Wed, 01 Jan 2020 00:00:00 GMT"}, 0.0),
        ({"Retry_After": "soon"}, 0.25),
        ({"Retry_After": "-3"}, 0.25),
        ({"Retry_After": "1.5"}, 0.25),
        ({}, 0.25),
    ],
    ids=str,
)
@pytest.mark.parametrize("code", [429, 503])
async def test_the_upstream_says_how_long_to_wait(
    code: int, header: dict[str, str], waits: float
) -> None:
    scene = Scene([status(code, **header), ok()])
    await scene.client.fetch(FIRST_PAGE)
    assert scene.slept == [wait for wait in [waits] if wait]


@pytest.mark.parametrize(
    ("asked", "told"), [("61", 62), ("119", 120), ("121", 120), ("9" * 400, 120), (MINUTE, 61)]
)
async def test_a_wait_beyond_the_budget_is_passed_on_as_whole_seconds(
    asked: str, told: int
) -> None:
    scene = Scene([status(429, Retry_After=asked)], policy=RetryPolicy(budget=59))
    error = await failure(scene)
    assert dict(error.headers) == {"Retry-After": str(told)}
    assert (len(scene.sent), scene.slept) == (1, [])


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        (status(429), 0.25),
        (status(429, Retry_After="30"), 30.0),
        (status(503, Retry_After="30"), 30.0),
        (status(503), 0.0),
        (status(500, Retry_After="30"), 0.0),
    ],
    ids=repr,
)
async def test_other_requests_are_held_too(answer: httpx.Response, held: float) -> None:
    scene = Scene([answer, ok()], policy=RetryPolicy(tries=1))
    await failure(scene)
    await scene.client.fetch(OTHER_PAGE)
    assert scene.slept == [wait for wait in [held] if wait]


async def test_a_request_that_cannot_wait_for_the_told_moment_is_not_sent() -> None:
    scene = Scene([status(429, Retry_After="90")])
    await failure(scene)
    with pytest.raises(UpstreamThrottled, match="in 91 seconds") as raised:
        await scene.client.fetch(OTHER_PAGE)
    assert dict(raised.value.headers) == {"Retry-After": "91"}
    assert (len(scene.sent), scene.slept) == (1, [])


async def test_the_contract_s_limit_spaces_calls_and_a_renewed_token_s_call_counts() -> None:
    contract = replace(small_contract(), rate_limit=RateLimit(0.1, 2))
    scene = Scene([status(401), ok()], contract=contract, tokens=["old", "new"])
    for request in (FIRST_PAGE, OTHER_PAGE):
        await scene.client.fetch(request)
    assert (len(scene.sent), scene.slept) == (3, [10.0])


async def test_the_time_of_hanging_calls_counts() -> None:
    scene = Scene([httpx.ReadTimeout("x")], call_seconds=30.0)
    assert isinstance(await failure(scene), UpstreamUnavailable)
    assert len(scene.sent) == 2


async def test_pauses_double_up_to_the_longest() -> None:
    policy = RetryPolicy(9e9, 0.5, 3.0, tries=9, outage=BreakerPolicy(failures=99))
    scene = Scene([status(500)], policy=policy)
    await failure(scene)
    assert scene.slept == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0]


async def test_a_token_renewed_meanwhile_is_used_at_once() -> None:
    scene = Scene([status(401), ok()], tokens=["old", "new"])
    assert (await scene.client.fetch(FIRST_PAGE)).total == 0
    assert [r.headers["Authorization"] for r in scene.sent] == ["Bearer old", "Bearer new"]


async def test_a_renewed_token_that_is_refused_too_is_not_tried_again() -> None:
    scene = Scene([status(401)], tokens=["one", "two", "three", "four"])
    assert isinstance(await failure(scene), UpstreamRejectedToken)
    assert len(scene.sent) == 2


async def test_a_failure_is_remembered_for_the_same_request_only() -> None:
    scene = Scene([status(400), ok()], policy=RetryPolicy(remember_failure=5))
    first = await failure(scene)
    again = [await failure(scene) for _ in range(3)]
    assert len(scene.sent) == 1
    assert {(type(e), e.message) for e in again} == {(type(first), first.message)}
    await scene.client.fetch(FIRST_PAGE.__class__(FIRST_PAGE.pushdown, 0, 4, "changed"))
    scene.seconds += 5
    await scene.client.fetch(FIRST_PAGE)
    assert len(scene.sent) == 3


@pytest.mark.parametrize("code", [401, 403])
async def test_what_was_said_of_one_token_is_not_said_of_the_next(code: int) -> None:
    scene = Scene([status(code), status(code), ok()])
    first = await failure(scene)
    assert str(await failure(scene)) == str(first)
    assert len(scene.sent) == 1
    scene.tokens = ["renewed"]
    assert await failure(scene)
    assert len(scene.sent) == 2
    scene.tokens = ["renewed again"]
    await scene.client.fetch(FIRST_PAGE)
    assert len(scene.sent) == 3


async def test_a_remembered_failure_does_not_grow_and_says_how_long_to_wait() -> None:
    scene = Scene([status(429, Retry_After="100")])
    depths = []
    for _ in range(4):
        error = await failure(scene)
        assert dict(error.headers) == {"Retry-After": "101"}
        depths.append(len(traceback.extract_tb(error.__traceback__)))
    assert len(scene.sent) == 1
    assert len(set(depths[1:])) == 1
    assert error.__cause__ is None
    assert error.__context__ is None


def chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [found.__cause__, found.__context__]


@pytest.mark.parametrize(
    "answer",
    [
        status(401),
        status(403),
        status(429),
        status(500),
        ok(b"{"),
        ok(b'{"rows":7}'),
        httpx.ReadTimeout("x"),
        httpx.ConnectError("x"),
    ],
    ids=repr,
)
async def test_no_failure_shows_the_token(answer: Answer) -> None:
    await _never_shows(Scene([answer]), TOKEN)


@pytest.mark.parametrize("end", ["\n", "\r\nX: y", "\0", "é", "\u2028", "\ud800"])
async def test_a_token_that_no_header_can_carry_asks_nobody_and_is_not_shown(end: str) -> None:
    scene = Scene([ok()], tokens=[TOKEN + end + "z"])
    await _never_shows(scene, TOKEN)
    assert scene.sent == []


@pytest.mark.parametrize("token", ["", " ", "\n"])
async def test_an_empty_token_asks_nobody(token: str) -> None:
    scene = Scene([ok()], tokens=[token])
    assert isinstance(await failure(scene), UpstreamRejectedToken)
    assert scene.sent == []


async def _never_shows(scene: Scene, secret: str) -> None:
    for _ in range(2):  # the second is the remembered one
        error = await failure(scene)
        for link in chain(error):
            assert secret not in f"{link!r} {link} {link.args}"
        assert secret not in "".join(traceback.format_exception(error))


async def test_a_page_carries_the_upstream_s_clock() -> None:
    scene = Scene([ok(Date="Wed, 01 Jan 2025 12:00:00 GMT"), ok(Date="soon")])
    assert (await scene.client.fetch(FIRST_PAGE)).date == datetime(2025, 1, 1, 12, tzinfo=UTC)
    assert (await scene.client.fetch(FIRST_PAGE)).date is None


@pytest.mark.parametrize(
    "body", [b'{"error":"text"}', b'{"error":null}', b"[1]", b"{", b"\xff", b"[" * 99_999, b""]
)
async def test_an_error_body_of_any_shape_is_survived(body: bytes) -> None:
    scene = Scene([httpx.Response(400, content=body)])
    assert (await failure(scene)).message.startswith("the Analytics API answered 400.")


@pytest.mark.parametrize("code", [400, 401, 403, 429, 500])
async def test_the_upstream_s_words_are_a_detail_and_shortened(code: int) -> None:
    error = await failure(Scene([status(code, "x" * 5000)]))
    assert "xxx" not in error.message
    [detail] = error.details
    assert detail.endswith("says: " + "x" * 200)


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
async def test_words_that_repeat_the_token_come_without_it(status: int) -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        said = f"bad {request.headers['Authorization']} in {TOKEN.split('.')[2]}" + "x" * 300
        return httpx.Response(status, json={"error": {"text": said}})

    error = await failure(Scene([echo]))
    [detail] = error.details
    assert "[token]" in detail
    for part in (TOKEN, *TOKEN.split(".")[1:]):
        assert part not in detail + error.message


START = datetime(2025, 1, 1, 0, 16, 40, tzinfo=UTC).timestamp()  # by the scene's clock


@pytest.mark.parametrize(
    ("headers", "held"),
    [
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20"}, 20.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{START + 20:.0f}"}, 20.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{(START + 20) * 1000:.0f}"}, 20.0),
        ({"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "7.5"}, 7.5),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "20"}, 20.0),
        ({"RateLimit": "limit=60, remaining=0, reset=20"}, 20.0),
        ({"RateLimit": '"default";r=0;t=20'}, 20.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "86400"}, 50.0),
        ({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "20"}, 0.0),
        ({"X-RateLimit-Remaining": "0"}, 0.0),
        ({"X-RateLimit-Remaining": "none", "X-RateLimit-Reset": "soon"}, 0.0),
        ({"X-RateLimit-Reset": "20"}, 0.0),
    ],
)
async def test_calls_wait_when_none_is_left(headers: dict[str, str], held: float) -> None:
    first = ok()
    first.headers.update(headers)
    scene = Scene([first, ok()])
    await scene.client.fetch(FIRST_PAGE)
    await scene.client.fetch(OTHER_PAGE)
    assert [round(wait, 1) for wait in scene.slept] == ([held] if held else [])


async def test_a_refusal_for_the_rate_says_by_its_reset_how_long_to_wait() -> None:
    refused = status(429, X_RateLimit_Reset="30")
    scene = Scene([refused, ok()])
    await scene.client.fetch(FIRST_PAGE)
    assert scene.slept == [30.0]


@pytest.mark.parametrize(
    ("answer", "is_smaller"),
    [
        (status(413), True),
        (status(400, "limit must not be greater than 100"), True),
        (status(422, "page size is too large"), True),
        (status(400, "orderBy is unknown"), False),
        (status(404), False),
        (status(504), True),
        (status(500), False),
        (httpx.ReadTimeout("late"), True),
        (httpx.ConnectError("down"), False),
    ],
    ids=repr,
)
async def test_an_error_says_whether_a_smaller_page_may_help(
    answer: Answer, *, is_smaller: bool
) -> None:
    assert (await failure(Scene([answer]))).wants_smaller_page is is_smaller
