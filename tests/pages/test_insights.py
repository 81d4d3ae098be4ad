"""Insights over a real socket: what the page says, for whom, and with hostile texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx
import pytest

from gateway.pages.languages import read_texts
from gateway.sandbox import generate
from gateway.sandbox.company import generate_company
from tests.support.live import Bridge, bridge

HTML = {"Accept": "text/html"}
WORDS = read_texts()
_RANKED = 50


@pytest.fixture(scope="module")
def gateway() -> Iterator[Bridge]:
    """More contents than the table shows."""
    with bridge(generate(3_000, seed=5)) as running:
        assert len(running.feed("Results?$apply=groupby((contentId))")) > _RANKED
        yield running


@pytest.fixture(scope="module")
def company() -> Iterator[Bridge]:
    """People who have done something lately."""
    with bridge(generate_company(1_500, datetime.now(UTC))) as running:
        running.feed("Results?$select=id")
        yield running


def page(gateway: Bridge, path: str) -> httpx.Response:
    return gateway.client.get(gateway.root.removesuffix("/odata/v4/") + path, headers=HTML)


def ranked(text: str) -> list[str]:
    """The lines of the table of who is behind."""
    body = text.partition('<table class="ranked">')[2].partition("<tbody>")[2]
    return re.findall(r"<tr>.*?</tr>", body.partition("</tbody>")[0], re.DOTALL)


def test_a_table_that_is_cut_says_so(gateway: Bridge) -> None:
    note = WORDS.insights.cut.forms["other"].format(count=_RANKED)
    cut = page(gateway, "/insights?by=contentId").text
    assert (len(ranked(cut)), note in cut) == (_RANKED, True)
    whole = page(gateway, "/insights?by=enrollmentType").text
    assert 0 < len(ranked(whole)) < _RANKED
    assert note not in whole


def headings(text: str) -> list[str]:
    head = text.partition('<table class="ranked">')[2].partition("</thead>")[0]
    return [unescape(each) for each in re.findall(r'href="([^"]+)"', head)]


def shares(text: str, place: int) -> list[float]:
    """The percentages of a column of the table, from the top."""
    cells = (re.findall(r'<td class="number"><a [^>]+>([^<]+)</a>', line) for line in ranked(text))
    found = (each[place].removesuffix("%") for each in cells if len(each) > place)
    return [float(each) for each in found if each[0].isdigit()]


def card(text: str, figure: str) -> str:
    return text.partition(f'data-figure="{figure}"')[2].partition("</div>")[0]


def test_headers_sort_in_both_directions(gateway: Bridge) -> None:
    worst = page(gateway, "/insights?by=contentId").text
    assert shares(worst, 0) == sorted(shares(worst, 0))
    assert 'aria-sort="ascending"' in worst
    best = page(gateway, headings(worst)[2]).text
    assert shares(best, 0) == sorted(shares(best, 0), reverse=True)
    assert 'aria-sort="descending"' in best
    failed = page(gateway, next(link for link in headings(best) if "sort=failed" in link)).text
    place = sum(link.partition("sort=")[2] != "-failed" for link in headings(failed)) - 2
    assert shares(failed, place) == sorted(shares(failed, place), reverse=True)
    by_name = page(gateway, "/insights?by=region&sort=name").text
    names = [re.findall(r'<th scope="row"><a [^>]+>([^<]*)<', line)[0] for line in ranked(by_name)]
    assert len(names) > 2
    assert names[1:] == sorted(names[1:], key=str.casefold)


def test_a_period_limits_the_figures_with_a_date_and_says_so(gateway: Bridge) -> None:
    always = page(gateway, "/insights").text
    limited = page(gateway, "/insights?from=2025-02-01&to=2025-02-28").text
    rows = gateway.feed(
        "Results?$filter=state%20eq%20'APPROVED'%20and%20enrollmentType%20ne%20'NOT_ENROLLED'%20and"
        "%20completedAt%20ge%202025-02-01T00:00:00Z%20and%20completedAt%20lt%202025-03-01T00:00:00Z"
        "&$select=id,enrollmentType"
    )
    number = sum(row["enrollmentType"] is not None for row in rows)
    assert f">{number}</a>" in card(limited, "completed")
    date = WORDS.insights.dates.completedAt
    assert WORDS.insights.in_period.format(date=date) in card(limited, "completed")
    assert card(always, "compliance").partition("<p class=")[0] in limited
    assert WORDS.insights.at_moment in card(limited, "compliance")
    assert WORDS.insights.at_moment not in always
    assert 'value="2025-02-28"' in limited
    for name in ("completed", "timeToComplete"):
        title = vars(WORDS.insights.figures)[name].title
        assert title in always.partition(WORDS.insights.period_help)[2].partition("</form>")[0]
    assert "ending" not in re.findall(r'data-figure="(\w+)"', always)
    assert "ending" in re.findall(r'data-figure="(\w+)"', limited)


def test_the_rows_behind_a_figure_are_those_of_the_period(gateway: Bridge) -> None:
    text = card(page(gateway, "/insights?from=2025-02-01&to=2025-02-28").text, "completed")
    (number,) = re.findall(r">(\d+)</a>", text)
    (link,) = re.findall(r'class="figure"><a href="([^"]+)"', text)
    assert f" of {number}</p>" in page(gateway, unescape(link)).text


@pytest.mark.parametrize("name", ["people", "active30"])
def test_a_figure_of_people_leads_to_the_people(company: Bridge, name: str) -> None:
    text = card(page(company, "/insights").text, name)
    number = re.findall(r'class="muted">([\d,]+) of', text)[0]
    (link,) = re.findall(r'class="figure"><a href="([^"]+)"', text)
    rows = page(company, unescape(link)).text
    assert f" of {number}</p>" in rows
    people = [unescape(each) for each in re.findall(r'href="(/person[^"]+)"', rows)]
    assert people
    assert page(company, people[0]).status_code == 200


@pytest.mark.parametrize("query", ["from=soon", "from=2025-02-02&to=2025-02-01", "to=2025-02-30"])
def test_what_is_no_period_is_refused(gateway: Bridge, query: str) -> None:
    answer = page(gateway, f"/insights?{query}")
    assert answer.status_code == 400
    assert 'class="card' in answer.text


def test_a_text_is_not_mistaken_for_a_listed_value() -> None:
    """A department may have the name of a column or of a state."""
    row: dict[str, Any] = {**generate(1).to_rows()[0]}
    row["user"] = {**row["user"], "customFields": [department("learners")]}
    with bridge([row]) as running:
        running.feed("Results?$select=id")
        lines = ranked(page(running, "/insights?by=department").text)
        rows = page(running, "/rows?table=Results&$select=department").text
    assert "learners</a>" in lines[0]
    assert "<td>learners</td>" in rows


def test_a_name_in_a_url_is_looked_up_among_the_figures_alone(gateway: Bridge) -> None:
    for name in ("__class__", "__dict__", "<b>"):
        answer = page(gateway, f"/rows?table=Results&of={name}")
        assert answer.status_code == 200
        assert "<h1>Results</h1>" in answer.text


def department(value: str) -> dict[str, str]:
    return {"customFieldId": "cf_department", "name": "Department", "value": value}


def test_a_custom_field_does_not_take_the_name_of_the_period() -> None:
    fields = (("from", "cf_department"), ("region", "cf_region"))
    with bridge(generate(50), settings={"custom_field": fields}) as running:
        running.feed("Results?$select=id")
        answer = page(running, "/insights?from=2025-01-01&by=from")
    assert answer.status_code == 200
    assert answer.text.count('name="from"') == 1


IGNORED = [
    ("/insights?department=Sales", "in single quotes"),
    ("/insights?department='Sales", "in single quotes"),
    ("/insights?dept='Sales'", "no such filter"),
    ("/insights?userName='x'", "no such filter"),
    ("/insights?department='Sales'&department='HR'", "twice"),
    ("/rows?table=Results&$filtr=state eq 'FAILED'", "$filtr"),
    ("/rows?table=Results&$filter=progress gt 1&$filter=progress gt 2", "twice"),
    ("/odata/v4/Results?$filtr=state eq 'FAILED'", "$filtr"),
]


@pytest.mark.parametrize(("path", "word"), IGNORED)
def test_no_filter_is_ignored(gateway: Bridge, path: str, word: str) -> None:
    """Numbers of all rows would be taken for those of the filter."""
    answer = page(gateway, path)
    assert answer.status_code == 400
    assert word in unescape(answer.text)
    assert "Sales" not in unescape(answer.text).replace(path, "")
