"""Answers worked out by hand from the standard, asked of a live gateway over six rows.

`fixture.json` holds the rows, `golden.jsonl` the questions with what the standard wants.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.support.live import Bridge
from tests.support.six_rows import six_rows_bridge

Case = Mapping[str, Any]

_HERE = Path(__file__).parent
CASES: tuple[Case, ...] = tuple(
    json.loads(line) for line in (_HERE / "golden.jsonl").read_text("utf-8").splitlines()
)


@pytest.fixture(scope="module")
def six_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    with six_rows_bridge(tmp_path_factory.mktemp("golden")) as running:
        yield running


def ask(bridge_: Bridge, case: Case) -> httpx.Response:
    if case["kind"] == "http":
        body = case.get("request_body")
        url = bridge_.root + case["path"]
        headers = case.get("headers")
        return bridge_.client.request(case["method"], url, headers=headers, content=body)
    query = case["query"] if case.get("raw") else _encoded(case["query"])
    return bridge_.get(f"Results?{query}")


def _encoded(query: str) -> str:
    """Percent-encode the values; an ampersand inside one is followed by no option's name."""
    pairs = (option.partition("=") for option in re.split(r"&(?=\$?\w+=)", query))
    return "&".join(f"{name}={quote(value)}" for name, _, value in pairs)


def complaint(case: Case, answer: httpx.Response) -> str:
    """What the standard does not like about the answer; empty when it is right."""
    statuses = [*case.get("status", [200]), *case.get("alternatives_status", [])]
    if case["kind"] == "http":
        statuses += case.get("alternatives", [])
    if answer.status_code not in statuses:
        return f"status {answer.status_code}: {answer.text}"
    if answer.status_code >= 400:
        error = answer.json()["error"]
        return "" if error["code"] and error["message"] else "an error without code or message"
    return _check_content(case, answer) if case["kind"] == "http" else _check_rows(case, answer)


def _check_content(case: Case, answer: httpx.Response) -> str:
    bodies = [case.get("body", answer.text), *case.get("body_alternatives", [])]
    type_ = case.get("content_type", "")
    if answer.text not in bodies or not answer.headers.get("content-type", "").startswith(type_):
        return f"{answer.headers.get('content-type')}: {answer.text}"
    for name, value in case.get("expect_headers", {}).items():
        if answer.headers.get(name) != value:
            return f"{name}: {answer.headers.get(name)}"
    if "context" in case and not answer.json()["@odata.context"].endswith(case["context"]):
        return str(answer.json()["@odata.context"])
    if "json_has" in case and not {"@odata.context", "value"} <= answer.json().keys():
        return answer.text
    return ""


def _check_rows(case: Case, answer: httpx.Response) -> str:
    body = answer.json()
    rows = body["value"]
    if "expect_rows" in case:
        rows = [{n: v for n, v in row.items() if "@" not in n} for row in rows]  # properties only
        wanted, same = case["expect_rows"], _sorted(rows) == _sorted(case["expect_rows"])
        return "" if (rows == wanted if case["ordered"] else same) else str(rows)
    ids = [row["id"] for row in rows]
    if "@odata.nextLink" in body or body.get("@odata.count") != case.get("expect_count"):
        return answer.text
    if "expect_groups" in case:
        groups = iter(ids)
        cut = [sorted(next(groups, "") for _ in group) for group in case["expect_groups"]]
        right = cut == [sorted(group) for group in case["expect_groups"]] and len(ids) == 6
        return "" if right else str(ids)
    answers = [case["expect_ids"], *case.get("alternatives", [])] if "expect_ids" in case else []
    right = ids in answers if case["ordered"] else sorted(ids) in [sorted(a) for a in answers]
    return "" if right else str(ids)


def _sorted(rows: list[Any]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def _named(cases: list[Case]) -> list[Any]:
    return [pytest.param(c, id=f"{c['id']} {c.get('query') or c.get('path')}") for c in cases]


@pytest.mark.parametrize("case", _named(list(CASES)))
def test_every_question_is_answered_as_the_standard_wants(six_rows: Bridge, case: Case) -> None:
    assert complaint(case, ask(six_rows, case)) == ""
