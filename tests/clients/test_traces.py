"""Published requests that Power Query was seen to send, on our model; and that none is forgotten.

Names in brackets are those of the corpus of traces: A and V are captured, I inferred.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.conftest import Ask, keys_of_feed, unpacked
from tests.clients.header_blocks import POWER_QUERY
from tests.support.flat import FlatRow, with_instants
from tests.support.live import Bridge
from tests.support.wire import connected

RESULTS = "/odata/v4/Results"


def test_every_trace_of_the_corpus_is_played() -> None:
    names = {f"{kind}{n}" for kind, last in (("V", 28), ("A", 6), ("I", 26)) for n in _to(last)}
    files = Path(__file__).parents[1].rglob("test_*.py")
    heads = [h for file in files for h in re.findall(r"def test_(\w+)", file.read_text("utf-8"))]
    played = {name.upper() for head in heads for name in _leading(head)}
    assert names - played == set()


def _to(last: int) -> range:
    return range(1, last + 1)


def _leading(head: str) -> list[str]:
    """`v12_i19_a_custom` names V12 and I19."""
    found = re.match(r"(?:[via]\d+_)+", head)
    return found[0].strip("_").split("_") if found else []


def test_v2_a_preview_of_ten_rows_has_no_link(ask: Ask, expected: list[FlatRow]) -> None:
    page = ask(f"{RESULTS}?$top=10", POWER_QUERY).json()
    assert with_instants(page["value"]) == expected[:10]
    assert "@odata.nextLink" not in page


def test_v4_a_filter_and_columns_as_the_engine_encodes_them(
    live: Bridge, ask: Ask, expected: list[FlatRow]
) -> None:
    answer = ask(
        f"{RESULTS}?$filter=enrollmentType%20eq%20%27NOT_ENROLLED%27&$select=id%2Cregion",
        POWER_QUERY,
    )
    page = answer.json()
    assert page["@odata.context"] == f"{live.root}$metadata#Results(id,region)"
    wanted = [row for row in expected if row["enrollmentType"] == "NOT_ENROLLED"]
    assert page["value"] == [{"id": row["id"], "region": row["region"]} for row in wanted] != []


@pytest.mark.parametrize("comma", ["%2C", ","], ids=["encoded", "raw"])
def test_v5_v11_commas_come_encoded_and_raw(
    live: Bridge, ask: Ask, expected: list[FlatRow], comma: str
) -> None:
    names = ("userName", "contentName", "state")
    page = ask(f"{RESULTS}?$select={comma.join(names)}&$top=20", POWER_QUERY).json()
    assert page["@odata.context"] == f"{live.root}$metadata#Results(userName,contentName,state)"
    found = [{name: row[name] for name in names} for row in page["value"]]
    assert found == [{name: row[name] for name in names} for row in expected[:20]]


@pytest.mark.parametrize(
    ("encoded", "start"),
    [
        ("2023-02-03T04%3A05%3A06Z", datetime(2023, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2023-02-03T00%3A00%3A00%2B01%3A00", datetime(2023, 2, 2, 23, tzinfo=UTC)),
    ],
)
def test_v6_v7_instants_come_in_utc_and_with_the_author_s_offset(
    ask: Ask, expected: list[FlatRow], encoded: str, start: datetime
) -> None:
    target = f"{RESULTS}?$filter=updatedAt%20gt%20{encoded}&$top=1000"
    later = [row["id"] for row in expected if row["updatedAt"] > start]
    assert len(later) > 10
    assert [row["id"] for row in ask(target, POWER_QUERY).json()["value"]] == later[:1000]


def test_v13_a_slash_before_the_query_and_a_blank_inside_the_parenthesis(
    ask: Ask, expected: list[FlatRow]
) -> None:
    found = keys_of_feed(ask, f"{RESULTS}/?$filter=(progress%20eq%20100%20)&$select=id")
    assert found == [row["id"] for row in expected if row["progress"] == 100] != []


def test_v14_a_function_of_a_column_behind_a_slash(ask: Ask, expected: list[FlatRow]) -> None:
    found = keys_of_feed(ask, f"{RESULTS}/?$filter=year(startedAt)%20eq%202023&$select=id")
    started = [row for row in expected if row["startedAt"] is not None]
    assert found == [row["id"] for row in started if row["startedAt"].year == 2023] != []


def test_v9_v19_one_request_for_each_row_on_a_connection(
    live: Bridge, expected: list[FlatRow]
) -> None:
    """Power Query expands a column so when it does not fold: 200, or 204, never 400."""
    with connected(live.root) as wire:
        for row in expected[:100]:
            key = quote(row["id"].replace("'", "''"), safe="")
            answer = unpacked(wire.send(f"{RESULTS}('{key}')/user", POWER_QUERY))
            assert (answer.status, answer.json()["id"]) == (200, row["userId"])


def test_v16_a_column_and_an_expansion(live: Bridge, ask: Ask, expected: list[FlatRow]) -> None:
    """The context lists both, without parentheses, which this client refuses."""
    page = ask(f"{RESULTS}?$select=state&$expand=user", POWER_QUERY).json()
    assert page["@odata.context"] == f"{live.root}$metadata#Results(state,user)"
    found = [(row["state"], row["user"]["id"]) for row in page["value"]]
    assert found == [(row["state"], row["userId"]) for row in expected[: len(found)]]


def test_v17_an_entity_and_its_rows(live: Bridge, ask: Ask, expected: list[FlatRow]) -> None:
    user_id = expected[0]["userId"]
    answer = ask(f"/odata/v4/Users('{user_id}')?$expand=results", POWER_QUERY).json()
    assert answer["@odata.context"] == f"{live.root}$metadata#Users/$entity"
    own = [row for row in expected if row["userId"] == user_id]
    assert with_instants(answer["results"]) == own


@pytest.mark.parametrize(
    "options", ["$expand=content", "$select=*,user,content&$expand=user,content"]
)
def test_v18_no_column_is_lost_beside_an_expansion(
    ask: Ask, expected: list[FlatRow], options: str
) -> None:
    rows = ask(f"{RESULTS}?{options}&$top=5", POWER_QUERY).json()["value"]
    assert [row.pop("content")["id"] for row in rows] == [r["contentId"] for r in expected[:5]]
    for row in rows:
        row.pop("user", None)
    assert with_instants(rows) == expected[:5]
