"""Screenshots of the pages for people who have not installed anything: `make screenshots`.

Each page wide in light and in dark, and as a phone shows it, over made-up data.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from gateway.sandbox.company import generate_company
from tests.browser.chromium import CHROMIUM, chromium, tab
from tests.support.live import bridge

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
QUERY = (
    "Results?$filter=state in ('FAILED','EXPIRED') and contains(contentName,'safety')"
    "&$select=userName,contentName,state,progress,updatedAt&$orderby=updatedAt desc&$top=100"
)
PAGES = {
    "overview": "/",
    "query": f"/query?url={quote(QUERY)}",
    "insights": "/insights",
    "rows": "/rows?table=Results&$filter=state eq 'FAILED'&of=failed",
    "person": "/person?id=usr-000004",
    "content": "/content?id=cnt-0001",
    "dashboard": "/dashboard",
    "connect": "/connect",
    "status": "/status",
    "requests": "/requests",
    "explain": "/explain/Results?$filter=state ne 'APPROVED' and contains(contentName,'safety')",
}
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
Looks = dict[str, tuple[Literal["light", "dark"], dict[str, int]]]
LOOKS: Looks = {"light": ("light", WIDE), "dark": ("dark", WIDE), "phone": ("light", PHONE)}


def take() -> None:
    """All of them, over those that are there."""
    FOLDER.mkdir(exist_ok=True)
    settings = {"public_url": "https://bi.example.com"}
    with (
        bridge(generate_company(20_000, datetime.now(UTC)), settings=settings) as gateway,
        chromium() as browser,
    ):
        gateway.feed("Results?$select=id&$top=1&$orderby=progress")
        base = gateway.root.removesuffix("/odata/v4/")
        for set_ in gateway.get("").json()["value"]:
            gateway.get(f"{set_['name']}?$apply=aggregate($count as rows)")
        gateway.get(QUERY)
        for look, (scheme, size) in LOOKS.items():
            options = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}
            for name, path in PAGES.items():
                with tab(browser, base, **options) as visitor:
                    page = visitor.open(path)
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=FOLDER / f"{name}-{look}.png", full_page=look != "phone")


if __name__ == "__main__":
    if CHROMIUM is None:
        sys.exit("chromium is needed: apt-get install chromium")
    take()
