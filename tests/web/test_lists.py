"""Lists inside of rows: which elements are counted and shown, against plain Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.live import Bridge

Keep = Callable[[str], bool]
CONDITIONS: list[tuple[str, Keep]] = [
    ("$filter=$this ne 'grp-00'", lambda g: g != "grp-00"),
    ("$filter=endswith($this,'1') or $this gt 'grp-07'", lambda g: g.endswith("1") or g > "grp-07"),
    ("$search=GRP-03 OR 05", lambda g: "grp-03" in g or "05" in g),
    ("$search=NOT 00", lambda g: "00" not in g),
    ("$filter=$this eq null", lambda _: False),
]


@pytest.fixture(scope="module")
def rows(live: Bridge) -> list[dict[str, Any]]:
    return live.feed("Results?$select=id,userId,contentName,groupIds")


@pytest.mark.parametrize(("condition", "keep"), CONDITIONS, ids=[c for c, _ in CONDITIONS])
def test_elements_are_counted_by_conditions(
    live: Bridge, rows: list[dict[str, Any]], condition: str, keep: Keep
) -> None:
    found = live.feed(f"Results?$select=id&$filter=groupIds/$count({condition}) ge 2")
    expected = [row["id"] for row in rows if sum(map(keep, row["groupIds"])) >= 2]
    assert [row["id"] for row in found] == expected
    inner = f"r:r/groupIds/$count({condition}) ge 2"
    people = live.feed(f"Users?$select=id&$filter=results/any({inner})")
    wanted = {row["userId"] for row in rows if row["id"] in set(expected)}
    assert {row["id"] for row in people} == wanted


def test_other_rows_are_counted_by_a_search(live: Bridge, rows: list[dict[str, Any]]) -> None:
    found = live.feed("Contents?$select=id,name&$filter=results/$count($search=aid) gt 10")
    assert found
    assert all("aid" in (row["name"] or "").lower() for row in found) or len(found) < 141


@pytest.mark.parametrize(("condition", "keep"), CONDITIONS, ids=[c for c, _ in CONDITIONS])
@pytest.mark.parametrize("window", ["", ";$skip=1", ";$top=1", ";$skip=1;$top=2", ";$top=0"])
@pytest.mark.parametrize("order", ["", ";$orderby=$this desc"])
def test_a_part_of_a_list_is_shown(
    live: Bridge,
    rows: list[dict[str, Any]],
    condition: str,
    keep: Keep,
    window: str,
    order: str,
) -> None:
    options = f"{condition};$count=true{order}{window}"
    found = live.feed(f"Results?$select=id,groupIds({options})")
    skip = int(window.partition("$skip=")[2][:1] or 0)
    top = int(window.partition("$top=")[2] or 99)
    for row, shown in zip(rows, found, strict=True):
        kept = [group for group in row["groupIds"] if keep(group)]
        expected = sorted(kept, reverse=True) if order else kept
        assert shown == {
            "id": row["id"],
            "groupIds@odata.count": len(kept),
            "groupIds": expected[skip : skip + top],
        }


def test_lists_of_related_rows_are_cut_too(live: Bridge, rows: list[dict[str, Any]]) -> None:
    inner = "$select=id,groupIds($orderby=$this desc;$top=1)"
    groups = {row["id"]: sorted(row["groupIds"], reverse=True)[:1] for row in rows}
    for person in live.feed(f"Users?$select=id&$expand=results({inner})"):
        assert {r["id"]: r["groupIds"] for r in person["results"]} == {
            r["id"]: groups[r["id"]] for r in person["results"]
        }


def test_aliases_are_seen_where_they_are_given_and_inside(
    live: Bridge, rows: list[dict[str, Any]]
) -> None:
    inner = "groupIds($filter=$this eq @g or $this eq @h;@h='grp-03')"
    found = live.feed(f"Results?$select=id,{inner}&@g='grp-01'&@h='grp-02'")
    for row, shown in zip(rows, found, strict=True):
        wanted = [group for group in row["groupIds"] if group in ("grp-01", "grp-03")]
        assert shown["groupIds"] == wanted
    deep = "results($expand=user($expand=results($filter=id eq @k;$select=id);$select=id);@k='x')"
    key = rows[0]["id"]
    for name, number in (("x", 0), (key, 1)):
        inside = deep.replace("@k='x'", f"@k='{name}'")
        path = f"Users('{rows[0]['userId']}')?$select=id&$expand={inside}&@k='{key}'"
        person = live.get(path).json()
        assert {len(result["user"]["results"]) for result in person["results"]} == {number}


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("$select=groupIds($expand=x)", 400, "$expand has no meaning for groupIds"),
        ("$select=groupIds($select=x)", 400, "$select has no meaning for groupIds"),
        ("$select=groupIds($orderby=id)", 501, "sorted only by $this"),
        ("$select=groupIds($filter=$this gt 5)", 400, "$this gt 5"),
        ("$select=state($filter=true)", 400, "goes below a property"),
        ("$filter=$this eq 'x'", 501, "$this"),
        ("$filter=groupIds/any(g:groupIds/$count($filter=$this eq g) gt 0)", 501, "inside of"),
    ],
)
def test_what_means_nothing_for_a_list_is_refused(
    live: Bridge, query: str, status: int, words: str
) -> None:
    answer = live.get(f"Results?{query}")
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]["message"]
