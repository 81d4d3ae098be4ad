"""Who gets a page and who gets the feed, at one URL, over a real socket."""

from __future__ import annotations

import html
import time

import httpx
import pytest

from gateway.sandbox import Dataset
from tests.clients import header_blocks
from tests.support.live import Bridge, bridge

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_BLOCKS = [name for name in dir(header_blocks) if name.isupper()]


@pytest.mark.parametrize("path", ["/odata/v4/", "/odata/v4", "/"])
def test_a_browser_gets_a_page(live: Bridge, path: str) -> None:
    answer = _get(live, path, {"Accept": CHROME, "User-Agent": "Mozilla/5.0 Firefox/140.0"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert live.root in answer.text


@pytest.mark.parametrize("name", _BLOCKS)
def test_no_client_of_feeds_gets_one(live: Bridge, name: str) -> None:
    headers = dict(getattr(header_blocks, name))
    assert "html" not in _get(live, "/odata/v4/", headers).headers["content-type"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "*/*"},
        {"Accept": ""},
        {"Accept": "text/*"},
        {"Accept": "text/html, application/json"},
        {"Accept": "text/html;q=0.5, */*;q=0.8"},
        {"Accept": "text/html;q=0, */*;q=0"},
        {"Accept": CHROME, "User-Agent": "Tableau Desktop 2024.2"},
        {"Accept": CHROME, "User-Agent": "Mozilla/5.0 (compatible) Microsoft.Data.Mashup"},
        {"Accept": CHROME, "OData-MaxVersion": "4.0"},
    ],
    ids=str,
)
def test_who_does_not_say_html_gets_the_feed(live: Bridge, headers: dict[str, str]) -> None:
    answer = _get(live, "/odata/v4/", headers)
    assert "html" not in answer.headers["content-type"]
    for path in ("/status", "/requests", "/nowhere"):
        assert "html" not in _get(live, path, headers).headers["content-type"]


@pytest.mark.parametrize(
    "path", ["?$format=json", "Results?$format=json", "$metadata", "Results/$count", "Results('x')"]
)
def test_what_is_asked_of_the_feed_is_the_feeds(live: Bridge, path: str) -> None:
    answer = _get(live, f"/odata/v4/{path}", {"Accept": CHROME, "User-Agent": FIREFOX})
    assert "html" not in answer.headers["content-type"]


@pytest.mark.parametrize("path", ["Results", "Results?$top=1", "Users?$filter=id%20ne%20null"])
def test_a_collection_is_a_table_for_browsers_alone(live: Bridge, path: str) -> None:
    chrome = {"Accept": CHROME, "User-Agent": FIREFOX}
    page = _get(live, f"/odata/v4/{path}", chrome)
    assert page.headers["content-type"].startswith("text/html")
    assert {"Accept", "User-Agent"} <= {*page.headers["vary"].split(", ")}
    feed = _get(live, f"/odata/v4/{path}", {"Accept": CHROME})
    assert feed.headers["content-type"].startswith("application/json")
    assert {"Accept", "User-Agent"} <= {*feed.headers["vary"].split(", ")}
    for name in _BLOCKS:
        headers = dict(getattr(header_blocks, name))
        assert "html" not in _get(live, f"/odata/v4/{path}", headers).headers["content-type"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nowhere", 404), ("/connect/nothing.pbids", 404), ("/dashboard/x?<i>", 404)],
)
def test_a_browser_is_refused_by_a_page_outside_of_the_service_root(
    live: Bridge, path: str, status: int
) -> None:
    answer = _get(live, path, {"Accept": CHROME})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    message = _get(live, path).json()["error"]["message"]
    assert message in html.unescape(answer.text)
    assert '<a class="button" href="/">' in answer.text
    assert "<i>" not in answer.text


def test_what_is_not_served_is_refused_by_a_page_too(live: Bridge) -> None:
    url = live.root.replace("/odata/v4/", "/openapi.json")
    answer = live.client.delete(url, headers={"Accept": CHROME})
    assert (answer.status_code, "DELETE" in answer.text) == (405, True)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert answer.headers["content-type"].startswith("text/html")


def test_pages_have_the_headers_that_keep_them_safe(live: Bridge) -> None:
    headers = _get(live, "/", {"Accept": CHROME}).headers
    policy = dict(
        part.partition(" ")[::2] for part in headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_files_of_pages_are_kept_for_ever_under_a_name_of_their_content(live: Bridge) -> None:
    page = _get(live, "/", {"Accept": CHROME}).text
    path = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    style = _get(live, path)
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in style.headers["cache-control"]
    older = path.replace(path.split("/")[2], "0" * 16)
    assert _get(live, older).headers["cache-control"] == "no-store"
    assert _get(live, path.replace("style.css", "..%2flayout.py")).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_no_other_site_can_press_the_button(live: Bridge, headers: dict[str, str]) -> None:
    url = live.root.replace("/odata/v4/", "/read-now")
    answer = live.client.post(url, headers=headers)
    assert answer.status_code == 403
    assert "Origin" in answer.text


@pytest.mark.parametrize("path", ["/", "/status", "/odata/v4/", "/status?x=%26'(1)"])
def test_the_button_leads_back_to_its_page(dataset: Dataset, path: str) -> None:
    with bridge(dataset) as gateway:
        base = gateway.root.removesuffix("/odata/v4/")
        page = _get(gateway, path, {"Accept": CHROME}).text
        action = html.unescape(page.partition('method="post" action="')[2].partition('"')[0])
        answer = gateway.client.post(f"{base}{action}", headers={"Origin": base})
        assert answer.status_code == 303
        target = httpx.URL(base).join(answer.headers["location"])
        assert target == httpx.URL(base + path)


@pytest.mark.parametrize("prefix", ["", "/bi"])
@pytest.mark.parametrize(
    "back",
    [
        "//evil.example",
        "/evil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/\\evil.example",
        "\t//evil.example",
        "..//evil.example",
        "../other-application",
        "insights/../../other-application",
        "insights/%2e%2e/%2E%2E/other",
        "insights/..\\..\\other",
        "insights\r\nSet-Cookie: a=b",
        "insights?a\r\nSet-Cookie: a=b",
        "insights#//evil.example",
        "@evil.example",
        ".evil.example",
        ":8080",
        "insights//evil.example",
        "status?" + "a" * 9_000,
    ],
)
def test_no_redirect_leaves_the_pages(live: Bridge, back: str, prefix: str) -> None:
    base = live.root.removesuffix("/odata/v4/")
    headers = {"Sec-Fetch-Site": "same-origin", "X-Forwarded-Prefix": prefix}
    answer = live.client.post(
        f"{base}/read-now", params={"back": back}, headers={k: v for k, v in headers.items() if v}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{prefix}/")
    assert "set-cookie" not in answer.headers


def test_links_lead_through_the_proxy_that_the_browser_sees(live: Bridge) -> None:
    forwarded = {"X-Forwarded-Prefix": "/bi", "X-Forwarded-Host": "bi.example.com"}
    until = time.monotonic() + 20
    while _get(live, "/status").json()["extracts"]:  # while one is read, there is no button
        assert time.monotonic() < until
        time.sleep(0.05)
    page = _get(live, "/", {"Accept": CHROME, **forwarded}).text
    assert "bi.example.com/bi/odata/v4/" in page
    assert 'href="/bi/assets/' in page
    assert 'action="/bi/read-now"' in page


def _get(live: Bridge, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return live.client.get(live.root.removesuffix("/odata/v4/") + path, headers=headers)
