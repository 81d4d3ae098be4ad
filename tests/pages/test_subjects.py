"""The pages of a person and of a content: whose they are, what is due, and who may not see them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from gateway.figures.definitions import BY_STATE, DUE, VALIDITY
from gateway.pages.due import DueResults
from gateway.pages.languages import read_texts
from gateway.sandbox import Dataset
from tests.support.live import Bridge, bridge
from tests.tenancy.support import House, house, sandbox

HTML = {"Accept": "text/html"}
WORDS = read_texts()
NOW = datetime.now(UTC)
ODD_ID = "o'b <i>&amp;% /ü?#"
"""A key with what a URL, HTML and a literal of OData escape."""
BOLD = '<b onclick="x">bold</b>'
Row = dict[str, Any]


def text_at(days: float) -> str:
    moment = NOW + timedelta(days=days)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def result(user: str, content: str, state: str, **more: Any) -> Row:
    fields = {
        "id": f"{user}_{content}",
        "state": state,
        "enrollmentType": more.pop("enrollment", "MANDATORY"),
        "progress": 50,
        "updatedAt": text_at(-3),
        "startedAt": text_at(-9),
        "user": {
            "id": user,
            "name": more.pop("name", f"Name of {user}"),
            "email": f"{user[:3]}@example.com",
            "avatar": more.pop("avatar", None),
            "groups": [{"id": "g1", "name": "<u>First</u>"}],
        },
        "content": {"id": content, "name": more.pop("title", f"About {content}"), "type": "COURSE"},
    }
    return {**fields, **more}


CASES: dict[str, tuple[Row, str]] = {
    "valid": (result("ann", "valid", "APPROVED", expiryDate=text_at(200)), ""),
    "for ever": (result("ann", "for ever", "APPROVED"), ""),
    "ends": (result("ann", "ends", "APPROVED", expiryDate=text_at(40)), "ending"),
    "ended": (result("ann", "ended", "APPROVED", expiryDate=text_at(-4)), "expired"),
    "begun": (result("ann", "begun", "IN_PROGRESS"), "open"),
    "dated": (result("ann", "dated", "NOT_STARTED", expiryDate=text_at(20)), "open"),
    "old": (result("ann", "old", "EXPIRED", expiryDate=text_at(-9)), "ended"),
    "free": (result("ann", "free", "IN_PROGRESS", enrollment="OPTIONAL"), ""),
    "free ends": (
        result("ann", "free ends", "APPROVED", enrollment="OPTIONAL", expiryDate=text_at(9)),
        "ending",
    ),
    "again": (
        result(
            "ann",
            "again",
            "IN_PROGRESS",
            expiryDate=text_at(30),
            certificateIssuedAt=text_at(-300),
        ),
        "ending",
    ),
}
"""A result of Ann for each case, and what it needs; the date is the end of validity."""
ODD = [
    result(ODD_ID, "c&d", "FAILED", name=BOLD, avatar="javascript:alert(1)", title=BOLD),
    result("ben", "c&d", "APPROVED", avatar="https://cdn.example.com/a.png", title=BOLD),
]
ROWS = [*(row for row, _ in CASES.values()), *ODD]
ROLES = """
[roles.ann]
rows = "userId eq 'ann'"
[roles.no-user]
hide = ["userId"]
[roles.no-name]
hide = ["userName", "userEmail"]
[roles.no-dates]
hide = ["expiryDate"]
[roles.masked]
mask = ["userId", "userName", "userEmail"]
[roles.groups]
sets = ["Groups"]
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Bridge]:
    with bridge(ROWS) as running:
        running.feed("Results?$select=id&$orderby=progress")
        yield running


@pytest.fixture(scope="module")
def roles() -> Iterator[House]:
    with sandbox(Dataset.from_rows(ROWS)) as upstream, house(upstream, ROLES) as found:
        assert found.odata("Results?$orderby=progress&$top=1").status_code == 200
        yield found


def page(gateway: Bridge, path: str) -> httpx.Response:
    return gateway.client.get(gateway.root.removesuffix("/odata/v4/") + path, headers=HTML)


def links(text: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'href="([^"]+)"', text)]


def needs(text: str) -> dict[str, str]:
    """What the table of what needs attention says, by content."""
    table = text.partition('id="due"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    by_text = {words: name for name, words in vars(WORDS.subject.needs).items()}
    found = {}
    for line in re.findall(r"<tr>.*?</tr>", table):
        cells = [re.sub("<[^>]+>", "", each) for each in re.findall(r"<t[hd].*?</t[hd]>", line)]
        found[cells[0].removeprefix("About ")] = by_text[cells[2]]
    return found


def test_a_person_s_page_says_what_is_due_and_until_when(gateway: Bridge) -> None:
    answer = page(gateway, "/person?id=ann")
    assert answer.status_code == 200
    found = needs(answer.text)
    assert found == {name: need for name, (_, need) in CASES.items() if need}
    assert [*found][-3:] == ["free ends", "again", "ends"], "what will end comes last"
    due = answer.text.partition('id="due"')[2].partition("</table>")[0]
    assert (NOW + timedelta(days=40)).strftime("%Y-%m-%dT%H:%M") in due
    assert (NOW + timedelta(days=20)).strftime("%Y-%m-%d %H:%M") not in due, "no due date"
    for name in CASES:
        assert answer.text.count(f"About {name}</a>") >= 1
    assert "&lt;u&gt;First&lt;/u&gt;" in answer.text


@pytest.mark.parametrize(
    ("meaning", "state", "is_past", "need"),
    [
        (DUE, "IN_PROGRESS", 1, "overdue"),
        (DUE, "NOT_STARTED", 0, "due"),
        (BY_STATE, "FAILED", 1, "overdue"),
        (BY_STATE, "APPROVED", 1, "expired"),
        (VALIDITY, "IN_PROGRESS", 1, "open"),
        ("unknown", "NOT_STARTED", 0, "open"),
        (DUE, "EXPIRED", 1, "ended"),
    ],
)
def test_a_date_means_what_the_contract_says(
    meaning: str, state: str, is_past: int, need: str
) -> None:
    row = {"state": state, "expiryDate": "2025-01-01T00:00:00Z", "isPast": is_past, "isEnding": 0}
    assert DueResults("", "", meaning).what(row) == need
    assert DueResults("", "", meaning).what({**row, "expiryDate": None}) == "open"


def test_a_content_s_page_leads_to_its_people_and_back(gateway: Bridge) -> None:
    text = page(gateway, "/content?id=c%26d").text
    people = [link for link in links(text) if link.startswith("/person?")]
    assert {page(gateway, link).status_code for link in people} == {200}
    back = [link for link in links(page(gateway, people[0]).text) if link.startswith("/content?")]
    assert "/content?id=c%26d" in back
    insights = next(link for link in links(text) if link.startswith("/insights?"))
    shown = page(gateway, insights).text
    assert 'value="&#39;c&amp;d&#39;" selected' in shown


@pytest.mark.parametrize("path", ["/person?id=ann", "/content?id=c%26d", "/person?id=ODD"])
def test_the_files_of_a_page_have_its_rows(gateway: Bridge, path: str) -> None:
    text = page(gateway, path.replace("ODD", quote(ODD_ID, safe=""))).text
    rows = 10 if "ann" in path else 2 if "content" in path else 1
    files = [link for link in links(text) if "$format=" in link]
    assert [link.rpartition("=")[2] for link in files] == ["xlsx", "csv", "json"]
    csv = gateway.client.get(files[1])
    assert len(csv.text.splitlines()) == rows + 1
    assert gateway.client.get(files[0]).status_code == 200
    (feed,) = re.findall(r'<pre id="feed"[^>]*>([^<]+)</pre>', text)
    (query,) = re.findall(r'<pre id="m"[^>]*>([^<]+)</pre>', text)
    assert len(gateway.client.get(unescape(feed)).json()["value"]) == rows
    assert unescape(feed) in unescape(query)
    table = next(link for link in links(text) if link.startswith("/rows?"))
    assert page(gateway, table).status_code == 200


@pytest.mark.parametrize("path", ["/person?id=ODD", "/content?id=c%26d", "/rows?table=Users"])
def test_texts_of_users_stay_texts(gateway: Bridge, path: str) -> None:
    text = page(gateway, path.replace("ODD", quote(ODD_ID, safe=""))).text
    assert "&lt;b onclick=" in text
    assert "<b " not in text
    assert "<i>" not in text
    assert not [link for link in links(text) if link.lower().startswith("javascript:")]
    images = re.findall(r'<img[^>]+src="([^"]+)"', text)
    assert all(image.startswith("/assets/") for image in images)


def test_only_addresses_of_https_become_links(gateway: Bridge) -> None:
    text = page(gateway, "/rows?table=Users&$select=id,name,avatar").text
    outside = [link for link in links(text) if urlsplit(link).netloc == "cdn.example.com"]
    assert outside == ["https://cdn.example.com/a.png"]
    assert '<a href="https://cdn.example.com/a.png" rel="noopener noreferrer nofollow">' in text
    assert "javascript:alert(1)" in text


def test_no_url_of_ours_has_a_personal_value_but_the_key(gateway: Bridge) -> None:
    for path in ("/person?id=ann", "/content?id=c%26d", "/insights?by=contentId", "/rows"):
        for link in links(page(gateway, path).text):
            assert "example.com" not in link
            assert "Name of" not in link
            assert "Name%20of" not in link


@pytest.mark.parametrize(
    ("caller", "path"),
    [
        ("default/ann", "/person?id=ben"),
        ("default/ann", "/content?id=c%26d"),
        ("default/no-user", "/person?id=ann"),
        ("default/masked", "/person?id=ann"),
        ("default/groups", "/person?id=ann"),
        ("default/groups", "/content?id=begun"),
    ],
)
def test_whom_a_role_may_not_see_is_missing(roles: House, caller: str, path: str) -> None:
    hidden = roles.ask(path, caller, headers=HTML)
    missing = roles.ask(f"{path.partition('=')[0]}=nothing", caller, headers=HTML)
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.text == missing.text
    assert "ben" not in hidden.text.partition("<main")[2]


def test_a_role_sees_its_own_columns(roles: House) -> None:
    nameless = roles.ask("/person?id=ann", "default/no-name", headers=HTML)
    assert nameless.status_code == 200
    assert "Name of" not in nameless.text
    undated = roles.ask("/person?id=ann", "default/no-dates", headers=HTML).text
    assert set(needs(undated).values()) == {"open"}
    assert (NOW + timedelta(days=40)).strftime("%Y-%m-%d") not in undated


def test_a_masked_person_has_a_page_under_the_digest(roles: House) -> None:
    (row,) = roles.feed("Results?$filter=contentId eq 'begun'&$select=userId", "default/masked")
    path = f"/person?id={quote(row['userId'], safe='')}"
    found = roles.ask(path, "default/masked", headers=HTML)
    assert (found.status_code, found.text.count("About begun")) == (200, 2)
    assert "Name of" not in found.text


def test_a_role_without_results_sees_no_figures(roles: House) -> None:
    answer = roles.ask("/insights", "default/groups", headers=HTML)
    assert answer.status_code == 200
    assert WORDS.insights.none in answer.text
    assert "data-figure" not in answer.text
