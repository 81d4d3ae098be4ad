"""From a question to names in Excel: the walk of an analyst, in a real browser."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.pages.languages import read_texts
from gateway.sandbox import Dataset
from tests.browser.chromium import Watched, tab
from tests.support.live import bridge

WORDS = read_texts()


def number_of(page: Page, figure: str) -> int:
    """Return the number on a card: the first one of "1,740 of 2,000"."""
    text = page.locator(f"[data-figure={figure}] .muted").first.inner_text()
    return int(text.partition(" ")[0].replace(",", ""))


def test_a_department_a_figure_its_people_and_a_workbook(visitor: Watched, tmp_path: Path) -> None:
    page = visitor.open("/insights")
    page.get_by_label("department", exact=False).first.select_option(label="Finance")
    page.get_by_role("button", name=WORDS.insights.apply).click()
    assert "department=%27Finance%27" in page.url
    failed = number_of(page, "failed")
    assert 0 < failed < 50
    page.locator("[data-figure=failed] .figure a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(WORDS.insights.figures.failed.title)
    names = page.locator("table.rows tbody tr td:first-child").all_inner_texts()
    assert len(names) == failed
    with page.expect_download() as waiting:
        page.get_by_role("link", name=WORDS.rows.xlsx).click()
    path = tmp_path / "rows.xlsx"
    waiting.value.save_as(path)
    header, *rows = openpyxl.load_workbook(path).worksheets[0].values
    column = header.index("userName")
    assert sorted(str(row[column] or "").split() for row in rows) == sorted(
        name.split() for name in names
    )
    name = names[0]
    page.locator("table.rows tbody a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.locator("section table.rows a").first.click()
    assert "/content?id=" in page.url


def test_a_choice_can_be_made_without_scripts(browser: Browser, base: str) -> None:
    with tab(browser, base, java_script_enabled=False) as visitor:
        page = visitor.open("/insights?by=enrollmentType")
        expect(page.locator("table.ranked tbody tr").first).to_be_visible()
        page.locator("table.ranked thead a").last.click()
        assert "sort=" in page.url
        page.locator("table.ranked tbody th a").first.click()
        assert "enrollmentType=" in page.url


def test_a_period_a_person_and_a_value_need_no_scripts(browser: Browser, base: str) -> None:
    with tab(browser, base, java_script_enabled=False) as visitor:
        page = visitor.open("/insights")
        page.get_by_label(WORDS.insights.since, exact=True).fill("2025-01-01")
        page.get_by_label(WORDS.insights.until, exact=True).fill("2025-03-31")
        page.get_by_role("button", name=WORDS.insights.apply).click()
        assert "from=2025-01-01" in page.url
        page.locator("[data-figure=completed] .figure a").click()
        page.get_by_label(WORDS.rows.column).select_option(value="progress")
        page.get_by_label(WORDS.rows.operator).select_option(value="ge")
        page.get_by_label(WORDS.rows.value).fill("100")
        page.get_by_role("button", name=WORDS.rows.narrow).click()
        assert "progress%20ge%20100" in page.url
        page.locator("table.rows tbody a").first.click()
        assert "/person?id=" in page.url
        page.get_by_text(WORDS.rows.power_query).click()
        expect(page.locator("#m")).to_contain_text("OData.Feed(")


def test_a_keyboard_chooses_a_period(visitor: Watched) -> None:
    page = visitor.open("/insights")
    page.get_by_label(WORDS.insights.since, exact=True).focus()
    for key in ("0", "1", "0", "1", "2", "0", "2", "5", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**from=2025-01-01**")


@pytest.mark.parametrize(
    "path", ["/insights", "/rows?table=Users", "/person?id=usr-000001", "/content?id=cnt-0001"]
)
def test_looking_starts_no_extract(browser: Browser, dataset: Dataset, path: str) -> None:
    with (
        bridge(dataset) as gateway,
        tab(browser, gateway.root.removesuffix("/odata/v4/")) as visitor,
    ):
        page = visitor.open(path)
        expect(page.get_by_role("button", name=WORDS.state.read)).to_be_visible()
        assert not gateway.sandbox.received


def test_rows_are_sorted_by_their_headers_and_shown_in_pages(visitor: Watched) -> None:
    page = visitor.open("/rows?table=Results&$select=id,progress")
    expect(page.locator(".lead")).to_have_text("Rows 1 to 50 of 2,000")
    page.locator("thead a").last.click()
    page.locator("thead a").last.click()
    expect(page.locator("thead th").last).to_have_attribute("aria-sort", "descending")
    first = page.locator("tbody td:last-child").first.inner_text()
    assert float(first) == 100
    page.get_by_role("link", name=WORDS.rows.following).click()
    expect(page.locator(".lead")).to_have_text("Rows 51 to 100 of 2,000")


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/rows?table=Resultz", 404, "Resultz"),
        ("/rows?table=Results('x')", 400, "not a collection"),
        ("/rows?table=Results&$filter=nope eq 1", 400, "nope"),
    ],
)
def test_a_wrong_url_is_explained(visitor: Watched, path: str, status: int, word: str) -> None:
    visitor.expected.add(status)
    expect(visitor.open(path).locator("main")).to_contain_text(word)


@pytest.mark.parametrize(
    ("query", "rows"), [("$apply=groupby((userId))", 133), ("$top=120", 120), ("$top=50", 50)]
)
def test_all_rows_can_be_reached_by_the_next_link(visitor: Watched, query: str, rows: int) -> None:
    page, seen = visitor.open(f"/rows?table=Results&{query}"), 0
    for _ in range(5):
        seen += page.locator("tbody tr").count()
        following = page.get_by_role("link", name=WORDS.rows.following)
        if not following.count():
            break
        following.click()
    assert seen == rows
