"""The upstream's names are data: under other names, another contract file is all that changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.sandbox import Dataset, create_sandbox
from gateway.sandbox.app import Sandbox
from tests.support.live import SECRET, Bridge, running, served
from tests.web.renamed_upstream import contract_text, rename

QUESTIONS = [
    "Results?$count=true",
    "Results?$top=20",
    "Results?$orderby=updatedAt&$top=7&$skip=3",
    "Results?$orderby=userName desc,id&$top=50&$select=id,userName,department",
    "Results?$filter=state eq 'FAILED' or state eq 'EXPIRED'&$count=true",
    "Results?$filter=state ne 'APPROVED' and enrollmentType in ('MANDATORY','OPTIONAL')&$top=9",
    "Results?$filter=updatedAt ge 2024-01-01T00:00:00Z and updatedAt lt 2025-01-01T00:00:00Z",
    "Results?$filter=updatedAt gt 2024-02-29T23:59:59.999Z and updatedAt le 2024-12-31T12:00:00Z",
    "Results?$filter=expiryDate lt 2025-06-01T00:00:00Z&$orderby=expiryDate desc",
    "Results?$filter=expiryDate eq null&$select=id",
    "Results?$filter=groupIds/any(g:g eq 'grp-03')&$select=id,groupIds",
    "Results?$filter=department eq 'R%26D' and region ne 'EMEA'&$select=id,department,region",
    "Results?$filter=contains(contentName,'a') and progress ge 50&$orderby=progress desc&$top=30",
    "Results/$count",
    "Results/$count?$filter=state eq 'FAILED'",
    "Results?$apply=groupby((state),aggregate($count as n))&$orderby=n desc",
    "Results?$apply=filter(state ne 'FAILED' and updatedAt gt 2024-01-01T00:00:00Z)"
    "/aggregate($count as n,userId with countdistinct as u,contentId with countdistinct as c)",
    "Results?$apply=filter(certificateIssuedAt ne null)/aggregate($count as n)",
    "$metadata",
    "Users?$filter=name gt 'M'",
    "GroupStatistics?$orderby=results desc",
]


@pytest.fixture(scope="module")
def sandbox(dataset: Dataset) -> Sandbox:
    return create_sandbox(dataset, secret=SECRET)


@pytest.fixture(scope="module")
def renamed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The root of a gateway in front of the renamed upstream."""
    contract: Path = tmp_path_factory.mktemp("renamed") / "renamed.toml"
    contract.write_text(contract_text(), "utf-8")
    with (
        running(rename(sandbox), date_header=False) as upstream,
        served(upstream, {"contract": str(contract), "fresh_for": 0}) as root,
    ):
        yield root


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_renamed_upstream_gives_the_same_answers(
    live: Bridge, renamed: str, question: str
) -> None:
    plain, other = (live.client.get(root + question) for root in (live.root, renamed))
    assert plain.status_code == other.status_code == 200, other.text
    if question == "$metadata":
        assert _names(other.text) == _names(plain.text)
    else:
        assert other.text.replace(renamed, live.root) == plain.text


def test_a_renamed_upstream_is_paged_to_the_end(live: Bridge, renamed: str) -> None:
    pages = {"Prefer": "maxpagesize=333"}
    other = Bridge(renamed, "", None, live.client)
    question = "Results?$filter=state ne 'FAILED'&$orderby=contentName,id desc"
    assert other.feed(question, pages) == live.feed(question, pages)


def test_one_row_of_a_renamed_upstream(live: Bridge, renamed: str) -> None:
    key = live.get("Results?$top=1").json()["value"][0]["id"]
    row = live.client.get(f"{renamed}Results('{key}')")
    assert row.text.replace(renamed, live.root) == live.get(f"Results('{key}')").text


def test_sums_are_asked_under_the_other_names(live: Bridge, renamed: str, sandbox: Sandbox) -> None:
    sandbox.received.clear()
    question = "Results?$apply=filter(state eq 'FAILED')/groupby((enrollmentType))"
    assert live.client.get(renamed + question).status_code == 200
    assert [(r.path, r.body) for r in sandbox.received] == [
        ("/analyse/statistics", {"states": ["FAILED"]})
    ]


def test_filters_go_upstream_under_the_other_names(
    live: Bridge, renamed: str, sandbox: Sandbox
) -> None:
    sandbox.received.clear()
    question = "Results?$filter=enrollmentType eq 'OPTIONAL' and userId in ('usr-000001','x')"
    assert live.client.get(renamed + question).status_code == 200
    payload = sandbox.received[0].body
    assert payload["enrollmentTypes"] == ["OPTIONAL"]
    assert sorted(payload["userIds"]) == ["usr-000001", "x"]


def _names(text: str) -> list[str]:
    """Names and types of properties; the renamed contract calls more of them never null."""
    lines = (line.strip().rstrip("/> ") for line in text.splitlines() if "<Property " in line)
    return [line.replace(' Nullable="false"', "") for line in lines]
