"""What pages say, over a real socket: only what is at hand, only what the caller may see."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from gateway.pages.languages import read_texts
from gateway.sandbox import Dataset, Faults, generate
from tests.support.live import Bridge, bridge
from tests.tenancy.support import House, house, sandbox

HTML = {"Accept": "text/html"}
PATHS = (
    "/",
    "/insights",
    "/rows?table=Users",
    "/person?id=usr-000001",
    "/content?id=cnt-0001",
    "/dashboard",
    "/connect",
    "/query",
    "/status",
    "/requests",
    "/explain/Results",
)
BOLD = {
    "id": "r",
    "state": "FAILED",
    "enrollmentType": "OPTIONAL",
    "progress": 5,
    "updatedAt": "2025-01-02T03:04:05Z",
    "user": {"id": "u", "name": "u", "groups": []},
    "content": {"id": "c", "name": "<b>bold</b>", "type": "course"},
}
ROLES = """
[roles.no-state]
hide = ["state"]
[roles.berlin]
rows = "groupIds/any(g:g eq 'grp-01')"
[roles.totals]
sets = ["Statistics", "ResultRows"]
"""


@pytest.fixture(scope="module")
def empty(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway that has read nothing yet."""
    with bridge(dataset) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def roles() -> Iterator[House]:
    with sandbox(generate(300, seed=5)) as upstream, house(upstream, ROLES) as found:
        assert found.odata("Results?$orderby=progress&$top=1").status_code == 200
        yield found


@pytest.mark.parametrize("path", PATHS)
def test_looking_sets_nothing_in_motion(empty: Bridge, path: str) -> None:
    answer = page(empty, path)
    assert answer.status_code == 200
    assert empty.get("../../status").json() == {"snapshots": [], "extracts": []}
    assert not empty.sandbox.received


def test_the_button_reads_the_data_and_the_page_tells_of_it(dataset: Dataset) -> None:
    with bridge(dataset) as gateway:
        assert read_texts().state.none in page(gateway, "/").text
        base = gateway.root.removesuffix("/odata/v4/")
        gateway.client.post(f"{base}/read-now", headers={"Origin": base})
        until(lambda: '"count">2,000 rows' in page(gateway, "/").text)
        asked = len(gateway.sandbox.received)
        assert read_texts().names.APPROVED in page(gateway, "/dashboard").text
        assert len(gateway.sandbox.received) == asked


def test_a_page_shows_a_copy_that_is_too_old_for_a_feed(dataset: Dataset) -> None:
    settings = {"fresh_for": 0, "stale_if_error": 0}
    with bridge(dataset, settings=settings) as gateway:
        gateway.feed("Results?$select=id")
        asked = len(gateway.sandbox.received)
        until(lambda: "2,000 rows" in page(gateway, "/").text)
        assert "data-kind" in page(gateway, "/dashboard").text
        assert len(gateway.sandbox.received) == asked


def test_a_failure_is_told_until_an_extract_has_been_made(dataset: Dataset) -> None:
    trouble = read_texts().state.trouble
    with bridge(dataset, faults=Faults(wrong_shape_next=1)) as gateway:
        assert gateway.get("Results?$orderby=progress").status_code == 502
        assert trouble in page(gateway, "/").text
        until(lambda: gateway.get("Results?$orderby=progress").status_code == 200)  # it is held
        assert trouble not in page(gateway, "/").text


def test_a_copy_is_no_good_news_while_the_last_attempt_failed(dataset: Dataset) -> None:
    with bridge(dataset, settings={"fresh_for": 0, "stale_if_error": 3600}) as gateway:
        gateway.feed("Results?$select=id")
        assert 'class="dot good"' in page(gateway, "/").text
        gateway.sandbox.faults.wrong_shape_next = 1
        gateway.get("Results?$select=id")
        until(lambda: read_texts().state.trouble in page(gateway, "/").text)
        assert 'class="dot aged"' in page(gateway, "/").text


def test_a_plan_says_first_what_happens_now_and_in_the_same_words(live: Bridge) -> None:
    live.feed("Results?$select=id")
    labels = [
        re.findall("<dt>([^<]+)</dt>", page(live, path).text)
        for path in ("/explain/Results?$top=5", "/query?url=Results?$top=5")
    ]
    assert labels[0] == labels[1]
    assert labels[0][0] == read_texts().explain.snapshot


def test_browsers_find_the_logo_where_they_look_for_it(live: Bridge) -> None:
    answer = page(live, "/favicon.ico")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "<svg" in answer.text


def test_every_table_and_column_is_listed(live: Bridge) -> None:
    text = page(live, "/").text
    for found in live.get("").json()["value"]:
        assert f'id="{found["name"]}"' in text
    for name in ("expiryDate", "groupIds", "partitionDigest", "NOT_STARTED", "department"):
        assert f"<code>{name}</code>" in text


def test_pages_say_which_conditions_go_upstream(live: Bridge) -> None:
    text, words = page(live, "/").text, read_texts().home
    results = text.partition('id="Results"')[2].partition("</details>")[0]
    rows = {re.findall(r"<code>(\w+)</code>", r)[0]: r for r in results.split("<tr>")[2:]}
    for name, row in rows.items():
        plan = live.get(f"../../explain/Results?$filter={condition(name)}").json()
        assert (words.upstream in row) == (plan["pushdown"] != "nothing: all rows"), name


def test_what_the_data_says_stays_text() -> None:
    with bridge([BOLD]) as gateway:
        gateway.feed("Results?$select=id")
        text = page(gateway, "/dashboard").text
    assert "&lt;b&gt;bold&lt;/b&gt;" in text
    assert "<b>bold" not in text


def test_a_role_sees_its_own_numbers_and_no_others(roles: House) -> None:
    own = roles.odata("Results/$count", "default/berlin").text
    everything = roles.odata("Results/$count").text
    assert own != everything
    home = roles.ask("/", "default/berlin", headers=HTML).text
    until(lambda: f"{own} rows" in roles.ask("/", "default/berlin", headers=HTML).text)
    assert everything not in home
    status = roles.ask("/status", "default/berlin", headers=HTML).text
    assert everything not in status


def test_a_chart_says_that_its_columns_are_hidden(roles: House) -> None:
    answer = roles.ask("/dashboard", "default/no-state", headers=HTML)
    assert answer.status_code == 200
    words = read_texts()
    assert words.dashboard.hidden in answer.text
    assert words.names.MANDATORY in answer.text  # of another chart, which needs no state
    assert words.names.APPROVED not in answer.text


def test_the_last_queries_are_a_page_without_literals(roles: House) -> None:
    roles.odata("Results?$filter=userName eq 'Jane Doe'&$top=1")
    roles.odata("Results?$filter=nothing eq 1")
    text = unescape(roles.ask("/requests", headers=HTML).text)
    assert "Results?$filter=userName eq ?" in text
    assert "Jane Doe" not in text
    assert "UnknownName" in text
    programs = roles.ask("/requests").json()["requests"]
    assert text.count('class="asked"') == len(programs)


def test_only_who_sees_all_is_led_to_the_last_queries(roles: House) -> None:
    assert 'href="/requests"' in roles.ask("/status", headers=HTML).text
    assert 'href="/requests"' not in roles.ask("/status", "default/berlin", headers=HTML).text
    answer = roles.ask("/requests", "default/berlin", headers=HTML)
    assert answer.status_code == 403
    assert "without a role" in answer.text
    assert "<table" not in answer.text


def test_pages_tell_how_long_it_took_as_feeds_do(live: Bridge) -> None:
    for path in ("/dashboard", "/query?table=Users"):
        answer = page(live, path)
        assert re.search(r"\bin \d[\d.]* m?s\b", answer.text), path
        assert "query;dur=" in answer.headers["server-timing"]


def test_who_sees_few_tables_gets_a_page_of_them(roles: House) -> None:
    text = roles.ask("/", "default/totals", headers=HTML).text
    assert 'id="Statistics"' in text
    assert 'id="Results"' not in text
    assert 'id="ResultRows"' in text


def test_an_error_is_a_page_for_people(live: Bridge) -> None:
    answer = page(live, "/explain/Resultz")
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]
    assert "Resultz" in answer.text
    assert page(live, "/explain/<i>").text.count("<i>") == 0


def test_without_the_key_a_browser_is_asked_for_it(dataset: Dataset, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("the-key", "utf-8")
    with bridge(dataset, settings={"access_key_file": str(key)}) as gateway:
        for path in PATHS:
            answer = page(gateway, path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic")
            assert "content-security-policy" in answer.headers
        base = gateway.root.removesuffix("/odata/v4/")
        assert gateway.client.get(base, headers=HTML, auth=("me", "the-key")).status_code == 200


def page(gateway: Bridge, path: str) -> httpx.Response:
    return gateway.client.get(gateway.root.removesuffix("/odata/v4/") + path, headers=HTML)


def condition(name: str) -> str:
    """A condition on a column that the Analytics API might take."""
    if name == "groupIds":
        return "groupIds/any(g:g eq 'a')"
    if name in ("updatedAt", "startedAt", "completedAt", "expiryDate", "certificateIssuedAt"):
        return f"{name} lt 2020-01-01T00:00:00Z"
    values = {"state": "'FAILED'", "enrollmentType": "'OPTIONAL'", "progress": "5"}
    return f"{name} eq {values.get(name, chr(39) + 'a' + chr(39))}"


def until(found: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)
