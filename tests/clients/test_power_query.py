"""Power Query in Power BI and Excel 365: the requests it is known to send, as it sends them.

Names in brackets are those of the corpus of traces: A and V are captured, I inferred.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from gateway.sandbox import Dataset
from tests.clients.conftest import Ask, payloads, read_feed, unpacked
from tests.clients.header_blocks import POWER_QUERY, POWER_QUERY_PINNED, basic
from tests.support.flat import FlatRow, with_instants
from tests.support.live import Bridge, bridge
from tests.support.wire import WireAnswer, connected, send
from tests.web.batches import MULTIPART, Request, answers_of, as_multipart

RESULTS = "/odata/v4/Results"
SETS = [
    *("Results", "Users", "Contents", "Groups", "GroupMembers"),
    *("ContentStatistics", "UserStatistics", "GroupStatistics", "Statistics", "ResultRows"),
]


def rows_of(answer: WireAnswer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.text
    return list(answer.json()["value"])


def keys_of(answer: WireAnswer) -> list[str]:
    return [row["id"] for row in rows_of(answer)]


def feed(ask: Ask, target: str) -> list[dict[str, Any]]:
    """The rows of all pages, the links followed exactly as they came."""
    return [row for page in read_feed(ask, target, POWER_QUERY) for row in page]


def filtered(ask: Ask, text: str) -> set[str]:
    """The keys of a filter, percent-encoded here as the engine encodes it."""
    encoded = quote(text, safe="()")
    return {row["id"] for row in feed(ask, f"{RESULTS}?$filter={encoded}&$select=id")}


# --- discovery ------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [POWER_QUERY, POWER_QUERY_PINNED], ids=["unpinned", "pinned"])
def test_a1_the_root_is_a_service_document_with_absolute_context(
    live: Bridge, ask: Ask, block: tuple[tuple[str, str], ...]
) -> None:
    answer = ask("/odata/v4/", (*block, basic("secret")))
    assert answer.status == 200
    assert answer.every("OData-Version") == ["4.0"]
    assert answer.header("Content-Type") == "application/json;odata.metadata=minimal"
    assert answer.json() == {
        "@odata.context": f"{live.root}$metadata",
        "value": [{"name": name, "kind": "EntitySet", "url": name} for name in SETS],
    }


def test_a2_metadata_is_xml_of_version_40_although_accept_lists_json_first(ask: Ask) -> None:
    answer = ask("/odata/v4/$metadata", POWER_QUERY)
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/xml"
    assert answer.every("OData-Version") == ["4.0"]
    assert '<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">' in (
        answer.text.replace("'", '"')
    )


def test_v1_the_feed_is_json_although_accept_lists_atom(ask: Ask) -> None:
    answer = ask(RESULTS, POWER_QUERY)
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/json;odata.metadata=minimal"
    assert answer.every("OData-Version") == ["4.0"]


def test_the_context_leads_from_the_feed_to_the_metadata(ask: Ask) -> None:
    context = ask(f"{RESULTS}?$top=0", POWER_QUERY).json()["@odata.context"]
    document, _, fragment = context.partition("#")
    assert fragment == "Results"
    assert ask(urlsplit(document).path, POWER_QUERY).status == 200


# --- previews -------------------------------------------------------------------------------------


def test_a3_the_preview_is_the_first_thousand_rows_and_no_link(
    ask: Ask, expected: list[FlatRow]
) -> None:
    answer = ask(f"{RESULTS}?$top=1000", POWER_QUERY)
    assert with_instants(rows_of(answer)) == expected[:1000]
    assert "@odata.nextLink" not in answer.json()


def test_i1_the_schema_evaluation_gets_an_empty_page_without_an_upstream_call(
    fresh: Bridge,
) -> None:
    answer = unpacked(send(fresh.root, f"{RESULTS}?$top=0", POWER_QUERY))
    assert answer.status == 200
    assert answer.json() == {"@odata.context": f"{fresh.root}$metadata#Results", "value": []}
    assert payloads(fresh) == []


# --- folded steps ---------------------------------------------------------------------------------


def test_a4_chosen_columns_of_one_state(live: Bridge, ask: Ask, expected: list[FlatRow]) -> None:
    target = f"{RESULTS}?$filter=state%20eq%20%27APPROVED%27&$select=id%2CuserName%2Cprogress"
    answer = ask(target, POWER_QUERY)
    context = f"{live.root}$metadata#Results(id,userName,progress)"
    assert answer.json()["@odata.context"] == context
    assert feed(ask, target) == [
        {name: row[name] for name in ("id", "userName", "progress")}
        for row in expected
        if row["state"] == "APPROVED"
    ]


def test_a4_goes_upstream_as_one_state(fresh: Bridge) -> None:
    target = f"{RESULTS}?$filter=state%20eq%20%27APPROVED%27&$select=id%2CuserName%2Cprogress"
    assert send(fresh.root, target, POWER_QUERY).status == 200
    assert all(payload["states"] == ["APPROVED"] for payload in payloads(fresh))


def test_a5_the_offset_of_an_instant_is_respected(ask: Ask, expected: list[FlatRow]) -> None:
    answer = ask(
        f"{RESULTS}?$filter=updatedAt%20gt%202024-02-03T00%3A00%3A00%2B01%3A00&$top=1000",
        POWER_QUERY,
    )
    start = datetime(2024, 2, 2, 23, tzinfo=UTC)
    later = [row["id"] for row in expected if row["updatedAt"] > start]
    assert keys_of(answer) == later[:1000]


def test_a6_adjacent_partitions_of_an_incremental_refresh_tile(
    ask: Ask, expected: list[FlatRow]
) -> None:
    """The borders are instants that rows have, so that a row lost or doubled there would show."""
    borders = sorted({row["updatedAt"] for row in expected if row["updatedAt"].year == 2024})
    first, middle, last = borders[0], borders[len(borders) // 2], borders[-1]
    partitions = [
        [row["id"] for row in feed(ask, f"{RESULTS}?$filter={_between(start, end)}&$select=id")]
        for start, end in ((first, middle), (middle, last))
    ]
    whole = [row["id"] for row in expected if first <= row["updatedAt"] < last]
    assert sorted(partitions[0] + partitions[1]) == sorted(whole)
    assert not set(partitions[0]) & set(partitions[1])


def test_a6_the_month_of_the_trace(ask: Ask, expected: list[FlatRow]) -> None:
    target = (
        f"{RESULTS}?$filter=updatedAt%20ge%202024-01-01T00%3A00%3A00Z%20and%20updatedAt%20lt%20"
        "2024-02-01T00%3A00%3A00Z"
    )
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
    wanted = [row for row in expected if start <= row["updatedAt"] < end]
    assert wanted
    assert with_instants(feed(ask, target)) == wanted


def _between(start: datetime, end: datetime) -> str:
    texts = [t.isoformat(timespec="milliseconds").replace("+00:00", "Z") for t in (start, end)]
    return f"updatedAt%20ge%20{quote(texts[0])}%20and%20updatedAt%20lt%20{quote(texts[1])}"


def test_i2_a_checklist_goes_upstream_as_a_list(fresh: Bridge, expected: list[FlatRow]) -> None:
    answer = unpacked(
        send(
            fresh.root,
            f"{RESULTS}?$filter=state%20eq%20%27FAILED%27%20or%20state%20eq%20%27EXPIRED%27",
            POWER_QUERY,
        )
    )
    assert keys_of(answer) == [r["id"] for r in expected if r["state"] in ("FAILED", "EXPIRED")]
    assert payloads(fresh)
    assert all(sorted(p["states"]) == ["EXPIRED", "FAILED"] for p in payloads(fresh))


@pytest.mark.parametrize(
    ("encoded", "column", "test"),
    [
        ("contains(contentName%2C%27safety%27)", "contentName", lambda text: "safety" in text),
        ("contains(contentName%2C%27Excel%3A%27)", "contentName", lambda text: "Excel:" in text),
        ("startswith(userEmail%2C%27a%27)", "userEmail", lambda text: text.startswith("a")),
        (
            "endswith(userEmail%2C%27%40example.com%27)",
            "userEmail",
            lambda text: text.endswith("@example.com"),
        ),
    ],
)
def test_i3_text_filters(
    ask: Ask, expected: list[FlatRow], encoded: str, column: str, test: Any
) -> None:
    found = [row["id"] for row in feed(ask, f"{RESULTS}?$filter={encoded}&$select=id")]
    assert found == [r["id"] for r in expected if r[column] is not None and test(r[column])]


@pytest.mark.parametrize(
    "encoded",
    [
        "not%20contains(contentName%2C%27e%27)",
        "not%20(contains(contentName%2C%27e%27))",
        "not(contains(contentName%2C%27e%27))",
        "contains(contentName%2C%27e%27)%20eq%20false",
    ],
)
def test_i4_does_not_contain(ask: Ask, expected: list[FlatRow], encoded: str) -> None:
    found = [row["id"] for row in feed(ask, f"{RESULTS}?$filter={encoded}&$select=id")]
    wanted = [
        r["id"] for r in expected if r["contentName"] is not None and "e" not in r["contentName"]
    ]
    assert found == wanted


@pytest.mark.parametrize("column", ["expiryDate", "completedAt", "userEmail"])
def test_i5_null_tests_divide_the_feed(ask: Ask, expected: list[FlatRow], column: str) -> None:
    absent, present = filtered(ask, f"{column} eq null"), filtered(ask, f"{column} ne null")
    assert absent == {row["id"] for row in expected if row[column] is None} != set()
    assert present == {row["id"] for row in expected if row[column] is not None}


def test_i6_date_functions_find_a_month(ask: Ask, expected: list[FlatRow]) -> None:
    instants = [instant for row in expected if (instant := row["updatedAt"]) is not None]
    some = instants[len(instants) // 2]
    found = filtered(ask, f"year(updatedAt) eq {some.year} and month(updatedAt) eq {some.month}")
    wanted = {
        row["id"]
        for row in expected
        if (row["updatedAt"].year, row["updatedAt"].month) == (some.year, some.month)
    }
    assert found == wanted != set()


@pytest.mark.parametrize(
    ("encoded", "name"),
    [
        (
            "userName%20eq%20%27O%27%27Neill%3B%20DROP%20TABLE%20users%27",
            "O'Neill; DROP TABLE users",
        ),
        ("userName%20eq%20%27%27%27%27", "'"),
        ("userName%20eq%20%27Stra%C3%9Fe%27", "Straße"),
        (
            "userName%20eq%20%27%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB%20Ada%20%F0%9F%9A%80%27",
            "👩‍💻 Ada 🚀",
        ),
        (
            "userName%20eq%20%27R%26D%20%2B%20Q%2FA%20%3D%20100%25%20%231%3F%27",
            "R&D + Q/A = 100% #1?",
        ),
        ("userName%20eq%20%27%2527%20or%201%20eq%201%27", "%27 or 1 eq 1"),
        ("userName%20eq%20%27line%0Abreak%27", "line\nbreak"),
        ("userName%20eq%20%27%27", ""),
        ("userName eq 'C:\\temp\\new'".replace(" ", "%20"), "C:\\temp\\new"),
    ],
)
def test_i7_awkward_texts_arrive_as_they_were_meant(
    ask: Ask, expected: list[FlatRow], encoded: str, name: str
) -> None:
    found = keys_of(ask(f"{RESULTS}?$filter={encoded}&$select=id", POWER_QUERY))
    assert found == [row["id"] for row in expected if row["userName"] == name] != []


def test_i7_a_typed_plus_in_an_offset_is_an_offset(ask: Ask, expected: list[FlatRow]) -> None:
    found = keys_of(
        ask(
            f"{RESULTS}?$filter=updatedAt%20gt%202024-02-03T00:00:00+01:00&$top=5&$select=id",
            POWER_QUERY,
        )
    )
    start = datetime(2024, 2, 3, tzinfo=UTC) - timedelta(hours=1)
    assert found == [row["id"] for row in expected if row["updatedAt"] > start][:5]


@pytest.mark.parametrize("comma", ["%2C", "%2C%20"])
def test_i8_order_by_two_columns(ask: Ask, expected: list[FlatRow], comma: str) -> None:
    answer = ask(f"{RESULTS}?$orderby=updatedAt%20desc{comma}id&$top=10", POWER_QUERY)
    assert with_instants(rows_of(answer)) == expected[:10]


def test_i11_a_list_goes_upstream_as_a_list(fresh: Bridge, expected: list[FlatRow]) -> None:
    answer = unpacked(
        send(
            fresh.root,
            f"{RESULTS}?$filter=state%20in%20(%27APPROVED%27%2C%27FAILED%27)",
            POWER_QUERY,
        )
    )
    assert keys_of(answer) == [r["id"] for r in expected if r["state"] in ("APPROVED", "FAILED")]
    assert all(sorted(p["states"]) == ["APPROVED", "FAILED"] for p in payloads(fresh))


# --- the whole table ------------------------------------------------------------------------------


def test_v3_the_whole_feed_comes_in_pages(ask: Ask, expected: list[FlatRow]) -> None:
    paged = (*POWER_QUERY, ("Prefer", "odata.maxpagesize=700"))
    pages = read_feed(ask, RESULTS, paged)
    assert [len(page) for page in pages] == [700, 700, 600]
    assert [row["id"] for page in pages for row in page] == [row["id"] for row in expected]


# --- behind a proxy -------------------------------------------------------------------------------

FORWARDED = (
    ("Host", "10.0.0.7:8000"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "bi.example.com"),
    ("X-Forwarded-Port", "443"),
    ("X-Forwarded-Prefix", "/bi"),
    ("Prefer", "odata.maxpagesize=3"),
)


@pytest.fixture(scope="module")
def behind(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway behind a proxy that checks who asks."""
    with bridge(dataset, settings={"allow_anonymous": "true"}) as gateway:
        yield gateway


def test_i15_links_lead_through_a_trusted_proxy(behind: Bridge) -> None:
    answer = unpacked(send(behind.root, f"{RESULTS}?$select=id", (*POWER_QUERY, *FORWARDED)))
    page = answer.json()
    public = "https://bi.example.com/bi/odata/v4/"
    assert page["@odata.context"] == f"{public}$metadata#Results(id)"
    assert page["@odata.nextLink"].startswith(f"{public}Results?$select=id&$skiptoken=")


def test_i15_the_link_works_when_it_comes_back_through_the_proxy(
    behind: Bridge, expected: list[FlatRow]
) -> None:
    """The proxy strips its prefix; the next page continues where the first ended."""
    block = (*POWER_QUERY, *FORWARDED)
    first = unpacked(send(behind.root, f"{RESULTS}?$select=id", block))
    link = first.json()["@odata.nextLink"].removeprefix("https://bi.example.com/bi")
    second = unpacked(send(behind.root, link, block))
    assert keys_of(first) + keys_of(second) == [row["id"] for row in expected[:6]]


def test_i15_another_peer_cannot_move_the_links(dataset: Dataset) -> None:
    settings = {"allow_anonymous": "true", "trusted_proxies": "192.0.2.1"}
    with bridge(dataset, settings=settings) as gateway:
        answer = unpacked(send(gateway.root, f"{RESULTS}?$top=0", (*POWER_QUERY, *FORWARDED)))
        context = answer.json()["@odata.context"]
        assert context == "http://10.0.0.7:8000/odata/v4/$metadata#Results"


# --- errors ---------------------------------------------------------------------------------------


def test_i26_three_failing_requests_cost_one_upstream_failure(fresh: Bridge) -> None:
    """After an error the engine asks again pinned to version 4, then to version 3."""
    fresh.sandbox.faults.error_next = 100
    with connected(fresh.root) as wire:
        answers = [unpacked(wire.send(RESULTS, POWER_QUERY)) for _ in range(3)]
    assert [answer.status for answer in answers] == [503] * 3
    assert len({answer.body for answer in answers}) == 1
    assert "503" in json.loads(answers[0].body)["error"]["message"]
    assert len(payloads(fresh)) == 1


def test_v10_aggregation_that_an_author_typed(ask: Ask, expected: list[FlatRow]) -> None:
    """Parts of it arrive encoded, parts as they were typed."""
    apply = (
        "$apply=filter(state%20eq%20'FAILED'%20and%20updatedAt%20ge%202021-01-01T00:00:00Z)%2F"
        "groupby((userId%2Cstate)%2C%20aggregate(%24count%20as%20Count))&$skip=10"
    )
    after = datetime(2021, 1, 1, tzinfo=UTC)
    failed = [r for r in expected if r["state"] == "FAILED" and r["updatedAt"] >= after]
    found = [(row["userId"], row["Count"]) for row in feed(ask, f"{RESULTS}?{apply}")]
    assert found == sorted(Counter(row["userId"] for row in failed).items())[10:] != []


def test_v20_nulls_are_left_out_for_who_says_that_it_can_tell(ask: Ask) -> None:
    block = (("OData-MaxVersion", "4.0"), ("Prefer", "omit-values=nulls"))
    answer = ask(RESULTS, block)
    assert answer.header("Preference-Applied") == "omit-values=nulls"
    whole = rows_of(ask(RESULTS, block[:1]))
    assert rows_of(answer) == [{n: v for n, v in row.items() if v is not None} for row in whole]


def test_v21_a_page_size_beyond_the_limit_is_applied_as_far_as_it_goes(ask: Ask) -> None:
    block = (*POWER_QUERY, ("Prefer", "odata.maxpagesize=1000000"))
    answer = ask(f"{RESULTS}?$select=id", block)
    assert answer.header("Preference-Applied") == "odata.maxpagesize=20000"


@pytest.mark.parametrize(
    "filter_",
    [
        "(updatedAt ge 2021-01-01T00:00:00Z) and state eq 'FAILED'",
        "state eq 'FAILED' and (updatedAt ge 2021-01-01T00:00:00Z)",
        "((updatedAt ge 2021-01-01T00:00:00Z) and (state eq 'FAILED'))",
        "(updatedAt ge 2021-01-01T00:00:00Z ) and ( state eq 'FAILED' )",
    ],
)
def test_v28_a_typed_filter_and_a_folded_one_are_merged(
    ask: Ask, expected: list[FlatRow], filter_: str
) -> None:
    after = datetime(2021, 1, 1, tzinfo=UTC)
    wanted = [r["id"] for r in expected if r["state"] == "FAILED" and r["updatedAt"] >= after]
    answer = ask(f"{RESULTS}?$filter={quote(filter_)}&$select=id", POWER_QUERY)
    assert keys_of(answer) == wanted != []


def test_i12_related_rows_come_along(ask: Ask, expected: list[FlatRow]) -> None:
    answer = ask("/odata/v4/Results?$expand=user($select=name)", POWER_QUERY)
    assert answer.json()["@odata.context"].endswith("$metadata#Results(user(name))")
    for row, source in zip(rows_of(answer), expected, strict=False):
        assert row["user"].pop("@odata.id").startswith("http")
        assert row["user"] == {"name": source["userName"]}


def test_i12_one_request_for_each_row_is_answered(live: Bridge, expected: list[FlatRow]) -> None:
    """The storm that expanding a column of lists makes, on one connection."""
    results: dict[str, list[str]] = {}
    for row in expected:
        results.setdefault(row["userId"], []).append(row["id"])
    with connected(live.root) as wire:
        for user_id, own in results.items():
            key = quote(user_id.replace("'", "''"), safe="")
            answer = wire.send(f"/odata/v4/Users('{key}')/results", POWER_QUERY)
            assert keys_of(unpacked(answer)) == own


@pytest.mark.parametrize("target", ["Results?$expand=User", "Results('{key}')/User"])
def test_what_cannot_be_expanded_is_refused_and_not_ignored(
    ask: Ask, expected: list[FlatRow], target: str
) -> None:
    """A clean error makes the engine fold less; 401 and 403 would end the refresh."""
    answer = ask(f"/odata/v4/{target.format(key=expected[0]['id'])}", POWER_QUERY)
    assert answer.status in (400, 404)
    assert "did you mean user?" in answer.json()["error"]["message"]


def test_i14_long_urls_are_read_and_longer_ones_refused_as_too_long(ask: Ask) -> None:
    names = ",".join(["userName", "contentName", "certificateIssuedAt"] * 180)
    assert len(names) > 7_000
    assert ask(f"{RESULTS}?$select={names}&$top=1", POWER_QUERY).status == 200
    longer = ask(f"{RESULTS}?$select={names},{names},{names}", POWER_QUERY)
    assert longer.status == 414
    assert longer.json()["error"]["code"] == "UriTooLong"


@pytest.mark.parametrize("spoil", [lambda t: t[:-4], lambda t: "x" + t, lambda t: ""])
def test_i17_a_link_that_was_tampered_with_is_refused(ask: Ask, spoil: Any) -> None:
    block = (*POWER_QUERY, ("Prefer", "odata.maxpagesize=100"))
    link = urlsplit(ask(f"{RESULTS}?$select=id", block).json()["@odata.nextLink"])
    before, name, token = link.query.partition("$skiptoken=")
    answer = ask(f"{link.path}?{before}{name}{spoil(token)}", block)
    assert answer.status == 400
    assert answer.json()["error"]["code"] in ("InvalidSkipToken", "InvalidSyntax")


def test_i18_throttling_is_passed_on_as_whole_seconds_to_wait(fresh: Bridge) -> None:
    fresh.sandbox.faults.rate_limit_next = 100
    answer = unpacked(send(fresh.root, f"{RESULTS}?$top=3", POWER_QUERY))
    assert answer.status in (429, 503)
    assert 1 <= int(answer.header("Retry-After") or "") <= 120


# --- $batch ---------------------------------------------------------------------------------------


def test_i13_a_query_too_long_for_a_url_comes_as_a_batch_of_one(live: Bridge, ask: Ask) -> None:
    """`EnableBatch=true`: the rows, and the links to more of them, are those of a GET."""
    some = keys_of(ask(f"{RESULTS}?$top=1000", POWER_QUERY))
    condition = quote(" or ".join(f"id eq '{key.replace(chr(39), chr(39) * 2)}'" for key in some))
    url = f"{live.root}Results?$filter={condition}&$select=id"
    assert len(url) > 16_384
    block = [line for line in POWER_QUERY if line[0] != "Accept"]
    headers = [*block, *MULTIPART, ("Accept", "multipart/mixed")]
    accept = dict(POWER_QUERY)["Accept"]
    body = as_multipart([Request(url, {"Accept": accept, "Prefer": "maxpagesize=600"})])
    answer = send(live.root, "/odata/v4/$batch", headers, method="POST", body=body)
    (part,) = answers_of(unpacked(answer))
    assert part.headers["content-type"] == "application/json;odata.metadata=minimal"
    assert {row["id"] for row in part.json()["value"]} < set(some)
