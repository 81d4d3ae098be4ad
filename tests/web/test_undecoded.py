"""Values that the contract cannot decode: shown as null, and never a part of another response."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.contract.loader import built_in_contract
from tests.faults.test_odd_rows import sound
from tests.support.live import served
from tests.support.odd_upstream import OddUpstream, odd_upstream

STEPS = {
    "progress": '["number"]',
    "userName": '["lower"]',
    "startedAt": '[{ instant = "iso", zone = "UTC" }]',
}
FORMATS = ("json", "csv", "xlsx", "arrow", "parquet")

READING: list[tuple[str, str]] = [
    ("progress", "Results?$filter=progress gt 10"),
    ("progress", "Results?$filter=not (progress gt 10)"),
    ("progress", "Results?$filter=progress eq null&$top=2"),
    ("progress", "Results?$filter=state eq 'FAILED' and progress gt 10"),
    ("progress", "Results?$orderby=progress desc"),
    ("progress", "Results?$orderby=progress&$top=2"),
    ("progress", "Results?$compute=progress mul 2 as twice&$select=twice"),
    ("progress", "Results?$apply=aggregate(progress with average as mean)"),
    ("progress", "Results?$apply=groupby((progress),aggregate($count as n))"),
    ("progress", "Results?$apply=filter(progress gt 1)/aggregate($count as n)"),
    ("progress", "Results?$apply=topcount(2,progress)"),
    ("progress", "Results/$filter(progress gt 10)"),
    ("progress", "Users?$filter=results/any(r:r/progress gt 10)&$select=id"),
    ("progress", "Users('u0')/results?$filter=progress gt 10"),
    ("progress", "ResultRows?$filter=progress gt 10"),
    ("progress", "UserStatistics"),
    ("progress", "ContentStatistics?$select=contentId,averageProgress"),
    ("progress", "Statistics"),
    ("userName", "Results?$search=user"),
    ("userName", "Results?$filter=contains(userName,'u')"),
    ("userName", "Users?$orderby=name"),
    ("userName", "Results?$filter=user/name eq 'x'"),
    ("userName", "Results?$orderby=user/name"),
    ("userName", "Groups?$filter=members/any(m:m/user/name eq 'x')"),
    ("startedAt", "Results?$filter=year(startedAt) eq 2024"),
    ("startedAt", "Results?$apply=groupby((startedAt))"),
]
NO_FILE: list[tuple[str, str]] = [
    ("progress", "Results/$count?$filter=progress gt 10"),
    ("progress", "Results?$filter=progress gt 10&$count=true"),
    ("progress", "Users?$expand=results($filter=progress gt 1)"),
    ("progress", "Users?$expand=results($orderby=progress)"),
]
SHOWING = (
    "Results",
    "Results?$select=id,progress,userName,startedAt",
    "Results?$top=3",
    "Results?$filter=state eq 'FAILED'",
    "Results?$filter=updatedAt gt 2024-05-02T00:00:00Z&$top=2",
    "Results?$orderby=state",
    "Results?$apply=groupby((state),aggregate($count as n))",
    "ResultRows?$select=id,progress",
    "Users?$select=id",
    "Users",
    "Groups",
    "UserStatistics?$select=userId,results",
)


def contract_file(folder: Path) -> Path:
    text = built_in_contract()
    for name, steps in STEPS.items():
        head, start, rest = text.partition(f'[[columns]]\nname = "{name}"\n')
        text = f"{head}{start}decode = {steps}\n{rest}"
    path = folder / "contract.toml"
    path.write_text(text, "utf-8")
    return path


def rows() -> list[dict[str, Any]]:
    """Nine rows; each column has a value that its steps cannot read."""
    found = [sound(number) for number in range(9)]
    found[2]["progress"] = "unknown"
    found[4]["user"]["name"] = 7
    found[5]["startedAt"] = "soon"
    return found


@pytest.fixture(scope="module")
def upstream() -> Iterator[OddUpstream]:
    with odd_upstream(rows()) as upstream:
        yield upstream


@pytest.fixture(scope="module", params=["whole first", "nothing loaded"])
def root(
    upstream: OddUpstream,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[str]:
    """A gateway that has loaded all rows, or none before the first request of the module."""
    contract = contract_file(tmp_path_factory.mktemp("contract"))
    settings = {"contract": str(contract), "retry_budget": 0}
    with served(upstream.url, settings) as root:
        if request.param == "whole first":
            assert httpx.get(f"{root}Results").status_code == 200
        yield root


def refused(status: int, body: dict[str, Any], column: str) -> None:
    assert (status, body["error"]["code"]) == (502, "UpstreamBrokeContract"), body
    message = body["error"]["message"]
    assert f"a value in {column} that `decode` cannot read" in message
    assert "1 row of" in message
    assert "skillhabit-odata check" in message


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(("column", "path"), READING)
def test_nothing_depends_on_what_is_not_decoded(
    root: str, column: str, path: str, format_: str
) -> None:
    separator = "&" if "?" in path else "?"
    answer = httpx.get(f"{root}{path}{separator}$format={format_}")
    refused(answer.status_code, answer.json(), column)


@pytest.mark.parametrize(("column", "path"), [*READING, *NO_FILE])
def test_neither_in_a_batch_nor_as_a_count(root: str, column: str, path: str) -> None:
    requests = [{"id": "1", "method": "GET", "url": path}]
    answer = httpx.post(f"{root}$batch", json={"requests": requests})
    (found,) = answer.json()["responses"]
    body = found["body"]
    refused(found["status"], json.loads(body) if isinstance(body, str) else body, column)


@pytest.mark.parametrize("path", SHOWING)
def test_everything_else_is_served(root: str, path: str) -> None:
    answer = httpx.get(f"{root}{path}")
    assert answer.status_code == 200, answer.text
    shown = {row["id"]: row for row in answer.json()["value"] if str(row.get("id"))[:1] == "r"}
    for id_, name in (("r2", "progress"), ("r4", "userName"), ("r5", "startedAt")):
        if name in shown.get(id_, ()):
            assert shown[id_][name] is None


def test_single_values_are_shown(root: str) -> None:
    assert httpx.get(f"{root}Results('r2')").json()["progress"] is None
    assert httpx.get(f"{root}Results('r2')/progress").status_code == 204
    assert httpx.get(f"{root}Results/$count").text == "9"


def test_the_status_lists_such_rows(root: str) -> None:
    httpx.get(f"{root}Results")
    page = httpx.get(root.replace("odata/v4/", "status"), headers={"Accept": "text/html"}).text
    assert "a value that `decode` cannot read" in page


def test_a_corrected_row_is_read_again(tmp_path: Path) -> None:
    with (
        odd_upstream(rows()) as upstream,
        served(
            upstream.url,
            {"contract": str(contract_file(tmp_path)), "fresh_for": 0, "retry_budget": 0},
        ) as root,
    ):
        path = f"{root}Results?$filter=progress gt 10&$select=id"
        refused(502, httpx.get(path).json(), "progress")
        mended = rows()
        mended[2]["progress"] = "70"
        upstream.rows = mended
        answer = httpx.get(path, headers={"Cache-Control": "no-cache"})
        assert len(answer.json()["value"]) == 9, answer.text


def test_figures_of_the_pages_that_depend_on_it_are_left_out(root: str) -> None:
    httpx.get(f"{root}Results")
    page = httpx.get(root.replace("odata/v4/", "dashboard"), headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "APPROVED" in page.text or "Approved" in page.text
    assert "verage progress" not in page.text


def many_rows(wrong: int) -> list[dict[str, Any]]:
    """Two thousand rows, some of which have an instant that the steps cannot read."""
    found = [sound(number) for number in range(2_000)]
    for row in found[:wrong]:
        row["startedAt"] = "01.02.2024 10:00"
    return found


@pytest.mark.parametrize(("wrong", "is_refused"), [(2_000, True), (20, True), (19, False)])
def test_a_column_with_many_such_values_is_not_shown(
    tmp_path: Path, wrong: int, is_refused: bool
) -> None:
    """A column of nulls would be taken for facts; without the column, the rows are served."""
    settings = {"contract": str(contract_file(tmp_path)), "retry_budget": 0}
    with odd_upstream(many_rows(wrong)) as upstream, served(upstream.url, settings) as root:
        for path in ("Results", "Results?$select=startedAt", "ResultRows?$top=5"):
            answer = httpx.get(f"{root}{path}", timeout=60)
            assert answer.status_code == (502 if is_refused else 200)
            if is_refused:
                assert "leave it out of the response with $select" in answer.text
        assert len(httpx.get(f"{root}Results?$select=id").json()["value"]) == 2_000
        assert httpx.get(f"{root}Results/$count").text == "2000"
        assert httpx.get(f"{root}Users?$select=id,name&$top=1").status_code == 200
