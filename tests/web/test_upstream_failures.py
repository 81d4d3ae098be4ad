"""Failures of the Analytics API, as a BI client gets to know them through the whole gateway."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.contract.loader import built_in_contract
from gateway.sandbox import Dataset, Faults, create_sandbox, make_token
from tests.support.crooked import crooked, rewrites
from tests.support.live import SECRET, Bridge, bridge, running, served
from tests.support.wire import WireAnswer, send

RESULTS = "/odata/v4/Results"
SECOND_NUMBER = 2
"""Calls of an extract for the totals of its two halves."""
ONE_PAGE = f"{RESULTS}?$filter=state%20eq%20'FAILED'"
"""Answered by one call to the upstream."""
QUESTIONS = [RESULTS, f"{RESULTS}?$top=5", f"{RESULTS}/$count", f"{RESULTS}('x')"]
PATIENT: dict[str, object] = {"retry_budget": 10, "upstream_timeout": 5}
HASTY: dict[str, object] = {"retry_budget": 0, "upstream_timeout": 0.3}


@contextmanager
def failing(dataset: Dataset, settings: Mapping[str, object], **switches: Any) -> Iterator[Bridge]:
    """A gateway whose upstream goes wrong."""
    with bridge(dataset, settings=settings, faults=Faults(**switches)) as gateway:
        yield gateway


def refused(answer: WireAnswer, status: int) -> str:
    """The message of an error that is whole, in OData's form, and of this status."""
    assert answer.status == status, answer.text
    assert answer.header("Content-Length") == str(len(answer.body))
    assert answer.header("WWW-Authenticate") is None
    assert list(answer.json()) == ["error"]
    message: str = answer.json()["error"]["message"]
    return message


def retry_after(answer: WireAnswer) -> int:
    """Whole seconds, as Power Query wants them."""
    text = answer.header("Retry-After")
    assert text is not None
    assert text.isdigit()
    return int(text)


# --- what passes ----------------------------------------------------------------------------------


def test_a_throttled_call_is_repeated_after_the_time_that_was_asked_for(dataset: Dataset) -> None:
    with failing(dataset, PATIENT, rate_limit_next=1, retry_after_seconds=1) as gateway:
        started = time.monotonic()
        assert send(gateway.root, ONE_PAGE).status == 200
        assert time.monotonic() - started >= 1.0
        assert len(gateway.sandbox.received) == 2 + SECOND_NUMBER


@pytest.mark.parametrize(
    "switches",
    [
        {"rate_limit_next": 1, "retry_after_seconds": 0},
        {"rate_limit_next": 1, "retry_after_seconds": None},
        {"rate_limit_next": 1, "retry_after_as_date": True},
        {"error_next": 1, "error_status": 500},
        {"error_next": 1, "error_status": 502},
        {"error_next": 1, "error_status": 503},
        {"error_next": 1, "error_status": 504},
        {"truncate_next": 1},
        {"hang_next": 1, "hang_seconds": 2.0},
        {"hang_next": 1, "hang_seconds": 2.0, "hang_after_headers": True},
    ],
    ids=str,
)
def test_a_failure_that_passes_is_not_seen_by_the_client(
    dataset: Dataset, switches: dict[str, object]
) -> None:
    settings = {**PATIENT, "upstream_timeout": 0.3}
    with failing(dataset, settings, **switches) as gateway:
        answer = send(gateway.root, ONE_PAGE)
        assert answer.status == 200, answer.text
        assert {row["state"] for row in answer.json()["value"]} == {"FAILED"}
        assert len(gateway.sandbox.received) == 2 + SECOND_NUMBER


def test_failures_amid_an_extract_neither_lose_nor_double_rows(dataset: Dataset) -> None:
    with failing(dataset, PATIENT, rate_limit_every=2, retry_after_seconds=0) as gateway:
        keys = [row["id"] for row in gateway.feed("Results?$select=id")]
    assert sorted(keys) == sorted(str(row["id"]) for row in dataset.to_rows())


# --- what does not pass ---------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "told"), [(90, range(90, 121)), (4_000, range(120, 121))])
def test_throttling_beyond_the_budget_becomes_503_with_whole_seconds(
    dataset: Dataset, asked: int, told: range
) -> None:
    settings = {"retry_budget": 2}
    with failing(dataset, settings, rate_limit_next=9, retry_after_seconds=asked) as gateway:
        started = time.monotonic()
        answer = send(gateway.root, RESULTS)
        assert time.monotonic() - started < 1.0  # what cannot be waited for is not waited for
        assert "429" in refused(answer, 503)
        assert retry_after(answer) in told


@pytest.mark.parametrize(
    ("switches", "word"),
    [
        ({"error_next": 99, "error_status": 500}, "500"),
        ({"error_next": 99, "error_status": 503}, "503"),
        ({"truncate_next": 99}, "try"),
        ({"hang_next": 99, "hang_seconds": 2.0}, "in time"),
        ({"hang_next": 99, "hang_seconds": 2.0, "hang_after_headers": True}, "try"),
    ],
    ids=str,
)
def test_a_failure_that_stays_becomes_503_with_the_reason(
    dataset: Dataset, switches: dict[str, object], word: str
) -> None:
    with failing(dataset, HASTY, **switches) as gateway:
        for question in QUESTIONS:
            answer = send(gateway.root, question)
            assert word in refused(answer, 503)
            assert 1 <= retry_after(answer) <= 120


def test_a_feed_that_breaks_after_its_first_upstream_page_sends_no_row(dataset: Dataset) -> None:
    """Law: no 200 that cannot be finished. The second page of two is refused for good."""
    settings = {"retry_budget": 0}
    with failing(dataset, settings, rate_limit_every=2, retry_after_seconds=60) as gateway:
        answer = send(gateway.root, RESULTS)
        assert len(gateway.sandbox.received) == 2
        refused(answer, 503)
        assert b'"value"' not in answer.body


def test_an_upstream_that_is_not_there_is_503() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with served(f"http://127.0.0.1:{port}", HASTY) as root:
        answer = send(root, RESULTS)
        assert "Analytics API" in refused(answer, 503)
        assert 1 <= retry_after(answer) <= 120
        assert send(root, "/odata/v4/").status == 200
        assert send(root, "/odata/v4/$metadata").status == 200


def test_the_service_is_well_again_as_soon_as_its_upstream_is(dataset: Dataset) -> None:
    with failing(dataset, HASTY, error_next=99) as gateway:
        refused(send(gateway.root, f"{RESULTS}?$top=5"), 503)
        gateway.sandbox.faults.turn_off()
        assert send(gateway.root, f"{RESULTS}?$top=6").status == 200


# --- the gateway's own token ----------------------------------------------------------------------

Tokens = Callable[[], str]


@pytest.mark.parametrize(
    ("token", "word"),
    [
        (lambda: make_token(SECRET, expires_in_seconds=-60), "expired"),
        (lambda: make_token("another secret of thirty-two bytes"), "401"),
        (lambda: "not-a-token", "401"),
    ],
    ids=["expired", "forged", "no token at all"],
)
def test_a_bad_token_of_the_gateway_is_never_401_for_its_clients(
    dataset: Dataset, tmp_path: Path, token: Tokens, word: str
) -> None:
    """401 would make Power BI throw away the analyst's own credentials."""
    text = token()
    for answer in _asked_with(text, dataset, tmp_path):
        message = refused(answer, 502)
        assert word in message
        assert "401" in message
        assert "owner" in message
        assert text not in answer.text


def test_a_workspace_without_access_is_502_with_the_upstream_s_own_words(
    dataset: Dataset, tmp_path: Path
) -> None:
    for answer in _asked_with(make_token(SECRET, access=False), dataset, tmp_path):
        assert "403" in refused(answer, 502)
        error = answer.json()["error"]
        assert error["code"] == "UpstreamDeniedAccess"
        assert "API access is not enabled for this workspace" in error["details"][0]["message"]


@pytest.mark.parametrize("text", ["", "\n", "two\nlines", "ünicode"])
def test_a_token_file_without_a_token_asks_nobody(
    dataset: Dataset, tmp_path: Path, text: str
) -> None:
    for answer in _asked_with(text, dataset, tmp_path):
        assert "--token-file" in refused(answer, 502)


def test_a_renewed_token_needs_no_restart(dataset: Dataset, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(make_token(SECRET, expires_in_seconds=-60), "utf-8")
    with bridge(dataset, settings={**HASTY, "token_file": str(token_file)}) as gateway:
        refused(send(gateway.root, f"{RESULTS}?$top=5"), 502)
        token_file.write_text(make_token(SECRET), "utf-8")
        assert send(gateway.root, f"{RESULTS}?$top=6").status == 200


def _asked_with(token: str, dataset: Dataset, folder: Path) -> list[WireAnswer]:
    token_file = folder / "token"
    token_file.write_text(token, "utf-8")
    with bridge(dataset, settings={**HASTY, "token_file": str(token_file)}) as gateway:
        return [send(gateway.root, question) for question in QUESTIONS]


# --- an upstream that does not fit its contract ---------------------------------------------------


@pytest.mark.parametrize("shape", ["envelope", "no-total", "array", "types"])
def test_an_answer_of_another_shape_is_502_and_names_the_command_that_helps(
    dataset: Dataset, shape: str
) -> None:
    with failing(dataset, PATIENT, wrong_shape_next=99, wrong_shape=shape) as gateway:
        for question in QUESTIONS:
            assert "skillhabit-odata check" in refused(send(gateway.root, question), 502)
        assert len(gateway.sandbox.received) <= len(QUESTIONS)  # asking again would not help


def test_a_web_page_in_place_of_an_answer_is_refused(dataset: Dataset) -> None:
    """As a firewall or a sign-in page in between sends it, with status 200."""
    with failing(dataset, HASTY, wrong_shape_next=99, wrong_shape="html") as gateway:
        answer = send(gateway.root, RESULTS)
        assert answer.status in (502, 503)
        assert answer.json()["error"]["message"]


def test_a_value_outside_its_closed_set_is_refused_without_naming_it(
    dataset: Dataset, tmp_path: Path
) -> None:
    """Passed on, it would be lost by every pushed filter that names the other values."""
    contract, rows = tmp_path / "contract.toml", dataset.to_rows()[:3]
    text = built_in_contract().replace('\nvalues = ["NOT', '\nclosed = true\nvalues = ["NOT')
    contract.write_text(text, "utf-8")
    settings = {"contract": str(contract)}
    with bridge([*rows[:2], {**rows[2], "state": "ARCHIVED"}], settings=settings) as gateway:
        message = refused(send(gateway.root, RESULTS), 502)
    assert "ARCHIVED" not in message
    assert "column state" in message


def test_null_where_the_contract_excludes_it_is_refused_by_name(dataset: Dataset) -> None:
    rows = dataset.to_rows()[:3]
    with bridge([*rows[:2], {**rows[2], "updatedAt": None}]) as gateway:
        assert "updatedAt" in refused(send(gateway.root, RESULTS), 502)


# --- texts with half of a character ---------------------------------------------------------------


@contextmanager
def retold(dataset: Dataset, change: Callable[[list[dict[str, Any]]], None]) -> Iterator[Bridge]:
    """A gateway whose upstream sends other rows than it has, written as JavaScript writes them."""
    sandbox = create_sandbox(dataset, secret=SECRET)
    with (
        running(sandbox, date_header=False) as upstream,
        crooked(upstream) as relay,
        served(relay.url, HASTY | {"upstream_timeout": 10}) as root,
        httpx.Client(timeout=30) as client,
    ):
        relay.misdeed = rewrites(lambda answer: change(answer["results"]))
        yield Bridge(root, upstream, sandbox, client)


def _cut_a_name(rows: list[dict[str, Any]]) -> None:
    for row in rows[:1]:
        row["user"]["name"] = "Zoe \ud83d"


def _cut_two_ids(rows: list[dict[str, Any]]) -> None:
    for row, half in zip(rows, ("\ud83d", "\ud83e"), strict=False):
        row["user"]["id"] = f"zoe {half}"


FEEDS = ("Results", "Users", "Contents?$top=5", "Results?$format=csv", "Results?$search=Zoe")


def test_a_name_that_was_cut_in_an_emoji_takes_no_feed_away(dataset: Dataset) -> None:
    with retold(dataset, _cut_a_name) as gateway:
        for feed in FEEDS:
            assert gateway.get(feed).status_code == 200, feed
        found = gateway.feed("Results?$filter=userName%20eq%20'Zoe%20%EF%BF%BD'")
        assert {row["userName"] for row in found} == {"Zoe \ufffd"}


def test_two_ids_that_are_cut_to_the_same_are_refused_for_good(dataset: Dataset) -> None:
    with retold(dataset, _cut_two_ids) as gateway:
        for feed in FEEDS:
            answer = gateway.get(feed)
            assert answer.status_code == 502, feed
            assert "two values of userId" in answer.json()["error"]["message"]
            assert "Retry-After" not in answer.headers
