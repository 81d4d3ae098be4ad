"""What `$metadata` announces is what works: each entry is asked for, and so is what it denies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Ask

CAPABILITIES = "@Org.OData.Capabilities.V1"
IN_CONTAINER = [
    ("CrossJoinSupported", "$crossjoin(Results)?$top=1"),
    ("KeyAsSegmentSupported", "Results/{key}"),
]
IN_SET = [
    ("IndexableByKey", None, "Results('{key}')"),
    ("TopSupported", None, "Results?$top=1"),
    ("SkipSupported", None, "Results?$skip=1999"),
    ("ComputeSupported", None, "Results?$compute=progress%20div%202%20as%20half&$top=1"),
    ("SelectSupport", "Supported", "Results?$select=id&$top=1"),
    ("FilterRestrictions", "Filterable", "Results?$filter=state%20eq%20'FAILED'&$top=1"),
    ("SortRestrictions", "Sortable", "Results?$orderby=progress&$top=1"),
    ("CountRestrictions", "Countable", "Results/$count"),
    ("SearchRestrictions", "Searchable", "Results?$search=safety&$top=1"),
    ("ExpandRestrictions", "Expandable", "Results?$expand=user&$top=1"),
]
CALLS = {
    "contains": "contains(userName,'a')",
    "startswith": "startswith(userName,'a')",
    "endswith": "endswith(userName,'a')",
    "matchespattern": "matchespattern(userName,'a')",
    "concat": "concat(userName,'a') ne 'a'",
    "indexof": "indexof(userName,'a') eq 1",
    "length": "length(userName) gt 1",
    "substring": "substring(userName,1) eq 'a'",
    "tolower": "tolower(userName) eq 'a'",
    "toupper": "toupper(userName) eq 'A'",
    "trim": "trim(userName) eq 'A'",
    "totalseconds": "totalseconds(duration'PT1S') eq 1",
    "mindatetime": "updatedAt gt mindatetime()",
    "maxdatetime": "updatedAt lt maxdatetime()",
    "now": "updatedAt lt now()",
    "date": "date(updatedAt) gt 2024-01-01",
    "time": "time(updatedAt) gt 00:00",
    **{name: f"{name}(progress) eq 50" for name in ("round", "floor", "ceiling")},
    **{
        name: f"{name}(updatedAt) ge 0"
        for name in ("year", "month", "day", "hour", "minute", "second")
    },
    **{name: f"{name}(updatedAt) ge 0" for name in ("fractionalseconds", "totaloffsetminutes")},
}


@pytest.fixture
def container(ask: Ask) -> Any:
    """The container of the model that is served."""
    document = ask("$metadata?$format=json").json()
    namespace, _, name = document["$EntityContainer"].rpartition(".")
    return document[namespace][name]


@pytest.mark.parametrize(("term", "target"), IN_CONTAINER)
def test_what_the_service_says_it_supports_works(
    ask: Ask, container: Any, expected_key: str, term: str, target: str
) -> None:
    works = ask(target.format(key=expected_key)).status == 200
    assert container[f"{CAPABILITIES}.{term}"] is works


@pytest.mark.parametrize(("term", "member", "target"), IN_SET)
def test_what_the_set_says_it_supports_works(
    ask: Ask, container: Any, expected_key: str, term: str, member: str | None, target: str
) -> None:
    works = ask(target.format(key=expected_key)).status == 200
    value = container["Results"][f"{CAPABILITIES}.{term}"]
    assert (value[member] if member else value) is works


def test_the_functions_that_are_listed_are_evaluated(ask: Ask, container: Any) -> None:
    listed = container[f"{CAPABILITIES}.FilterFunctions"]
    assert set(listed) == set(CALLS)
    for name in listed:
        target = f"Results/$count?$filter={CALLS[name].replace(' ', '%20')}"
        assert ask(target).status == 200, name


STEPS = {
    "identity": "identity",
    "filter": "filter(progress gt 1)",
    "search": "search(safety)",
    "compute": "compute(progress div 2 as half)",
    "aggregate": "aggregate($count as n)",
    "groupby": "groupby((state))",
    "concat": "concat(identity,identity)",
    "orderby": "orderby(id)",
    "skip": "skip(1)",
    "top": "top(1)",
    **{name: f"{name}(1,progress)" for name in ("topcount", "topsum", "toppercent")},
    **{name: f"{name}(1,progress)" for name in ("bottomcount", "bottomsum", "bottompercent")},
}


def test_the_transformations_that_are_listed_are_evaluated(ask: Ask, container: Any) -> None:
    record = container["Results"]["@Org.OData.Aggregation.V1.ApplySupported"]
    assert set(record["Transformations"]) == set(STEPS)
    for name in record["Transformations"]:
        target = f"Results?$apply={STEPS[name].replace(' ', '%20')}&$top=1"
        assert ask(target).status == 200, name
    assert record["Rollup"] == "MultipleHierarchies"
    assert (
        ask("Results?$apply=groupby((rollup(state,region),rollup(department,userId)))").status
        == 200
    )


def test_columns_are_sorted_and_counted_but_for_the_exceptions(ask: Ask, container: Any) -> None:
    document = ask("$metadata?$format=json").json()
    members = document["Skillhabit"]["Result"].items()
    names = [n for n, m in members if not n.startswith("$") and "$Kind" not in m]
    sort = container["Results"][f"{CAPABILITIES}.SortRestrictions"]
    count = container["Results"][f"{CAPABILITIES}.CountRestrictions"]
    for name in names:
        sorted_ = ask(f"Results?$orderby={name}&$top=1").status == 200
        assert sorted_ is (name not in sort["NonSortableProperties"]), name
    assert "NonCountableProperties" not in count
    for name in sort["NonSortableProperties"]:
        assert ask(f"Results/$count?$filter={name}/$count%20gt%200").status == 200


def test_batches_are_served_as_announced(ask: Ask, container: Any) -> None:
    record = container[f"{CAPABILITIES}.BatchSupport"]
    headers = [("Content-Type", "application/json")]
    works = ask("$batch", headers, method="POST", body=b'{"requests":[]}').status == 200
    assert container[f"{CAPABILITIES}.BatchSupported"] is record["Supported"] is works


def test_posted_queries_are_served_as_announced(ask: Ask, container: Any) -> None:
    headers = [("Content-Type", "text/plain")]
    works = ask("Results/$query", headers, method="POST", body=b"$top=1").status == 200
    assert container[f"{CAPABILITIES}.QuerySegmentSupported"] is works


def test_nothing_is_answered_later(ask: Ask, container: Any) -> None:
    later = ask("Results?$top=1", [("Prefer", "respond-async")]).status == 202
    assert container[f"{CAPABILITIES}.AsynchronousRequestsSupported"] is later


def test_changes_are_tracked_as_announced(ask: Ask, container: Any) -> None:
    """Of sets that count what is overdue now, rows change without any data changing."""
    found = {}
    for name in (name for name in container if not name.startswith(("$", "@"))):
        answer = ask(f"{name}?$top=1", [("Prefer", "track-changes")])
        found[name] = "track-changes" in (answer.header("Preference-Applied") or "")
        assert ("deltaLink" in str(answer.json())) is found[name]
        record = container[name][f"{CAPABILITIES}.ChangeTracking"]
        assert record["Supported"] is found[name], name
    assert {name for name in found if found[name]} == {
        *("Results", "Users", "Contents", "Groups", "GroupMembers", "ResultRows"),
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(ask: Ask, container: Any, method: str) -> None:
    assert ask("Results", method=method).status == 405
    for term, member in (
        ("Insert", "Insertable"),
        ("Update", "Updatable"),
        ("Delete", "Deletable"),
    ):
        assert container["Results"][f"{CAPABILITIES}.{term}Restrictions"] == {member: False}


def test_every_format_that_is_listed_is_served(ask: Ask, container: Any) -> None:
    for media in container[f"{CAPABILITIES}.SupportedFormats"]:
        answer = ask("Results?$top=1", [("Accept", media)])
        assert answer.status == 200, media
        assert (answer.header("Content-Type") or "").startswith(media)
    for media in container[f"{CAPABILITIES}.SupportedMetadataFormats"]:
        assert ask("$metadata", [("Accept", media)]).header("Content-Type") == media
