"""The query builder as people use it: with and without a script, by keyboard, on a phone."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from gateway.pages.languages import read_texts
from gateway.sandbox import Dataset
from tests.browser.chromium import Watched, tab
from tests.support.live import bridge

WORDS = read_texts().query
COPY = read_texts().copy
QUESTION = (
    "Results?$filter=state in ('FAILED','EXPIRED') and groupIds/any(x:x in ('grp-01'))"
    " and year(updatedAt) ge 2020&$select=userName,state&$orderby=updatedAt desc&$top=9"
)


def test_a_query_is_picked_together(visitor: Watched) -> None:
    page = visitor.open("/query")
    page.select_option("#c0-column", "state")
    page.check("input[name='c0.value'][value=FAILED]")
    url = page.locator("#url")
    expect(url).to_have_value(re.compile(r"\$filter=state%20in%20\('FAILED'\)$"))
    page.select_option("#c1-column", "contentName")
    page.select_option("#c1-is", "contains")
    page.fill("#c1-value", "50%+'")
    expect(url).to_have_value(re.compile(r"contains\(contentName,'50%25%2B'''\)$"))
    page.get_by_role("button", name=f"{WORDS.drop}: Condition 2").click()
    expect(url).to_have_value(re.compile(r"'FAILED'\)$"))
    page.select_option("#o0-name", "updatedAt")
    page.select_option("#o0-order", "desc")
    page.fill("#top", "3")
    expect(page.locator("#result tbody tr")).to_have_count(3)
    expect(page.get_by_role("status")).to_have_text(WORDS.updated.forms["other"].format(count=3))
    rows = httpx.get(url.input_value()).json()["value"]
    assert [row["state"] for row in rows] == ["FAILED"] * 3
    page.reload()
    expect(page.locator("#c0-column")).to_have_value("state")
    expect(page.locator("#top")).to_have_value("3")


def test_values_that_are_typed_slowly_stay_where_they_are(visitor: Watched) -> None:
    page = visitor.open("/query?table=ResultRows&c0.column=id&c0.is=in")
    note = page.get_by_text(WORDS.incomplete)
    expect(note).to_be_visible()
    page.focus("#c0-lines")
    for typed, url in (("no", r"\('no'\)$"), ("ne\nb", r"\('none','b'\)$")):
        page.keyboard.type(typed)
        expect(page.locator("#url")).to_have_value(re.compile(url))
    expect(page.locator("#c0-lines")).to_have_value("none\nb")
    expect(note).to_be_hidden()
    expect(page.get_by_text(WORDS.no_rows)).to_be_visible()


def test_rows_are_summed_up(visitor: Watched) -> None:
    page = visitor.open("/query")
    page.check("#mode-totals", force=True)
    page.check("#groups-state")
    page.select_option("#t1-method", "average")
    expect(page.locator("#url")).to_have_value(
        re.compile("groupby.*count%20as%20rows,progress%20with%20average%20as%20averageProgress")
    )
    expect(page.locator("#result thead")).to_have_text(re.compile("state.*rows.*averageProgress"))
    expect(page.locator("#result tbody tr")).to_have_count(5)


def test_a_pasted_url_becomes_the_form(visitor: Watched) -> None:
    page = visitor.open("/query")
    page.fill("#url", QUESTION)
    expect(page.locator("#c0-column")).to_have_value("state")
    expect(page.locator("input[name='c0.value']:checked")).to_have_count(2)
    expect(page.locator("#c1-column")).to_have_value("groupIds")
    expect(page.get_by_label("Berlin")).to_be_checked()
    expect(page.locator("#c2-value")).to_have_value("year(updatedAt) ge 2020")
    expect(page.locator("#columns-userName")).to_be_checked()
    assert page.evaluate("document.activeElement.id") == "url"
    page.reload()
    expect(page.locator("#c2-value")).to_have_value("year(updatedAt) ge 2020")


def test_the_place_of_a_mistake_is_shown_and_the_form_stays(visitor: Watched) -> None:
    page = visitor.open(f"/query?url={quote(QUESTION)}")
    page.fill("#url", "Results?$filter=state == 'FAILED'")
    mark = page.locator("#problem mark")
    expect(mark).to_have_text("=")
    text, caret = page.locator("#problem pre").inner_text().splitlines()
    assert text.index("==") == caret.index("^")
    expect(page.get_by_role("status")).to_contain_text("write eq")
    expect(page.locator("#c0-column")).to_have_value("state")
    page.fill("#top", "many")
    expect(page.get_by_role("status")).to_contain_text("$top: not a whole number")
    expect(page.locator("#c0-column")).to_have_value("state")
    page.fill("#top", "2")
    expect(page.locator("#result tbody tr")).to_have_count(2)


def test_a_wrong_value_leaves_the_last_good_url_marked_as_old(visitor: Watched) -> None:
    page = visitor.open("/query")
    page.select_option("#c0-column", "updatedAt")
    page.fill("#c0-value", "2025-01-31")
    url, old = page.locator("#url"), page.locator("#url-old")
    expect(url).to_have_value(re.compile(r"2025-01-31T00:00:00Z$"))
    good = url.input_value()
    page.fill("#c0-value", "yesterday")
    expect(old).to_be_visible()
    for _ in range(2):
        expect(url).to_have_value(good)
        expect(page.locator("#c0-value")).to_have_value("yesterday")
        page.reload()
    page.fill("#c0-value", "2025-02-01")
    expect(url).to_have_value(re.compile(r"2025-02-01T00:00:00Z$"))
    expect(old).to_be_hidden()


def test_back_takes_one_change_back(visitor: Watched) -> None:
    page = visitor.open("/query")
    page.fill("#top", "3")
    page.fill("#top", "34")
    expect(page.locator("#url")).to_have_value(re.compile(r"\$top=34$"))
    page.select_option("#table", "Users")
    expect(page.locator("#url")).to_have_value(re.compile(r"Users\?\$top=34$"))
    page.go_back()
    expect(page.locator("#table")).to_have_value("Results")
    expect(page.locator("#top")).to_have_value("34")
    page.go_back()
    expect(page.locator("#top")).to_have_value("")
    expect(page.locator("#url")).to_have_value(re.compile(r"Results$"))
    page.go_forward()
    expect(page.locator("#top")).to_have_value("34")


def test_a_url_of_another_gateway_does_not_stay(visitor: Watched) -> None:
    page = visitor.open("/query")
    page.fill("#url", "http://evil.example/odata/v4/Users?$top=1")
    expect(page.locator("#url")).to_have_value(f"{visitor.base}/odata/v4/Users?$top=1")
    expect(page.locator("#result > .note")).to_contain_text("evil.example")


def test_only_the_last_of_many_changes_is_shown(visitor: Watched) -> None:
    page = visitor.open("/query")

    def delay_the_first(route: Route) -> None:
        if "top=1&" in route.request.url:
            page.wait_for_timeout(600)
        route.continue_()

    page.route("**/query?*", delay_the_first)
    page.fill("#top", "1")
    page.wait_for_timeout(400)  # it is on its way
    page.fill("#top", "12")
    expect(page.locator("#result tbody tr")).to_have_count(12)
    expect(page.locator("#url")).to_have_value(re.compile(r"top=12$"))


def test_what_is_copied_is_what_is_seen(browser: Browser, base: str) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    with tab(browser, base, permissions=permissions) as visitor:
        page = visitor.open("/query")
        page.select_option("#table", "Users")
        expect(page.locator("#url")).to_have_value(re.compile("Users$"))
        page.locator("#by-url").get_by_role("button", name=COPY.action).click()
        assert _clipboard(page) == f"{base}/odata/v4/Users"
        page.locator("#result").get_by_role("button", name=COPY.action).first.click()
        assert f'OData.Feed("{base}/odata/v4/Users", null,' in _clipboard(page)


def _clipboard(page: Page) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_all_of_it_works_without_a_script(browser: Browser, base: str) -> None:
    with tab(browser, base, java_script_enabled=False) as visitor:
        page = visitor.open("/query")
        show = page.locator("#ask").get_by_role("button", name=WORDS.update, exact=True).last
        page.select_option("#c0-column", "department")
        show.click()
        page.select_option("#c0-is", "ne")
        page.fill("#c0-value", "R&D + 'x'")
        page.fill("#top", "2")
        show.click()
        expect(page.locator("#url")).to_have_value(
            re.compile(re.escape("department%20ne%20'R%26D%20%2B%20''x'''&$top=2"))
        )
        expect(page.locator("#result tbody tr")).to_have_count(2)
        page.get_by_role("button", name=f"{WORDS.drop}: Condition 1").click()
        expect(page.locator("#url")).to_have_value(f"{base}/odata/v4/Results?$top=2")
        page.fill("#url", QUESTION)
        page.get_by_role("button", name=WORDS.read).click()
        expect(page.locator("#c1-column")).to_have_value("groupIds")


def test_a_condition_is_made_by_keyboard_alone(visitor: Watched) -> None:
    page = visitor.open("/query")
    page.focus("#c0-column")
    page.keyboard.type("progress", delay=100)  # longer in all than a change is waited for
    expect(page.locator("#c0-value")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "c0-column"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("100")
    page.keyboard.press("Enter")
    expect(page.locator("#url")).to_have_value(re.compile(r"progress%20eq%20100$"))
    assert page.evaluate("document.activeElement.id") == "c0-value"


@pytest.mark.parametrize(
    ("scheme", "url"),
    [
        ("light", QUESTION),
        ("dark", "Results?$apply=groupby((state),aggregate($count as n))"),
        ("light", "Results?$filter=a b"),
    ],
)
def test_it_fits_a_phone_and_keeps_the_rules_of_accessibility(
    browser: Browser, base: str, scheme: Literal["light", "dark"], url: str
) -> None:
    phone: ViewportSize = {"width": 360, "height": 740}
    with tab(browser, base, viewport=phone, color_scheme=scheme) as visitor:
        page = visitor.open(f"/query?url={quote(url)}")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        found = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
        assert found.violations_count == 0, found.generate_report()


def test_rows_that_are_not_there_yet_are_read_on_request(
    browser: Browser, dataset: Dataset
) -> None:
    with (
        bridge(dataset) as gateway,
        tab(browser, gateway.root.removesuffix("/odata/v4/")) as visitor,
    ):
        page = visitor.open(f"/query?url={quote(QUESTION)}")
        expect(page.get_by_text(WORDS.no_snapshot)).to_be_visible()
        assert gateway.client.get(f"{visitor.base}/status").json()["extracts"] == []
        page.get_by_role("button", name=read_texts().state.read).click()
        expect(page.locator("#result tbody tr")).to_have_count(9, timeout=20_000)
        expect(page.locator("#c0-column")).to_have_value("state")
