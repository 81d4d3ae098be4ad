"""Pages as people meet them: in a real browser, over a real socket, watched for any complaint."""

from __future__ import annotations

import time
from typing import Any, Literal
from urllib.parse import quote

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from gateway.pages.languages import read_texts
from gateway.sandbox import Dataset, Faults
from tests.browser.chromium import Watched, tab
from tests.support.live import bridge

WORDS = read_texts()
PLAN = "/explain/Results?$filter=state%20ne%20'APPROVED'&$top=5"
ROWS = "/rows?table=Results&$filter=state%20eq%20'FAILED'"
PATHS = [
    "/",
    "/odata/v4/",
    "/insights",
    "/insights?from=2025-01-01&to=2025-12-31",
    ROWS,
    "/rows?table=Users",
    "/person?id=usr-000001",
    "/content?id=cnt-0001",
    "/dashboard",
    "/connect",
    "/status",
    "/requests",
    PLAN,
]
_LABELS = ("year", "month", "days")
DRAWN = """() => [...document.querySelectorAll(".chart")].map((chart) => ({
  query: chart.querySelector("pre").textContent,
  labels: Chart.getChart(chart.querySelector("canvas")).data.labels,
  bars: Chart.getChart(chart.querySelector("canvas")).data.datasets.map((each) => each.data),
}))"""


def test_a_first_visit_reads_the_data_and_sees_it_come(browser: Browser, dataset: Dataset) -> None:
    with (
        bridge(dataset, faults=Faults(latency_seconds=0.3)) as gateway,
        tab(browser, gateway.root.removesuffix("/odata/v4/")) as visitor,
    ):
        page = visitor.open("/")
        expect(page.get_by_text(WORDS.state.none, exact=True)).to_be_visible()
        page.get_by_role("button", name=WORDS.state.read).click()
        expect(page.get_by_role("progressbar", name=WORDS.state.reading)).to_be_visible()
        expect(page.locator(".figure")).to_have_text(
            f"2,000 {WORDS.state.rows.forms['other']}", timeout=20_000
        )


def test_the_url_can_be_copied(browser: Browser, base: str) -> None:
    with tab(browser, base, permissions=["clipboard-read", "clipboard-write"]) as visitor:
        page = visitor.open("/connect")
        page.get_by_role("button", name=WORDS.copy.action).first.click()
        expect(page.get_by_role("status")).to_have_text(WORDS.copy.done)
        assert page.evaluate("navigator.clipboard.readText()") == f"{base}/odata/v4/"


def test_every_bar_is_a_number_of_the_feed(visitor: Watched) -> None:
    drawn = visitor.open("/dashboard").evaluate(DRAWN)
    assert len(drawn) == 8
    for chart in drawn:
        seen = [sum(values) for values in zip(*chart["bars"], strict=True)]
        assert seen == fed(visitor.base, chart["query"]), chart["query"]
        assert len({*chart["labels"]}) == len(chart["labels"]) == len(seen)


def test_a_bar_of_states_has_each_state_in_its_place(visitor: Watched) -> None:
    page = visitor.open("/dashboard")
    table = page.locator("#p-months ~ details table")
    heads = table.locator("thead th").all_text_contents()[1:]
    cells = table.locator("tbody tr").first.locator("td").all_text_contents()
    rows = feed(visitor.base, page.locator("#q-months").text_content() or "")
    newest = [row for row in rows if row["year"] == rows[0]["year"]]
    numbers = {r["state"]: r["results"] for r in newest if r["month"] == rows[0]["month"]}
    shown = dict(zip(heads, cells, strict=True))
    assert {vars(WORDS.names)[state]: str(n) for state, n in numbers.items()} == {
        name: n for name, n in shown.items() if n != "0"
    }


def test_figures_are_those_of_the_feed(visitor: Watched) -> None:
    page = visitor.open("/dashboard")
    count = httpx.get(f"{visitor.base}/odata/v4/Results/$count").text
    shown = page.locator("[data-figure=results]").inner_text()
    assert shown.replace(",", "") == count


def test_each_chart_leads_to_its_feed_and_to_its_plan(visitor: Watched) -> None:
    page = visitor.open("/dashboard")
    links = page.locator(".chart .links a")
    targets = links.evaluate_all("all => all.map((each) => each.href)")
    assert len(targets) == 24
    for target in targets:
        assert httpx.get(target).status_code == 200, target


@pytest.mark.parametrize("path", PATHS)
def test_nothing_sticks_out_of_a_phone(browser: Browser, base: str, path: str) -> None:
    with tab(browser, base, viewport={"width": 320, "height": 640}) as visitor:
        page = visitor.open(path)
        ends = "all => all.map((each) => each.getBoundingClientRect().right)"
        assert max(page.locator("nav a").evaluate_all(ends)) <= 320
        page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize(
    ("scheme", "width", "rules"),
    [
        ("light", 1280, {"rules": {"target-size": {"enabled": True}}}),  # WCAG 2.2, off by default
        ("light", 390, {"runOnly": ["target-size"]}),
        ("dark", 1280, {"runOnly": ["color-contrast"]}),
    ],
)
def test_pages_keep_the_rules_of_accessibility(
    browser: Browser,
    base: str,
    scheme: Literal["light", "dark"],
    width: int,
    rules: dict[str, Any],
) -> None:
    size = {"width": width, "height": 800}
    options = {"color_scheme": scheme, "reduced_motion": "reduce", "viewport": size}
    with tab(browser, base, **options) as visitor:
        for path in PATHS[1:]:
            page = visitor.open(path)
            page.evaluate(
                "document.querySelectorAll('details').forEach((each) => each.open = true)"
            )
            found = Axe().run(page, options=rules)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"


def test_pages_can_be_read_and_used_without_scripts(browser: Browser, base: str) -> None:
    with tab(browser, base, java_script_enabled=False, locale="en-US") as visitor:
        page = visitor.open("/dashboard")
        expect(page.locator("table").first).to_be_visible()
        months = page.locator("table[data-newest-first]")
        assert months.count() == 3
        for table in months.all():
            labels = table.locator("tbody th").all_text_contents()
            shown = [time.strptime(label, "%b %Y") for label in labels]
            assert shown == sorted(shown, reverse=True)
        expect(page.get_by_role("button", name=WORDS.copy.action)).to_have_count(0)
        page = visitor.open("/")
        page.get_by_role("button", name=WORDS.state.read).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(WORDS.home.title)
        page.locator("#Users summary").click()
        expect(page.locator("#Users table")).to_be_visible()


def test_a_keyboard_is_enough(visitor: Watched) -> None:
    page = visitor.open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=WORDS.nav.skip)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#Results') !== null"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#Results table")).to_be_visible()
    page.get_by_role("link", name=WORDS.nav.dashboard, exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(WORDS.dashboard.title)


def test_charts_follow_the_colours_of_the_system(visitor: Watched) -> None:
    page = visitor.open("/dashboard")
    colour = "Chart.getChart(document.querySelector('canvas')).data.datasets[0].backgroundColor[0]"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    until = time.monotonic() + 10
    while page.evaluate(colour) == light:  # wait_for_function evaluates texts, which pages forbid
        assert time.monotonic() < until
        page.wait_for_timeout(50)


def test_an_error_says_what_to_do(visitor: Watched) -> None:
    visitor.expected.add(404)
    page = visitor.open("/explain/Resultz")
    expect(page.get_by_role("heading", level=1)).to_have_text(WORDS.error.title)
    expect(page.locator("main")).to_contain_text("Resultz")
    page.get_by_role("link", name=WORDS.error.back).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(WORDS.home.title)


def test_the_files_to_connect_with_can_be_downloaded(visitor: Watched) -> None:
    page = visitor.open("/connect")
    targets = page.locator("a[download]").evaluate_all("all => all.map((each) => each.href)")
    assert len(targets) == 13
    for target in targets:
        answer = httpx.get(target)
        assert (answer.status_code, bool(answer.content)) == (200, True), target


def fed(base: str, query: str) -> list[float]:
    """The length of each bar, added up from a chart's feed; of months the oldest first."""
    lengths: dict[object, float] = {}
    months = "month" in query
    for number, row in enumerate(feed(base, query)):
        label = (row["year"], row["month"]) if months else number
        numbers = (v for k, v in row.items() if k not in _LABELS and isinstance(v, int | float))
        lengths[label] = lengths.get(label, 0) + sum(numbers)
    found = [*lengths.values()]
    return found[:12][::-1] if months else found


def feed(base: str, query: str) -> list[dict[str, Any]]:
    path, _, options = query.partition("?")
    answer = httpx.get(f"{base}/odata/v4/{path}?{quote(options, safe='$&=,()/')}")
    rows: list[dict[str, Any]] = answer.json()["value"]
    return rows
