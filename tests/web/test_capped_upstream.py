"""A second number for each total: upstreams that cap what they find, over real sockets."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gateway.contract.loader import built_in_contract
from gateway.sandbox import Dataset, generate
from tests.support.capped import Restless, Upstream, ignore_range, lose_rows
from tests.support.live import running, served

WHOLE = "Results"
NUMBER = "Results/$count"
WINDOW = "Results?$top=5"
QUESTIONS = (WHOLE, NUMBER, WINDOW, "Results?$top=0&$count=true", "Results?$orderby=progress")


@contextmanager
def behind(
    upstream: Upstream, settings: dict[str, object] | None = None
) -> Iterator[Callable[[str], httpx.Response]]:
    """Asks a gateway in front of the upstream."""
    quick = {"retry_budget": 1, "page_size": 10_000, "early_pages": False, **(settings or {})}
    with (
        running(upstream.app()) as base,
        served(base, quick) as root,
        httpx.Client(timeout=60) as client,
    ):
        yield lambda path: client.get(root + path)


def small_pages(folder: Path, maximum: int) -> str:
    path = folder / "contract.toml"
    text = built_in_contract().replace("largest = 1000 ", f"largest = {maximum} ")
    path.write_text(text, "utf-8")
    return str(path)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_cap_is_a_502_that_names_it(question: str) -> None:
    with behind(Upstream(generate(2_600), cap=2_000), {"early_pages": True}) as ask:
        for _ in range(2):
            answer = ask(question)
            assert answer.status_code == 502, answer.text[:500]
            message = answer.json()["error"]["message"]
            assert re.search(r"2000 rows, but 2[0-9]{3} for those", message)
            assert "caps" in message


@pytest.mark.parametrize(
    ("rows", "cap", "maximum"),
    [(26, 20, 1000), (26, 20, 10), (26, 20, 20), (3, 2, 1000), (21, 20, 20), (400, 20, 20)],
)
def test_a_cap_is_found_whatever_its_place_among_pages(
    tmp_path: Path, rows: int, cap: int, maximum: int
) -> None:
    settings: dict[str, object] = {"contract": small_pages(tmp_path, maximum)}
    for question in QUESTIONS:
        with behind(Upstream(generate(rows), cap=cap), settings) as ask:
            answer = ask(question)
            assert answer.status_code == 502, answer.text[:500]
            assert f"{cap} rows, but" in answer.json()["error"]["message"]


def test_fewer_rows_than_the_cap_are_answered() -> None:
    upstream = Upstream(generate(2_600), cap=2_000)
    expected = sum(row["state"] == "FAILED" for row in upstream.rows.to_rows())
    with behind(upstream) as ask:
        number = ask(f"{NUMBER}?$filter=state eq 'FAILED'")
        assert (number.status_code, number.text) == (200, str(expected))
        assert ask(NUMBER).status_code == 502, "what was found of fewer rows proves nothing of all"
        feed = ask(f"{WHOLE}?$filter=state eq 'FAILED'")
        assert len(feed.json()["value"]) == expected


def test_a_cold_count_asks_once_and_a_full_extract_asks_again() -> None:
    upstream = Upstream(generate(120))
    with behind(upstream, {"fresh_for": 0, "full_refresh_every": 0}) as ask:
        calls = []
        for path in (NUMBER, NUMBER, QUESTIONS[3], f"{NUMBER}?$filter=state eq 'FAILED'"):
            before = len(upstream.bodies)
            assert ask(path).status_code == 200
            calls.append(len(upstream.bodies) - before)
    assert calls == [4, 1, 1, 1]


def test_every_full_extract_of_several_pages_asks_again(tmp_path: Path) -> None:
    settings: dict[str, object] = {"contract": small_pages(tmp_path, 50), "fresh_for": 0}
    upstream = Upstream(generate(120))
    with behind(upstream, {**settings, "full_refresh_every": 0}) as ask:
        assert ask(WHOLE).status_code == 200
        upstream.cap = 100
        assert ask(WHOLE).status_code == 502


@pytest.mark.parametrize("rows", [0, 1])
def test_where_there_are_no_halves_nothing_more_is_asked(rows: int) -> None:
    upstream = Upstream(generate(rows))
    with behind(upstream, {"fresh_for": 0}) as ask:
        for path in QUESTIONS:
            before = len(upstream.bodies)
            assert ask(path).status_code == 200
            assert len(upstream.bodies) - before == 1


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if "caps its results" in r.getMessage()]


@pytest.mark.parametrize("rows", [30, 2_300])
def test_a_range_filter_that_is_ignored_is_a_warning(
    rows: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with behind(Upstream(generate(rows), asked=ignore_range)) as ask:
        assert ask(NUMBER).text == str(rows)
        assert len(ask(WHOLE).json()["value"]) == rows
    assert "ignores the filter by updatedAt" in warned(caplog)[0]


def test_rows_of_one_instant_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    rows = [{**row, "updatedAt": "2024-05-01T00:00:00Z"} for row in generate(40).to_rows()]
    with behind(Upstream(Dataset.from_rows(rows))) as ask:
        assert ask(NUMBER).text == "40"
        assert len(ask(WHOLE).json()["value"]) == 40
    assert "all rows have the same updatedAt" in warned(caplog)[0]


def test_halves_with_fewer_rows_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with behind(Upstream(generate(60), answered=lose_rows)) as ask:
        assert ask(NUMBER).text == "60"
        assert len(ask(WHOLE).json()["value"]) == 60
    assert "it reports 60 rows, but" in warned(caplog)[0]


def test_a_total_that_moves_while_it_is_compared_is_a_503() -> None:
    with behind(Upstream(generate(60), answered=Restless())) as ask:
        answer = ask(NUMBER)
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"]


def test_rows_that_come_while_halves_are_counted_are_no_cap() -> None:
    upstream = Upstream(generate(60))
    upstream.answered = lambda up, _, __: up.sandbox.drift.mutate("insert")
    with behind(upstream) as ask:
        assert ask(NUMBER).status_code == 200
        assert ask(WHOLE).status_code == 200


def test_instants_that_are_finer_than_the_range_are_counted_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    rows = [
        {**row, "updatedAt": f"2024-05-01T00:00:00.{number:07}Z"}
        for number, row in enumerate(generate(60).to_rows())
    ]
    rows += [
        {**row, "id": f"later {row['id']}", "updatedAt": f"2024-05-01T00:00:00.{number:03}0001Z"}
        for number, row in enumerate(rows)
    ]
    with behind(Upstream(Dataset.from_rows(rows))) as ask:
        assert ask(NUMBER).text == "120"
        assert len(ask(WHOLE).json()["value"]) == 120
    assert warned(caplog) == []
