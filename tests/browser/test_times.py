"""Instants in the reader's time zone, with UTC on hover; without scripts they are in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import tab

PATHS = pytest.mark.parametrize("path", ["/rows?table=Results", "/status"])
IN_UTC = re.compile(r".*\b\d{4}\b.*\b\d?\d:\d\d\b.* UTC")


@PATHS
@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/New_York"])
def test_an_instant_is_local_and_says_utc_on_hover(
    browser: Browser, base: str, path: str, zone: str
) -> None:
    with tab(browser, base, timezone_id=zone, locale="en-GB") as visitor:
        page = visitor.open(path)
        page.wait_for_selector("time[title]")
        for time in page.locator("time[title]").all():
            utc = str(time.get_attribute("title"))
            assert IN_UTC.fullmatch(utc)
            moment = datetime.fromisoformat(str(time.get_attribute("datetime")))
            assert f"{moment.astimezone(UTC):%H:%M} UTC" in utc
            local = moment.astimezone(ZoneInfo(zone))
            clock = re.search(r"(\d+):(\d\d)(?:\s(AM|PM))?", time.inner_text())
            assert clock is not None, time.inner_text()
            hour = int(clock[1]) % 12 + 12 * (clock[3] == "PM") if clock[3] else int(clock[1])
            assert (hour, int(clock[2])) == (local.hour, local.minute)
            assert str(local.day) in time.inner_text()


@PATHS
def test_without_scripts_an_instant_is_in_utc_and_says_so(
    browser: Browser, base: str, path: str
) -> None:
    with tab(browser, base, timezone_id="Asia/Kathmandu", java_script_enabled=False) as visitor:
        page = visitor.open(path)
        texts = page.locator("time").all_inner_texts()
        assert texts
        assert all(IN_UTC.fullmatch(text) for text in texts)


def test_readers_in_utc_see_the_texts_as_they_are(browser: Browser, base: str) -> None:
    with tab(browser, base, timezone_id="UTC") as visitor:
        page = visitor.open("/rows?table=Results")
        texts = page.locator("time").all_inner_texts()
        assert texts
        assert all(IN_UTC.fullmatch(text) for text in texts)
