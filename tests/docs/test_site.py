"""`make docs`: no dead links, no page asks another host, and the site is searched in a folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.browser.chromium import CHROMIUM, chromium, tab
from tests.docs.render import ROOT

_ASKED = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=["']?([^"'\s>]+)""")


class _Links(HTMLParser):
    """Where a page leads, and the places in it that have a name."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.names: set[str] = {""}
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.targets.append(value)
            elif name == "id" and value is not None:
                self.names.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    assert {page.with_suffix(".html") for page in pages} <= {
        path.relative_to(site) for path in site.rglob("*.html")
    }
    assert (site / "search" / "search_index.json").stat().st_size > 10_000


def test_no_page_asks_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        for asked in _ASKED.findall(page.read_text("utf-8")):
            assert not re.match(r"(?:https?:)?//", asked), (page.name, asked)
    for style in site.rglob("*.css"):
        assert "url(http" not in style.read_text("utf-8")


def test_no_link_leads_nowhere(site: Path) -> None:
    pages = {page: _Links(page) for page in site.rglob("*.html") if page.name != "404.html"}
    assert sum(len(links.targets) for links in pages.values()) > 1_000
    for page, links in pages.items():
        for target in links.targets:
            if urlsplit(target).scheme:
                continue
            path, fragment = urldefrag(target)
            led = (page.parent / unquote(path)).resolve() if path else page
            assert led.is_relative_to(site), (page.name, target)
            assert led.exists(), (page.name, target)
            assert led not in pages or unquote(fragment) in pages[led].names, (page.name, target)


def test_files_outside_of_the_site_are_named(site: Path) -> None:
    text = (site / "operations.html").read_text("utf-8")
    assert "<code>deploy/systemd/skillhabit-odata.service</code>" in text
    assert "<code>CHANGELOG.md</code>" in text


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("page", ["index.html", "explanation/nulls.html"])
def test_the_search_finds_something_in_a_folder(site: Path, page: str) -> None:
    with chromium() as browser, tab(browser, site.as_uri()) as visitor:
        found = visitor.open(f"/{page}")
        found.get_by_placeholder("Search").click()
        found.keyboard.type("deltaLink", delay=20)
        link = found.locator(".md-search-result__link").first
        link.wait_for(timeout=10_000)
        link.click()
        found.locator("article").filter(has_text="deltaLink").wait_for()
        assert not found.url.endswith(page)
