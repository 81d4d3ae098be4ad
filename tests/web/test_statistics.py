"""$apply by the upstream's statistics: one call, and the same bytes as from a snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.contract.loader import built_in_contract
from gateway.sandbox import Dataset
from tests.support.examples import examples
from tests.support.live import Bridge, bridge, served

STATES = ("NOT_STARTED", "IN_PROGRESS", "APPROVED", "FAILED", "EXPIRED")
TYPES = ("MANDATORY", "OPTIONAL", "NOT_ENROLLED")
USERS = tuple(f"usr-{number:06}" for number in (1, 2, 3, 50, 999_999))
COUNT = "$count as n"
ITEMS = (
    "userId with countdistinct as users",
    "contentId with countdistinct as contents",
    "id with countdistinct as results",
    "state with countdistinct as states",
    "enrollmentType with countdistinct as types",
)
FOLLOWING = (
    *("", "/filter(n gt 40)", "/compute(n mul 2 as m)", "/topcount(2,n)", "/bottomsum(90,n)"),
    *("/aggregate(n with sum as s,n with max as m)", "/concat(top(1),aggregate(n with sum as s))"),
    *("/groupby((n))", "/orderby(n desc)/top(1)", "/search(FAILED)", "/skip(1)"),
)
OPTIONS = (
    *(
        "",
        "&$count=true",
        "&$top=1",
        "&$top=0&$count=true",
        "&$skip=1&$count=true",
        "&$top=2&$skip=1",
    ),
    *("&$search=APPROVED&$count=true", "&$format=csv", "&$format=parquet&$top=3"),
)
ON_COUNTS = (
    *("&$filter=n gt 20&$count=true", "&$orderby=n desc&$top=2", "&$select=n"),
    *("&$compute=n add 1 as k&$select=k", "&$filter=1 div (n sub n) eq 1", "&$filter=n eq null"),
)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"OData-MaxVersion": "4.0"},
    {"OData-MaxVersion": "4.01"},
    {"Accept": "application/json;odata.metadata=full"},
    {"Accept": "application/json;metadata=none;IEEE754Compatible=true"},
    {"Prefer": "omit-values=nulls"},
    {"Prefer": "maxpagesize=5"},
)


def one_of(column: str, values: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Some of the values, which the upstream can say."""
    listed = st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)
    within = listed.map(lambda v: f"{column} in ({','.join(map(repr, v))})")
    return within | st.sampled_from(values).map(lambda v: f"{column} eq '{v}'")


LOOK_BEYOND = "$filter=expiryDate%20ge%202022-01-01T00:00:00Z"
INSTANTS = st.datetimes(
    datetime.fromisoformat("2022-01-01"), datetime.fromisoformat("2026-12-31")
).map(lambda at: at.isoformat(timespec="milliseconds") + "Z")


@st.composite
def filters(draw: st.DrawFn) -> str:
    """Filters that the upstream says exactly; some are met by no row."""
    parts = draw(
        st.lists(
            st.one_of(
                one_of("state", STATES),
                one_of("enrollmentType", TYPES),
                one_of("userId", USERS),
                st.sampled_from(("grp-01", "grp-03", "none")).map(
                    lambda group: f"groupIds/any(g:g eq '{group}')"
                ),
                st.tuples(st.sampled_from(("updatedAt", "expiryDate")), INSTANTS).map(" ge ".join),
            ),
            max_size=3,
            unique_by=lambda part: part.split(" ")[0].split("/")[0],
        )
    )
    return " and ".join(parts)


@st.composite
def questions(draw: st.DrawFn) -> str:
    """A query that the statistics answer."""
    condition = draw(filters())
    following = draw(st.sampled_from(FOLLOWING))
    options = OPTIONS if following else (*OPTIONS, *ON_COUNTS)
    option = draw(st.sampled_from(options))
    match draw(st.sampled_from(("one", "groups", "values", "certificates", "inside"))):
        case "one":
            items = draw(st.lists(st.sampled_from(ITEMS), unique=True))
            step = f"aggregate({','.join((COUNT, *items))})"
        case "groups":
            column = draw(st.sampled_from(("state", "enrollmentType")))
            step = f"groupby(({column}),aggregate({COUNT}))"
        case "inside":
            inner = draw(st.sampled_from(FOLLOWING[:5])).replace("as m", "as inner")
            step = f"groupby((state),aggregate({COUNT}){inner})"
        case "values":
            step, following = f"groupby(({draw(st.sampled_from(('state', 'enrollmentType')))}))", ""
            option = draw(st.sampled_from(OPTIONS))
        case _:
            condition = " and ".join(filter(None, (condition, "certificateIssuedAt ne null")))
            step = f"aggregate({COUNT})"
    first = f"filter({condition})/" if condition else ""
    return f"$apply={first}{step}{following}{option}"


@pytest.fixture(scope="module")
def whole(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway that has all rows at hand and does not let go of them."""
    with bridge(dataset, settings={"fresh_for": 86_400}) as gateway:
        assert gateway.get("Results?$filter=progress ge 0&$top=1").status_code == 200
        yield gateway


@pytest.fixture(scope="module")
def cold(whole: Bridge) -> Iterator[Bridge]:
    """Another one before the same Analytics API, which has nothing and keeps nothing.

    It has looked for expiry dates that no column can hold, which it does once.
    """
    nothing = {"fresh_for": 0, "stale_for": 0, "stale_if_error": 0}
    with served(whole.upstream, nothing) as root:
        gateway = replace(whole, root=root)
        assert gateway.get(f"Results/$count?{LOOK_BEYOND}").status_code == 200
        yield gateway


def ask(
    gateway: Bridge, query: str, path: str = "Results", headers: Mapping[str, str] | None = None
) -> tuple[httpx.Response, list[str]]:
    """The answer, and where the upstream was asked for it."""
    gateway.sandbox.received.clear()
    answer = gateway.get(f"{path}?{quote(query, safe='$&=')}", headers)
    return answer, [entry.path for entry in gateway.sandbox.received]


@examples(200)
@given(
    query=questions(),
    headers=st.sampled_from(HEADERS),
    path=st.sampled_from(("Results", "Results", "Results/$count", "Users('usr-000001')/results")),
)
def test_statistics_and_a_snapshot_give_the_same_bytes(
    whole: Bridge, cold: Bridge, query: str, headers: Mapping[str, str], path: str
) -> None:
    if path == "Results/$count":
        query = "&".join(p for p in query.split("&") if p.startswith(("$apply", "$filter")))
    assume(not (path.startswith("Users") and re.search("userId (eq|in)", query)))  # contradictions
    kept, calls = ask(whole, query, path, headers)
    assert calls == []
    assert kept.status_code in ((200, 400) if "1 div" in query else (200,)), kept.text
    told, calls = ask(cold, query, path, headers)
    assert calls[:1] == [STATISTICS]
    assert len(calls) == 1 or path.startswith("Users")  # of nothing: is there such a user?
    same = kept.content.replace(whole.root.encode(), cold.root.encode())
    assert (told.status_code, told.content) == (kept.status_code, same)
    assert told.headers["Content-Type"] == kept.headers["Content-Type"]


BY_STATE = "$apply=groupby((state),aggregate($count as n))"
STATISTICS, RESULTS = "/analyse/statistics", "/analyse/results"


def test_a_cold_gateway_asks_each_time_and_a_warm_one_nobody(dataset: Dataset) -> None:
    with bridge(dataset, settings={"fresh_for": 86_400}) as gateway:
        first, calls = ask(gateway, BY_STATE)
        assert calls == [STATISTICS]
        assert ask(gateway, BY_STATE, headers={"Cache-Control": "no-cache"})[1] == [STATISTICS]
        assert set(ask(gateway, "$apply=groupby((userId))")[1]) == {RESULTS}
        warm, calls = ask(gateway, BY_STATE)
        assert calls == []
        assert (warm.content, "ETag" in warm.headers) == (first.content, True)


@pytest.mark.parametrize(
    "query",
    [
        "$apply=aggregate(progress with average as a)",
        "$apply=groupby((state,enrollmentType),aggregate($count as n))",
        "$apply=filter(progress gt 5)/aggregate($count as n)",
        "$apply=filter(department eq 'Sales')/aggregate($count as n)",
    ],
)
def test_what_the_statistics_do_not_tell_is_read(cold: Bridge, query: str) -> None:
    answer, calls = ask(cold, query)
    assert answer.status_code == 200
    assert set(calls) == {RESULTS}


def test_pages_come_from_a_snapshot(cold: Bridge, whole: Bridge) -> None:
    answer, calls = ask(cold, BY_STATE, headers={"Prefer": "maxpagesize=2"})
    assert RESULTS in calls
    assert "@odata.nextLink" in answer.json()
    paged = cold.feed(f"Results?{quote(BY_STATE, safe='$&=')}", {"Prefer": "maxpagesize=2"})
    assert paged == ask(whole, BY_STATE)[0].json()["value"]
    small, calls = ask(cold, f"{BY_STATE}&$top=2", headers={"Prefer": "maxpagesize=2"})
    assert (len(small.json()["value"]), calls) == (2, [STATISTICS])


def test_the_answer_tells_its_moment_on_request(cold: Bridge) -> None:
    wish = {"Prefer": 'odata.include-annotations="*"'}
    answer, calls = ask(cold, BY_STATE, headers=wish)
    assert calls == [STATISTICS]
    assert "@Skillhabit.SnapshotTakenAt" in answer.json()


def test_an_older_snapshot_answers_when_nobody_can_be_reached(dataset: Dataset) -> None:
    hasty = {"fresh_for": 0, "stale_for": 0, "stale_if_error": 600, "retry_budget": 0}
    with bridge(dataset, settings=hasty) as gateway:
        gateway.sandbox.faults.update({"errorNext": 1, "errorStatus": 500})
        refused = "$apply=filter(state eq 'FAILED')/aggregate($count as n)"
        assert ask(gateway, refused)[0].status_code == 503
        assert gateway.get("Results?$filter=progress ge 0").status_code == 200
        gateway.sandbox.faults.update({"errorNext": 9})
        answer, calls = ask(gateway, BY_STATE)
        assert answer.status_code == 200
        assert "detail=" in answer.headers["Cache-Status"]
        assert calls == [STATISTICS, RESULTS]


@pytest.mark.parametrize("shape", ["array", "types", "html"])
def test_a_broken_answer_is_a_bad_gateway(dataset: Dataset, shape: str) -> None:
    with bridge(dataset, settings={"retry_budget": 0}) as gateway:
        gateway.sandbox.faults.update({"wrongShapeNext": 9, "wrongShape": shape})
        answer, calls = ask(gateway, BY_STATE)
    assert (answer.status_code, calls) == (502, [STATISTICS])
    assert answer.json()["error"]["message"].startswith("the Analytics API")


def test_without_the_section_the_endpoint_is_never_asked(
    whole: Bridge, dataset: Dataset, tmp_path: Path
) -> None:
    head, _, rest = built_in_contract().partition("[statistics.total]")
    contract = tmp_path / "contract.toml"
    contract.write_text(head + rest[rest.index("[extract]") :], "utf-8")
    with served(whole.upstream, {"contract": str(contract)}) as root:
        answer, calls = ask(replace(whole, root=root), BY_STATE)
    assert answer.json()["value"] == ask(whole, BY_STATE)[0].json()["value"]
    assert set(calls) == {RESULTS}


@pytest.mark.parametrize("way", ["results", "results/$count"])
def test_of_nobody_there_are_no_groups(cold: Bridge, whole: Bridge, way: str) -> None:
    told, calls = ask(cold, BY_STATE, f"Users('nobody')/{way}")
    assert (calls[0], told.status_code) == (STATISTICS, 404)
    assert told.text == ask(whole, BY_STATE, f"Users('nobody')/{way}")[0].text
    none = (
        "$apply=filter(state eq 'EXPIRED' and updatedAt ge 2100-01-01T00:00:00Z)/groupby((state))"
    )
    told, calls = ask(cold, none, f"Users('usr-000001')/{way}")
    assert (calls[0], told.status_code) == (STATISTICS, 200)


def test_explain_shows_the_request(cold: Bridge) -> None:
    base = cold.root.removesuffix("odata/v4/")
    query = quote("$apply=filter(state eq 'FAILED')/aggregate($count as n)", safe="$&=")
    told = cold.client.get(f"{base}explain/Results?{query}").json()
    assert told["route"] == "one upstream call for the statistics"
    assert told["payload"] == {"states": ["FAILED"]}
