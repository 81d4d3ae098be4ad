"""$apply over paths to other rows, against plain Python over the same tables."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.apply_oracle import applied
from tests.support.live import Bridge
from tests.support.oracle import ordered

Row = dict[str, Any]
Tables = dict[str, list[Row]]
WAYS = {
    "Results": {"user": ("Users", "userId", "id"), "content": ("Contents", "contentId", "id")},
    "Users": {
        "results": ("Results", "id", "userId"),
        "memberships": ("GroupMembers", "id", "userId"),
        "statistics": ("UserStatistics", "id", "userId"),
    },
    "Groups": {"members": ("GroupMembers", "id", "groupId")},
    "GroupMembers": {"user": ("Users", "userId", "id"), "group": ("Groups", "groupId", "id")},
    "Contents": {"results": ("Results", "id", "contentId")},
}


@pytest.fixture(scope="module")
def tables(live: Bridge) -> Tables:
    names = {*WAYS, *(target for ways in WAYS.values() for target, _, _ in ways.values())}
    return {name: live.feed(name) for name in names}


def ask(live: Bridge, url: str, **headers: str) -> list[Row]:
    found = live.feed(quote(url, safe="$&=?/"), {"Prefer": "maxpagesize=5000"} | headers)
    return [plain(row) for row in found]


def plain(row: Row) -> Row:
    """Without control information, sums to nine digits, and the objects of paths as paths."""
    found: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {f"{name}/{inner}": v for inner, v in plain(value).items()}
        elif "@" not in name:
            found[name] = float(format(value, ".9g")) if isinstance(value, float) else value
    return found


def reached(tables: Tables, table: str, row: Row, path: str) -> list[Any]:
    """The values at the end of a path, each as often as a way leads to it."""
    head, _, rest = path.partition("/")
    if not rest and head not in WAYS.get(table, {}):
        return [row[head]]
    target, own, other = WAYS[table][head]
    rows = [r for r in tables[target] if r[other] == row[own]]
    if not rest:
        return rows
    return [value for r in rows for value in reached(tables, target, r, rest)]


def with_paths(tables: Tables, table: str, paths: Iterable[str]) -> list[Row]:
    """The rows with a property for each path, whose name has an underscore for each slash."""
    return [
        {**row, **{p.replace("/", "_"): reached(tables, table, row, p)[0] for p in paths}}
        for row in tables[table]
    ]


PATHS = ("user/name", "user/department", "content/type", "user/statistics/overdue")
SEQUENCES = (
    "groupby((user/name))",
    "groupby((user/name),aggregate($count as n))",
    "groupby((user/department,content/type,state),aggregate($count as n,progress with max as m))",
    "groupby((rollup(content/type,user/department)),aggregate($count as n))",
    "groupby((state,rollup(user/department,user/name)),aggregate(progress with min as m))",
    "groupby((user/statistics/overdue),aggregate(id with countdistinct as n))",
    "filter(user/department eq 'Sales' or content/type eq null)/groupby((user/name),top(1)/"
    "aggregate(progress with sum as s))",
    "compute(concat(user/name,'!') as who)/groupby((who,content/type),aggregate($count as n))",
    "compute(length(content/type) as size)/aggregate(size with sum as s)",
    "groupby((user/name),aggregate($count as n))/filter(user/name gt 'K')/orderby(n desc)/top(5)",
    "groupby((user/name,content/type),aggregate($count as n))/groupby((content/type),"
    "aggregate(n with max as m,user/name with countdistinct as people))",
    "groupby((user/name),groupby((user/name,state),aggregate($count as n)))",
    "groupby((rollup(user/department,user/name)),groupby((user/name,state)))",
    "aggregate(progress with max from user/name with sum as s)",
    "aggregate(progress with max from user/name,content/type with sum from content/type with max"
    " as s)",
    "aggregate(user/name with countdistinct as a,user/name with min as b,content/type with max as"
    " c)",
    "concat(groupby((user/department),aggregate($count as n)),aggregate($count as n))",
    "topcount(3,length(user/name))/groupby((user/name,id))",
    "orderby(user/name desc,content/type)/skip(3)/top(4)/groupby((user/name,id))",
    "groupby((user/department),topsum(200,progress)/aggregate($count as n))",
    "groupby((user/department),orderby(user/name)/top(2)/aggregate(user/name with max as m))",
)


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_paths_equal_the_oracle(live: Bridge, tables: Tables, sequence: str) -> None:
    flat = sequence
    for path in PATHS:
        flat = flat.replace(path, path.replace("/", "_"))
    wanted = applied(flat, with_paths(tables, "Results", PATHS))
    names = {path.replace("/", "_"): path for path in PATHS}
    assert ask(live, f"Results?$apply={sequence}") == [
        plain({names.get(name, name): value for name, value in row.items()}) for row in wanted
    ]


@pytest.mark.parametrize("order", ["user/name desc", "n,user/name", "length(user/name) desc,n"])
def test_what_follows_sees_the_paths(live: Bridge, tables: Tables, order: str) -> None:
    apply = "groupby((user/name,state),aggregate($count as n))"
    rows = applied(apply.replace("/", "_"), with_paths(tables, "Results", PATHS))
    flat = order.replace("/", "_")
    wanted = [row for row in ordered(rows, flat) if (row["user_name"] or "") > "F"]
    url = f"Results?$apply={apply}&$filter=user/name gt 'F'&$orderby={order}"
    found = ask(live, f"{url}&$select=n,user/name")
    assert [(r["user/name"], r["n"]) for r in found] == [(r["user_name"], r["n"]) for r in wanted]
    assert live.get(quote(url, safe="$&=?/").replace("?", "/$count?")).text == str(len(wanted))


METHODS: dict[str, Callable[[list[Any]], Any]] = {
    "sum": lambda values: math.fsum(values) if values else None,
    "average": lambda values: math.fsum(values) / len(values) if values else None,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
    "countdistinct": lambda values: len(set(values)),
}
COLLECTIONS = [
    ("Users", "department", "results/progress"),
    ("Users", "name", "memberships/group/members/user/statistics/results"),
    ("Groups", "id", "members/user/results/progress"),
    ("Contents", "type", "results/user/id"),
    ("GroupMembers", "groupId", "user/results/progress"),
    ("Results", "state", "user/memberships/groupId"),
]


@pytest.mark.parametrize(("table", "by", "path"), COLLECTIONS)
def test_rows_behind_a_collection_are_aggregated(
    live: Bridge, tables: Tables, table: str, by: str, path: str
) -> None:
    """Each as often as the path leads to it; groups that lead to none are there."""
    values: dict[Any, list[Any]] = defaultdict(list)
    counted: dict[Any, int] = defaultdict(int)
    for row in tables[table]:
        found = reached(tables, table, row, path)
        values[row[by]] += [value for value in found if value is not None]
        counted[row[by]] += 1
    number = not any(isinstance(v, str) for found in values.values() for v in found)
    methods = [m for m in METHODS if number or m not in ("sum", "average")]
    items = ",".join(f"{path} with {method} as a{method}" for method in methods)
    found = ask(live, f"{table}?$apply=groupby(({by}),aggregate({items},$count as n))")
    assert [row[by] for row in found] == sorted(values, key=lambda v: (v is not None, v))
    for row in found:
        wanted = {f"a{method}": METHODS[method](values[row[by]]) for method in methods}
        assert row == plain({by: row[by], **wanted, "n": counted[row[by]]})


@pytest.mark.parametrize(
    ("table", "path"),
    [("Users", "results"), ("Results", "user/results"), ("Groups", "members"), ("Users", "x")],
)
def test_rows_behind_a_collection_are_counted(
    live: Bridge, tables: Tables, table: str, path: str
) -> None:
    path = path.replace("x", "memberships")
    total = sum(len(reached(tables, table, row, path)) for row in tables[table])
    assert ask(live, f"{table}?$apply=aggregate({path}/$count as n)") == [{"n": total}]
    assert ask(live, f"{table}?$apply=aggregate({path}/$count with sum as n)") == [{"n": total}]
    nothing = f"{table}?$apply=filter(false)/aggregate({path}/$count as n)"
    assert ask(live, nothing) == [{"n": 0}]


def test_an_expression_may_be_about_both_rows(live: Bridge, tables: Tables) -> None:
    """A path is not the same row twice: each related row is computed with its own values."""
    wanted = math.fsum(
        (result["progress"] or 0) * len(user["name"] or "")
        for user in tables["Users"]
        for result in reached(tables, "Users", user, "results")
    )
    url = "Users?$apply=aggregate(results/progress mul length(name) with sum as s)"
    assert ask(live, url) == [plain({"s": wanted})]


def test_collections_in_conditions_and_keys(live: Bridge, tables: Tables) -> None:
    failed = [
        user
        for user in tables["Users"]
        if any(r["state"] == "FAILED" for r in reached(tables, "Users", user, "results"))
    ]
    sizes = [len(reached(tables, "Users", user, "results")) for user in failed]
    apply = "filter(results/any(r:r/state eq 'FAILED'))/compute(results/$count as size)"
    url = f"Users?$apply={apply}/aggregate(size with sum as s,$count as n)"
    assert ask(live, url) == [{"s": sum(sizes), "n": len(failed)}]


# --- how it looks ---------------------------------------------------------------------------------

BY_NAME = "Results?$apply=groupby((user/name,user/region,state),aggregate($count as n))&$top=1"


def raw(live: Bridge, url: str, **headers: str) -> Any:
    answer = live.get(quote(url, safe="$&=?/"), headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_paths_are_objects_inside_of_each_other(live: Bridge) -> None:
    body = raw(live, BY_NAME)
    assert body["@odata.context"].endswith("$metadata#Results(user(name,region),state,n)")
    [row] = body["value"]
    assert list(row) == ["@odata.id", "user", "state", "n@odata.type", "n"]
    assert list(row["user"]) == ["name", "region"]
    deep = raw(live, "Results?$apply=groupby((user/statistics/overdue,user/name))&$top=1")
    assert deep["@odata.context"].endswith("#Results(user(statistics(overdue),name))")
    assert list(deep["value"][0]["user"]) == ["statistics", "name"]


def test_averages_beside_paths_leave_them_objects(live: Bridge) -> None:
    url = "Results?$apply=groupby((user/name,user/region),aggregate(progress with average as a))"
    assert all(isinstance(row["user"], dict) for row in raw(live, url)["value"])


def test_a_subtotal_leaves_out_what_it_does_not_have(live: Bridge) -> None:
    url = "Results?$apply=groupby((rollup(user/department,user/name)),aggregate($count as n))"
    rows = raw(live, url)["value"]
    assert {tuple(row["user"]) for row in rows} == {("department", "name"), ("department",)}


def test_nulls_left_out_leave_an_object(live: Bridge) -> None:
    url = "Results?$apply=groupby((user/department))"
    rows = live.get(url, {"Prefer": "omit-values=nulls", "OData-MaxVersion": "4.01"}).json()
    assert next(row["user"] for row in rows["value"]) == {}


def test_full_metadata_types_what_is_inside(live: Bridge) -> None:
    url = "Results?$apply=groupby((user/statistics/overdue))&$top=1"
    [row] = raw(live, url, Accept="application/json;odata.metadata=full")["value"]
    assert row["user"]["statistics"]["overdue@odata.type"] == "#Int64"


def test_files_have_a_column_for_each_path(live: Bridge) -> None:
    url = "Results?$apply=groupby((user/name,user/region),aggregate($count as n))"
    answer = live.get(f"{quote(url, safe='$&=?/')}&$format=text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == ["user/name", "user/region", "n"]
    wanted = [{name: str(v or "") for name, v in row.items()} for row in ask(live, url)]
    assert rows == wanted


@pytest.mark.parametrize("media", ["csv", "parquet", "arrow"])
@pytest.mark.parametrize(
    "url",
    [
        "Results?$apply=groupby((user/name),aggregate($count as n))&$top=0",
        "Users?$apply=aggregate(results/progress with sum as s,results/$count as n)&$top=0",
        "Results?$top=0&$orderby=user/name,content/statistics/lastUpdatedAt",
        "Results?$top=0&$compute=user/results/$count as n&$filter=n gt 1",
    ],
)
def test_files_of_no_rows_have_their_columns(live: Bridge, url: str, media: str) -> None:
    answer = live.get(f"{quote(url, safe='$&=?/')}&$format={media}")
    assert answer.status_code == 200, answer.text
    if media == "csv" and "$apply" in url:
        assert answer.text.strip("\ufeff\r\n") in ("user/name,n", "s,n")


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("Users?$apply=groupby((results/state))", 400, "results are several rows"),
        ("Users?$apply=aggregate(id with max from results/state with max as m)", 400, "several"),
        ("Results?$apply=groupby((user))", 400, "name one of their values"),
        ("Results?$apply=groupby((user/nosuch))", 400, "no property 'nosuch'"),
        ("Results?$apply=groupby((nosuch/name))", 400, "no property 'nosuch'"),
        ("Results?$apply=groupby((user/name))&$filter=user/email ne null", 400, "user/name"),
        ("Results?$apply=groupby((user/name))/groupby((user/email))", 400, "user/name"),
        ("Results?$apply=groupby((user/name),aggregate($count as user))", 400, "already taken"),
        ("Users?$apply=aggregate(results/progress as s)", 400, "needs `with` a method"),
        ("Users?$apply=aggregate(results/progress add length(memberships/groupId) with sum as s)",
         501, "results and memberships"),
        ("Results?$apply=groupby((user/name))&$expand=user", 501, "cannot be expanded"),
        ("Users?$apply=aggregate(results with max as m)", 400, "results"),
        ("Users?$apply=aggregate(results/progress with sum from name with max as m)", 501, "from"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(live: Bridge, url: str, status: int, words: str) -> None:
    answer = live.get(quote(url, safe="$&=?/"))
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]["message"]
