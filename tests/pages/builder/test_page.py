"""The page of the query builder over a real socket, and what may be taken away from it."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest

from gateway.cli.queries import KEY_VARIABLE
from gateway.sandbox import Dataset, generate
from tests.docs.render import ROOT
from tests.support.live import Bridge, bridge
from tests.tenancy.support import House, house, sandbox

KEY = "open sesame, says the key"
FAILED = "Results?$filter=state eq 'FAILED' and contains(contentName,'a')&$orderby=id&$top=40"


def test_the_form_and_its_url_as_json(live: Bridge) -> None:
    by_url = _json(live, url=FAILED)
    assert by_url["problem"] is None
    assert by_url["form"]["conditions"][0] == {
        "column": "state",
        "operator": "eq",
        "values": ["FAILED"],
    }
    assert by_url["form"]["order"] == [{"name": "id", "descending": False}]
    back = live.client.get(_base(live) + "/query.json", params=[tuple(f) for f in by_url["fields"]])
    assert back.json() == by_url
    assert live.client.get(by_url["url"]).json()["value"]


def test_the_place_of_a_mistake_is_told_as_data(live: Bridge) -> None:
    problem = _json(live, url="Results?$filter=state == 'FAILED'")["problem"]
    assert (problem["code"], problem["target"]) == ("InvalidSyntax", "$filter")
    assert problem["text"][problem["position"] :].startswith("== 'FAILED'")


def test_the_documentation_names_the_members_and_its_command_works(live: Bridge) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    page = (ROOT / "docs" / "query-builder.md").read_text("utf-8")
    command = re.search("```\n(curl .*)\n```", page)
    assert command is not None
    script = command[1].replace("http://127.0.0.1:8000", _base(live))
    told = json.loads(_run(["/bin/sh", "-c", f"{script} -sS"]))
    named = re.findall("`(\\w+)`", page.partition("|---|---|")[2].partition("There is one")[0])
    assert set(told) <= set(named)
    assert told["form"]["top"] == 5


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "Results?$filter=stat eq 'A'"}, "did you mean state?"),
        ({"url": "https://elsewhere.example/x"}, "another service"),
        ({"url": "Results?$filter=" + "1 eq 1 and " * 2000 + "true"}, "longer than 16384 bytes"),
        ({"table": "Salaries"}, "no table 'Salaries'"),
        ({"c0.column": "salary", "c0.is": "eq", "c0.value": "1"}, "no column 'salary'"),
        ({"top": "many"}, "$top: not a whole number"),
        ({"other": "$top=1\n$top=2"}, "$top: given twice"),
        (
            {"c0.column": "odata", "c0.is": "odata", "c0.value": "state == 1"},
            "condition 1: '==' is no",
        ),
        ({"rest": "/nosuch"}, "nosuch"),
    ],
)
def test_what_cannot_be_answered_is_said(live: Bridge, fields: dict[str, str], words: str) -> None:
    answer = live.client.get(_base(live) + "/query", params=fields)
    assert answer.status_code == 200
    assert words in html.unescape(answer.text)
    assert words in _json(live, **fields)["problem"]["message"]


def test_a_query_string_that_no_browser_sends_is_refused(live: Bridge) -> None:
    for raw in ("a=%ff", "&".join("a=" for _ in range(5_000))):
        assert live.client.get(f"{_base(live)}/query?{raw}").status_code == 400


@pytest.mark.parametrize(
    "url",
    ["Results/$count", "Results?$apply=concat(identity,identity)&$top=2", "$metadata", "Users"],
)
def test_what_the_form_has_no_place_for_is_answered_all_the_same(live: Bridge, url: str) -> None:
    told = _json(live, url=url)
    assert told["problem"] is None
    assert told["url"] == live.root + url.replace(" ", "%20")
    assert told["form"] is not None or "edit the URL" in told["unshown"]


def test_values_are_listed_with_the_names_that_people_know(live: Bridge) -> None:
    groups = {row["id"]: row["name"] for row in live.feed("Groups")}
    page = _page(live, url="Results?$filter=groupIds/any(x:x in ('grp-01','gone'))")
    shown = dict(re.findall(r'name="c0\.value" id="\S+" value="([^"]+)"( checked)?', page))
    assert set(shown) == {*groups, "gone"}
    assert {value for value, checked in shown.items() if checked} == {"grp-01", "gone"}
    assert html.escape(groups["grp-06"]).replace("&#x27;", "&#39;") in page


def test_long_lists_are_cut(live: Bridge) -> None:
    page = _page(live, url="ResultRows?$filter=id in ('gone')")
    boxes = re.findall(r'type="checkbox" name="c0\.value"', page)
    assert len(boxes) == 201  # with the one that is chosen
    assert 'name="c0.lines"' in page


def test_no_text_becomes_markup(live: Bridge) -> None:
    evil = "</textarea><script>alert('x')</script>\"'"
    told = evil.replace("'", "''")
    for url in (f"Results?$search={told}", f"Results?$filter=userName eq '{told}'", evil):
        page = _page(live, url=url)
        assert "<script>alert" not in page
        assert page.count("</textarea>") == page.count("<textarea")


def test_nothing_is_read_from_the_analytics_api_by_looking(dataset: Dataset) -> None:
    with bridge(dataset) as gateway:
        base = _base(gateway)
        for path in ("/query", f"/query?url={quote(FAILED)}", f"/query.json?url={quote(FAILED)}"):
            assert gateway.client.get(base + path).status_code == 200
        told = gateway.client.get(f"{base}/status").json()
        assert told == {"snapshots": [], "extracts": []}
        pressed = gateway.client.post(f"{base}/query/read-now?url=Users", headers={"Origin": base})
        assert pressed.headers["location"] == "/query?url=Users"
        elsewhere = {"Origin": "https://elsewhere.example"}
        assert gateway.client.post(f"{base}/query/read-now", headers=elsewhere).status_code == 403


@pytest.mark.parametrize(
    ("question", "url", "told"),
    [
        (
            "Results?$filter=state eq 'FAILED' and progress gt 5&$select=id,state&$top=3",
            "ResultRows?$filter=state eq 'FAILED' and progress gt 5&$top=3&$select=id,state",
            "",
        ),
        (
            "Results?$filter=state eq 'A' and userName ne 'x'&$orderby=state,userName&$count=true",
            "UserStatistics?$filter=userName ne 'x'&$count=true&$orderby=userName",
            "state",
        ),
        (
            "Results?$apply=groupby((userName,state),aggregate(progress with sum as s))",
            "UserStatistics?$apply=groupby((userName))",
            "state, s.",
        ),
        ("Results/$count?$filter=progress gt 5", "ResultRows/$count?$filter=progress gt 5", ""),
        ("Results('a')?$select=userId", "UserStatistics?$select=userId", "('a')"),
    ],
)
def test_another_table_keeps_what_it_has_and_names_the_rest(
    live: Bridge, question: str, url: str, told: str
) -> None:
    fields = [tuple(f) for f in _json(live, url=question)["fields"] if f[0] != "table"]
    table = url.partition("?")[0].partition("/")[0]
    answer = live.client.get(_base(live) + "/query.json", params=[*fields, ("table", table)])
    found = answer.json()
    assert _parts(found["url"]) == _parts(live.root + url)
    assert len(found["notes"]) == bool(told)
    assert all(told in note for note in found["notes"])


def test_a_wrong_value_stays_where_it_is_and_the_last_good_url_too(live: Bridge) -> None:
    fields = {"table": "Results", "top": "abc", "last": "Results?$top=5"}
    page = _page(live, **fields)
    assert 'name="top" inputmode="numeric" size="7" autocomplete="off" value="abc"' in page
    assert _within(page, "textarea", "other") == ""
    assert _within(page, "textarea", "url") == f"{live.root}Results?$top=5"
    assert 'id="url-old" hidden' not in page
    again = re.search(r'data-here="([^"]+)"', page)
    assert again is not None
    same = live.client.get(_base(live) + html.unescape(again[1])).text
    assert _within(same, "textarea", "url") == f"{live.root}Results?$top=5"
    assert 'value="abc"' in same
    assert 'id="url-old" hidden' in _page(live, table="Results", top="5")


@pytest.mark.parametrize("query", ["$top=2", "$filter=nothing eq 1"])
def test_a_url_of_another_gateway_becomes_one_of_this(live: Bridge, query: str) -> None:
    theirs = "http://evil.example/odata/v4/Users"
    page = _page(live, url=f"{theirs}?{query}")
    assert page.count("evil.example") == 1  # where it is told
    assert f"{theirs} is not this gateway" in page
    assert _within(page, "textarea", "url").startswith(f"{live.root}Users?$")
    assert theirs in _json(live, url=f"{theirs}?{query}")["notes"][0]


def _parts(url: str) -> tuple[str, set[str]]:
    path, _, query = unquote(url).partition("?")
    return path, set(query.split("&"))


def _within(page: str, tag: str, name: str) -> str:
    found = re.search(rf'<{tag} id="{name}"[^>]*>(.*?)</{tag}>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1]).strip()


# --- roles and keys ---------------------------------------------------------------------------

ROLES = """
[roles.limited]
rows = "groupIds/any(g:g eq 'grp-01')"
hide = ["userEmail", "userAvatar", "department"]
sets = ["Results", "Users"]
"""


@pytest.fixture(scope="module")
def tenancy() -> Iterator[House]:
    with sandbox(generate(300, seed=5)) as upstream, house(upstream, ROLES) as found:
        found.feed("Results")
        yield found


def test_a_role_is_offered_what_it_may_see_and_nothing_else(tenancy: House) -> None:
    page = tenancy.ask("/query", "default/limited").text
    assert "userName" in page
    for hidden in ("userEmail", "department", "GroupMembers", "ContentStatistics"):
        assert hidden not in page
    total = len(tenancy.feed("Results", "default/limited"))
    assert f"20 of {total} rows" in page


def test_the_values_of_other_rows_are_not_told_to_a_role(tenancy: House) -> None:
    seen = {row["userName"] for row in tenancy.feed("Results", "default/limited")}
    url = "/query?c0.column=userName&c0.is=in&table=Results"
    page = tenancy.ask(url, "default/limited").text
    offered = re.findall(r'name="c0\.value" id="\S+" value="([^"]*)"', page)
    assert {html.unescape(each) for each in offered} == seen - {None, ""}


def test_a_condition_on_a_hidden_column_is_refused_not_left_out(tenancy: House) -> None:
    for fields in ("c0.column=department&c0.is=null", "url=Results?$filter=department eq null"):
        problem = tenancy.ask(f"/query.json?{fields}", "default/limited").json()["problem"]
        assert problem["code"] == "UnknownName"
        assert "department" in problem["message"]


@pytest.mark.parametrize("with_key", [False, True])
def test_what_is_copied_runs_and_gets_the_rows(
    dataset: Dataset, tmp_path: Any, *, with_key: bool
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    key_file = tmp_path / "key"
    key_file.write_text(KEY)
    settings = (
        {"access_key_file": str(key_file), "page_size": 15} if with_key else {"page_size": 15}
    )
    with bridge(dataset, settings=settings) as gateway:
        auth = ("any", KEY) if with_key else None
        client = httpx.Client(auth=auth)
        url = f"{gateway.root}{FAILED}&$search=a b"
        page = client.get(f"{_base(gateway)}/query", params={"url": url}).text
        rows = _rows(client, url)
        assert KEY not in page
        told = _run(["/bin/sh", "-c", _copy(page, "curl")])
        assert told.count('"contentName"') == min(15, len(rows))
        program = f"{_copy(page, 'python')}\nprint([row['id'] for row in rows])"
        assert _run([sys.executable, "-c", program]).strip() == str([row["id"] for row in rows])
        client.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "{root}Results?$top=2&apikey={key}"},
        {"url": "http://evil.example/odata/v4/Users?APIk%65y={key}"},
        {"url": "http://me:{key}@evil.example/odata/v4/Users?apikey=x"},
        {"url": "https://elsewhere.example/x?apikey={key}"},
        {"url": "Results?$filter=nothing eq 1&apikey={key}&$top=1"},
        {"url": "$metadata?apikey={key}"},
        {"table": "Users", "other": "$skip=1\r\napikey={key}"},
        {"table": "Users", "rest": "/$count?apikey={key}"},
        {"table": "Users", "top": "abc", "last": "Users?apikey={key}"},
    ],
)
def test_a_key_that_is_pasted_is_in_no_answer(locked: Bridge, fields: dict[str, str]) -> None:
    filled = {name: text.format(root=locked.root, key=PASTED) for name, text in fields.items()}
    told = locked.client.get(f"{_base(locked)}/query.json", params=filled)
    page = locked.client.get(f"{_base(locked)}/query", params=filled)
    for answer in (told, page):
        assert answer.status_code == 200
        assert PASTED not in answer.text
        assert "key (apikey) was removed" in answer.text
    if "url" in fields:
        origin = {"Origin": _base(locked)}
        back = locked.client.post(f"{_base(locked)}/query/read-now", params=filled, headers=origin)
        assert PASTED not in back.headers.get("location", "")


PASTED = "pasted-key-0123456789"


@pytest.fixture(scope="module")
def locked(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A gateway that asks for a key; `client` has it."""
    file = tmp_path_factory.mktemp("locked") / "key"
    file.write_text(KEY)
    with bridge(dataset, settings={"access_key_file": str(file)}) as gateway:
        gateway.client.auth = httpx.BasicAuth("any", KEY)
        yield gateway


def _rows(client: httpx.Client, url: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    next_: str | None = url
    while next_:
        page = client.get(next_).json()
        rows += page["value"]
        next_ = page.get("@odata.nextLink")
    return rows


def _run(command: list[str]) -> str:
    environment = {**os.environ, KEY_VARIABLE: KEY}
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def _copy(page: str, tool: str) -> str:
    found = re.search(rf'<pre id="copy-{tool}"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def _base(gateway: Bridge) -> str:
    return gateway.root.removesuffix("/odata/v4/")


def _page(gateway: Bridge, **fields: str) -> str:
    answer = gateway.client.get(f"{_base(gateway)}/query", params=fields)
    assert answer.status_code == 200
    return answer.text


def _json(gateway: Bridge, **fields: str) -> dict[str, Any]:
    told: dict[str, Any] = gateway.client.get(f"{_base(gateway)}/query.json", params=fields).json()
    return told
