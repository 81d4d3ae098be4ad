"""The languages in a real browser: its own, the switch, and long words on small screens."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from gateway.pages.languages import DEFAULT, read_languages, read_texts
from tests.browser.chromium import tab
from tests.browser.test_pages import PATHS

OTHERS = [code for code, _ in read_languages().names if code != DEFAULT]
NAMES = dict(read_languages().names)
QUERY = "/query?url=Results?$filter=state%20eq%20'FAILED'%20or%20progress%20lt%205"


@pytest.mark.parametrize("scripts", [True, False])
def test_the_switch_keeps_the_page_and_is_remembered(
    browser: Browser, base: str, *, scripts: bool
) -> None:
    with tab(browser, base, locale="en-US", java_script_enabled=scripts) as visitor:
        page = visitor.open(QUERY)
        url = page.locator("#url").input_value()
        assert "FAILED" in url
        for code in (*OTHERS, DEFAULT):
            page.get_by_role("button", name=NAMES[code]).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(read_texts(code).query.title)
            assert page.locator("#url").input_value() == url
            shown = visitor.open("/connect")
            expect(shown.locator("html")).to_have_attribute("lang", f"{code}-{region(code)}")
            page = visitor.open(QUERY)


def test_the_switch_returns_to_the_query_that_was_picked(browser: Browser, base: str) -> None:
    with tab(browser, base, locale="en-US") as visitor:
        page = visitor.open("/query?table=Users")
        page.locator("#top").fill("7")
        expect(page.locator("#copy-url")).to_have_text(f"{base}/odata/v4/Users?$top=7")
        page.get_by_role("button", name=NAMES[OTHERS[0]]).click()
        expect(page.locator("#top")).to_have_value("7")
        expect(page.locator("html")).to_have_attribute("lang", f"{OTHERS[0]}-{region(OTHERS[0])}")


@pytest.mark.parametrize("code", OTHERS)
def test_long_words_fit_a_phone(browser: Browser, base: str, code: str) -> None:
    with tab(browser, base, locale=code, viewport={"width": 320, "height": 640}) as visitor:
        for path in (*PATHS, QUERY):
            page = visitor.open(path)
            page.evaluate(
                "document.querySelectorAll('details').forEach((each) => each.open = true)"
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


@pytest.mark.parametrize("code", OTHERS)
def test_another_language_keeps_the_rules_of_accessibility(
    browser: Browser, base: str, code: str
) -> None:
    with tab(browser, base, locale=code, reduced_motion="reduce") as visitor:
        for path in ("/", "/insights", "/explain/Results?$top=5"):
            found = Axe().run(visitor.open(path))
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"


def region(code: str) -> str:
    """The region that a browser without one gets; Chromium's English is that of the US."""
    first: str = "US" if code == DEFAULT else read_texts(code).regions[0]
    return first
