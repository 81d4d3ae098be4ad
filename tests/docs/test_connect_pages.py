"""docs/powerbi.md and docs/excel.md: what they tell to download is there, what to ask answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.measures import measures_table, with_measures
from tests.docs.render import POWER_BI, ROOT
from tests.support.live import Bridge

_EXCEL = ROOT / "docs" / "excel.md"
_PATH = re.compile(r"`(?:https://bi\.example\.com)?(/(?:connect|odata/v4)/[^`]*)`")


@pytest.mark.parametrize("page", [POWER_BI, _EXCEL], ids=lambda page: page.name)
def test_every_url_answers(live: Bridge, page: Path) -> None:
    text = page.read_text("utf-8")
    paths = {path for path in _PATH.findall(text) if not path.endswith("=")}
    assert paths
    base = live.root.removesuffix("/odata/v4/")
    for path in paths:
        assert live.client.get(base + path).status_code == 200, path


def test_the_measures_are_listed_as_they_are() -> None:
    text = POWER_BI.read_text("utf-8")
    assert text == with_measures(text), "run `python -m tests.docs.render`"


def test_the_listed_queries_answer(live: Bridge) -> None:
    queries = re.findall(r"\| `([^|]*)` \|$", measures_table(), re.MULTILINE)
    assert len(queries) > 15
    for query in queries:
        answer = live.client.get(f"{live.root}Results", params={"$apply": query})
        assert list(answer.json()["value"][0])[-1] == "value", query
