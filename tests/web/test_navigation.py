"""From row to row: paths, $expand, any/all and /$count, against plain Python over all rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.sandbox import Dataset
from tests.support.live import Bridge, bridge
from tests.support.star_oracle import Star
from tests.web.test_star import told

Row = dict[str, Any]


@pytest.fixture(scope="module")
def star(dataset: Dataset) -> Star:
    return Star(dataset.to_rows(), datetime.now(UTC))


@pytest.fixture(scope="module")
def results(live: Bridge) -> list[Row]:
    return live.feed("Results")


@pytest.fixture(scope="module")
def users(star: Star) -> dict[str, Row]:
    return {row["id"]: row for row in star.table("Users")}


@pytest.fixture
def cold(dataset: Dataset) -> Iterator[Bridge]:
    with bridge(dataset) as gateway:
        yield gateway


def of_user(results: list[Row], user_id: str) -> list[Row]:
    return [row for row in results if row["userId"] == user_id]


# --- paths ----------------------------------------------------------------------------------------


def test_the_one_row_behind_a_row(live: Bridge, results: list[Row], users: dict[str, Row]) -> None:
    row = results[0]
    answer = live.get(f"Results('{row['id']}')/user").json()
    assert answer.pop("@odata.context") == f"{live.root}$metadata#Users/$entity"
    assert answer == users[row["userId"]]
    assert live.get(f"Results('{row['id']}')/user/name/$value").text == answer["name"]
    named = live.get(f"Results('{row['id']}')/content/name").json()
    assert named["@odata.context"].endswith(f"#Results('{row['id']}')/content/name")
    assert named["value"] == row["contentName"]


def test_the_rows_behind_a_row(live: Bridge, results: list[Row]) -> None:
    user_id = results[7]["userId"]
    own = of_user(results, user_id)
    assert live.feed(f"Users('{user_id}')/results", {"Prefer": "maxpagesize=2"}) == own
    assert live.get(f"Users('{user_id}')/results/$count").text == str(len(own))
    failed = [row for row in own if row["state"] == "FAILED"]
    assert live.feed(f"Users('{user_id}')/results?$filter=state eq 'FAILED'") == failed
    key = own[-1]["id"]
    assert (
        live.get(f"Users('{user_id}')/results('{key}')/state").json()["value"] == own[-1]["state"]
    )
    [reference] = live.get(f"Users('{user_id}')/results/$ref?$top=1").json()["value"]
    assert reference == {"@odata.id": f"{live.root}Results('{own[0]['id']}')"}


def test_a_way_back_and_forth(live: Bridge, results: list[Row]) -> None:
    row = results[3]
    path = f"Results('{row['id']}')/user/results"
    assert live.feed(path) == of_user(results, row["userId"])
    other = f"{path}('{row['id']}')/content/results/$count"
    shared = sum(r["contentId"] == row["contentId"] for r in results)
    assert live.get(other).text == str(shared)


@pytest.mark.parametrize(
    "path",
    [
        "Users('nobody')/results",
        "Users('nobody')/results/$count",
        "Users('nobody')/results?$top=0",
        "Users('nobody')/results?$top=3",
        "Users('nobody')/statistics",
        "Results('nothing')/user",
        "Results('nothing')/user/results",
        "Users('usr-000001')/results('nothing')",
        "Users('usr-000001')/nosuch",
    ],
)
def test_what_is_behind_nothing_does_not_exist(live: Bridge, cold: Bridge, path: str) -> None:
    for gateway in (live, cold):
        answer = gateway.get(path)
        assert answer.status_code == 404, answer.text


def test_half_a_key_does_not_make_its_row_exist(live: Bridge, cold: Bridge, star: Star) -> None:
    """What GroupMembers leads to is related by one part of its key: the other part counts too."""
    members = {(row["userId"], row["groupId"]) for row in star.table("GroupMembers")}
    users, groups = ({m[n] for m in members} for n in (0, 1))
    there = min(members)
    not_there = min((u, g) for u in users for g in groups if (u, g) not in members)
    unknown = (("nobody", there[1]), (there[0], "no group"))
    for gateway in (cold, live):
        for user, group in (there, not_there, *unknown):
            row = f"GroupMembers(userId='{user}',groupId='{group}')"
            status = 200 if (user, group) == there else 404
            for way in ("user", "group", "user/name", "group/members", "user/results/$count",
                        "user/memberships?$top=1", f"group/members(userId='{there[0]}',"
                        f"groupId='{there[1]}')/userId", "group/statistics"):  # fmt: skip
                assert gateway.get(f"{row}/{way}").status_code == status, f"{row}/{way}"


def test_nothing_behind_something_is_an_empty_collection(live: Bridge, results: list[Row]) -> None:
    user_id = results[0]["userId"]
    answer = live.get(f"Users('{user_id}')/results?$filter=progress gt 1000")
    assert answer.json()["value"] == []
    assert live.get(f"Users('{user_id}')/results/$count?$filter=progress gt 1000").text == "0"


def test_one_key_is_refused_where_there_is_one_row(live: Bridge, results: list[Row]) -> None:
    answer = live.get(f"Results('{results[0]['id']}')/user('x')")
    assert answer.status_code == 400
    assert "one row" in answer.json()["error"]["message"]


def test_a_person_s_results_are_asked_for_alone(cold: Bridge, results: list[Row]) -> None:
    user_id = results[0]["userId"]
    assert cold.feed(f"Users('{user_id}')/results") == of_user(results, user_id)
    assert {tuple(call.body["userIds"]) for call in cold.sandbox.received} == {(user_id,)}


# --- $expand --------------------------------------------------------------------------------------


def test_one_row_comes_along(live: Bridge, results: list[Row], users: dict[str, Row]) -> None:
    found = live.feed("Results?$expand=user", {"Prefer": "maxpagesize=700"})
    assert found == [{**row, "user": users[row["userId"]]} for row in results]


def test_rows_come_along_in_order_and_cut_to_a_window(
    live: Bridge, results: list[Row], users: dict[str, Row]
) -> None:
    inner = "$filter=state ne 'FAILED';$orderby=progress desc,id;$skip=1;$top=2;$count=true"
    found = live.feed(f"Users?$select=id&$expand=results({inner};$select=id,progress)")
    for user, row in zip(users, found, strict=True):
        kept = [r for r in of_user(results, user) if r["state"] != "FAILED"]
        kept.sort(key=lambda r: (r["progress"] is None, -(r["progress"] or 0), r["id"]))
        assert row == {
            "id": user,
            "results@odata.count": len(kept),
            "results": [{"id": r["id"], "progress": r["progress"]} for r in kept[1:3]],
        }


def test_expansions_inside_of_each_other(live: Bridge, star: Star) -> None:
    names = {group["id"]: group["name"] for group in star.table("Groups")}
    members = star.table("GroupMembers")
    statistics = {row["userId"]: row for row in star.table("UserStatistics")}
    path = "Users?$expand=memberships($select=groupId;$expand=group),statistics&$orderby=name,id"
    for row in live.feed(path):
        own = [m["groupId"] for m in members if m["userId"] == row["id"]]
        shown = [(m["groupId"], m["group"]["name"]) for m in row["memberships"]]
        assert shown == [(group, names[group]) for group in own]
        assert told([row["statistics"]]) == told([statistics[row["id"]]])


def test_numbers_and_references_come_along(live: Bridge, results: list[Row]) -> None:
    [row] = live.get("Users?$top=1&$select=id&$expand=results/$count").json()["value"]
    own = of_user(results, row["id"])
    assert row == {"id": row["id"], "results@odata.count": len(own)}
    [row] = live.get("Users?$top=1&$select=id&$expand=results/$ref").json()["value"]
    assert [r["@odata.id"] for r in row["results"]] == [
        f"{live.root}Results('{r['id']}')" for r in own
    ]


def test_everything_comes_along_with_a_star(live: Bridge) -> None:
    row = live.get("Contents?$top=1&$expand=*").json()["value"][0]
    assert list(row) == ["id", "name", "type", "results", "statistics"]
    row = live.get("Contents?$top=1&$expand=results/$count,*").json()["value"][0]
    assert list(row) == ["id", "name", "type", "results@odata.count", "statistics"]


def test_pages_are_smaller_where_many_rows_come_along(live: Bridge, results: list[Row]) -> None:
    """Every person with all results of each of their groups' people: too much for one page."""
    inner = "memberships($expand=group($expand=members($expand=user($expand=results))))"
    page = live.get(f"Users?$expand={inner}").json()
    assert 0 < len(page["value"]) < len({row["userId"] for row in results})
    assert "@odata.nextLink" in page


def test_an_entity_and_a_moving_feed_expand_alike(live: Bridge, results: list[Row]) -> None:
    row = results[5]
    answer = live.get(f"Results('{row['id']}')?$expand=user($select=name)&$select=state").json()
    assert answer["@odata.context"].endswith("#Results(state,user(name))/$entity")
    assert (answer["state"], answer["user"]["name"]) == (row["state"], row["userName"])


@pytest.mark.parametrize(
    ("query", "version", "fragment"),
    [
        ("$expand=user", "4.0", "Results"),
        ("$expand=user", "4.01", "Results(user())"),
        ("$expand=user&$select=id", "4.0", "Results(id,user)"),
        ("$expand=user&$select=id", "4.01", "Results(id,user())"),
        ("$expand=user($select=name)", "4.0", "Results(user(name))"),
        ("$expand=user($select=name;$expand=statistics)&$select=id,user", "4.0",
         "Results(id,user(name,statistics))"),
        ("$expand=user($expand=statistics($select=failed))", "4.0",
         "Results(user(statistics(failed)))"),
        ("$select=id,user", "4.0", "Results(id,user)"),
        ("$expand=user/$ref&$select=id", "4.0", "Results(id)"),
        ("$select=*,user", "4.0", "Results(*,user)"),
        ("$select=*,user&$expand=user", "4.0", "Results(*,user)"),
        ("$select=*,user&$expand=user", "4.01", "Results(*,user())"),
    ],
)  # fmt: skip
def test_the_context_tells_what_comes_along(
    live: Bridge, query: str, version: str, fragment: str
) -> None:
    answer = live.get(f"Results?$top=1&{query}", {"OData-MaxVersion": version}).json()
    context = answer["@context" if version == "4.01" else "@odata.context"]
    assert context == f"{live.root}$metadata#{fragment}"


def test_nulls_are_left_out_inside_too(live: Bridge, users: dict[str, Row]) -> None:
    page = live.get("Results?$top=50&$expand=user", {"Prefer": "omit-values=nulls"}).json()
    for row in page["value"]:
        expected = {n: v for n, v in users[row["userId"]].items() if v is not None}
        assert row["user"] == expected


def test_full_metadata_says_where_related_rows_are(live: Bridge) -> None:
    page = live.get("Results?$top=1&$format=application/json;odata.metadata=full").json()
    [row] = page["value"]
    assert row["user@odata.navigationLink"] == f"{row['@odata.id']}/user"
    full = {"Accept": "application/json;odata.metadata=full"}
    person = live.client.get(row["user@odata.navigationLink"], headers=full).json()
    assert person["@odata.type"] == "#Skillhabit.User"
    assert person["id"] == row["userId"]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("$expand=usr", 400, "did you mean user?"),
        ("$expand=user,user/$ref", 400, "user is named twice"),
        ("$expand=*/$count", 400, "*/$count has no meaning"),
        ("$expand=user($expand=results($filter=id ne $it/id))", 501, "$it inside of $expand"),
        ("$expand=user($compute=$it/id as n)", 501, "$it inside of $expand"),
        ("$compute=progress as user&$expand=user", 400, "user is already taken"),
        ("$compute=progress as user&$select=id,user", 400, "user is already taken"),
        ("$compute=progress as User", 501, "differ only in case"),
        ("$apply=aggregate(progress with sum as user)", 400, "user is already taken"),
        ("$expand=user($expand=results($compute=progress as user))", 400, "already taken"),
        ("$expand=user,user", 400, "expanded twice"),
        ("$expand=user/results", 400, "user($expand=results)"),
        ("$expand=user/$count", 400, "one row, which has no /$count"),
        ("$expand=user($top=1)", 400, "$top has no meaning for user"),
        ("$expand=user($levels=2)", 501, "$levels of user"),
        ("$expand=user($select=nosuch)", 400, "User has no property 'nosuch'"),
        ("$expand=user($select=id;$select=id)", 400, "twice"),
        ("$expand=*($levels=2)", 501, "options of *"),
        ("$apply=aggregate($count as n)&$expand=user", 501, "result of $apply"),
        ("$expand=user($expand=results($expand=user($expand=results($expand=user($expand="
         "results($expand=user))))))", 400, "5 levels are allowed"),
    ],
)  # fmt: skip
def test_what_cannot_come_along_is_refused(
    live: Bridge, query: str, status: int, words: str
) -> None:
    answer = live.get(f"Results?$top=1&{query}")
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]["message"]


# --- conditions on other rows ---------------------------------------------------------------------

Keep = Callable[[Row, list[Row]], bool]
OF_PEOPLE: list[tuple[str, Keep]] = [
    ("results/any(r:r/state eq 'FAILED' and r/progress gt 50)",
     lambda _, own: any(r["state"] == "FAILED" and (r["progress"] or 0) > 50 for r in own)),
    ("results/all(r:r/state ne 'EXPIRED')",
     lambda _, own: all(r["state"] != "EXPIRED" for r in own)),
    ("not results/all(r:r/progress gt 0)",
     lambda _, own: not all(r["progress"] is not None and r["progress"] > 0 for r in own)),
    ("results/any(r:r/userName eq name and r/contentName ne $it/name)",
     lambda u, own: u["name"] is not None
     and any(r["userName"] == u["name"] and r["contentName"] != u["name"] for r in own)),
    ("results/$count lt 16", lambda _, own: len(own) < 16),
    ("results/$count($filter=state eq 'APPROVED') ge 8",
     lambda _, own: sum(r["state"] == "APPROVED" for r in own) >= 8),
    ("results/$filter(state eq 'APPROVED')/$count ge 8",
     lambda _, own: sum(r["state"] == "APPROVED" for r in own) >= 8),
    ("results/any(r:r/groupIds/any(g:g eq 'grp-02'))",
     lambda _, own: any("grp-02" in r["groupIds"] for r in own)),
    ("statistics/failed gt 1 and results/any()",
     lambda _, own: sum(r["state"] == "FAILED" for r in own) > 1),
    ("results/any(r:r/content/type eq 'QUIZ' and r/user/name eq name)",
     lambda u, own: u["name"] is not None and any(r["contentType"] == "QUIZ" for r in own)),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "keep"), OF_PEOPLE, ids=[c for c, _ in OF_PEOPLE])
def test_people_are_found_by_their_results(
    live: Bridge, results: list[Row], users: dict[str, Row], condition: str, keep: Keep
) -> None:
    found = live.feed(f"Users?$filter={condition}&$select=id")
    expected = [key for key, user in users.items() if keep(user, of_user(results, key))]
    assert [row["id"] for row in found] == expected
    assert 0 < len(expected) < len(users) or "name" in condition
    assert live.get(f"Users/$count?$filter={condition}").text == str(len(expected))


def test_results_are_found_and_sorted_by_their_people(
    live: Bridge, results: list[Row], users: dict[str, Row]
) -> None:
    condition = "contains(user/name,'a') and user/statistics/failed ge 1"
    query = f"$filter={condition}&$orderby=user/email desc,id&$select=id"
    failed = {r["userId"] for r in results if r["state"] == "FAILED"}
    kept = [
        r for r in results if "a" in (users[r["userId"]]["name"] or "") and r["userId"] in failed
    ]
    assert kept
    kept.sort(key=lambda r: r["id"])
    kept.sort(key=lambda r: users[r["userId"]]["email"] or "", reverse=True)
    found = live.feed(f"Results?{query}", {"Prefer": "maxpagesize=9"})
    assert [row["id"] for row in found] == [row["id"] for row in kept]


def test_a_value_of_another_row_is_computed_with(live: Bridge, results: list[Row]) -> None:
    query = "$compute=user/statistics/results sub 1 as others,length(user/name) as letters"
    found = live.feed(f"Results?{query}&$select=id,others,letters&$top=40")
    assert len(found) == 40
    for row, source in zip(found, results, strict=False):
        assert row["id"] == source["id"]
        assert row["others"] == len(of_user(results, source["userId"])) - 1
        assert row["letters"] == (None if source["userName"] is None else len(source["userName"]))


def test_values_of_other_rows_are_columns_of_a_file(live: Bridge, results: list[Row]) -> None:
    query = "$compute=user/name as person&$select=id,person&$format=text/csv"
    text = live.get(f"Results?{query}").text
    found = [(row["id"], row["person"] or None) for row in csv.DictReader(io.StringIO(text))]
    assert found == [(row["id"], row["userName"] or None) for row in results]


@pytest.mark.parametrize(
    ("condition", "number"),
    [("user ne null", None), ("null eq user", 0), ("user/statistics ne null", None)],
)
def test_there_is_always_one(
    live: Bridge, results: list[Row], condition: str, number: int | None
) -> None:
    expected = len(results) if number is None else number
    assert live.get(f"Results/$count?$filter={condition}").text == str(expected)


def test_values_are_counted(live: Bridge, results: list[Row]) -> None:
    many = sum(len(row["groupIds"]) > 2 for row in results)
    assert live.get("Results/$count?$filter=groupIds/$count gt 2").text == str(many)


def test_other_rows_are_those_of_the_whole_workspace(cold: Bridge, results: list[Row]) -> None:
    """Not only those that the rest of the filter leaves."""
    condition = "state eq 'FAILED' and user/results/any(r:r/state eq 'APPROVED')"
    approved = {row["userId"] for row in results if row["state"] == "APPROVED"}
    kept = [r["id"] for r in results if r["state"] == "FAILED" and r["userId"] in approved]
    assert [row["id"] for row in cold.feed(f"Results?$filter={condition}")] == kept
    assert all("states" not in call.body for call in cold.sandbox.received)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("Results?$filter=user/nosuch eq 1", 400, "User has no property 'nosuch'"),
        (
            "Results?$filter=usr/name eq 'x'",
            400,
            "Result has no property 'usr'; did you mean user?",
        ),
        ("Results?$orderby=usr/name", 400, "did you mean user?"),
        ("Users?$compute=statistic/failed as f", 400, "did you mean statistics?"),
        ("Results?$filter=state/x eq 'y'", 400, "nothing can follow state"),
        ("Users?$filter=results/any(x:y/state eq 'z')", 400, "User has no property 'y'"),
        ("Users?$filter=results/state eq 'x'", 400, "results are several rows"),
        ("Users?$filter=results eq 'x'", 400, "results leads to other rows"),
        ("Users?$filter=results/any(r:r eq 'x')", 400, "r is a row"),
        ("Results?$filter=user/results/any(r:r/nosuch eq 1)", 400, "Result has no property"),
        (
            "Results?$filter=groupIds/any(g:user/name eq g)",
            501,
            "inside any or all over values",
        ),
        ("Results?$filter=state/$count gt 1", 400, "a single value, which has no /$count"),
        ("Results?$apply=filter(usr/name eq 'x')", 400, "did you mean user?"),
        ("Users?$apply=groupby((results/state))", 400, "results are several rows"),
    ],
)
def test_ways_that_lead_nowhere_are_refused(
    live: Bridge, query: str, status: int, words: str
) -> None:
    answer = live.get(query)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]["message"]


def test_as_many_levels_as_announced(live: Bridge) -> None:
    document = live.get("$metadata?$format=json").json()
    namespace, _, name = document["$EntityContainer"].rpartition(".")
    results = document[namespace][name]["Results"]
    assert results["@Org.OData.Capabilities.V1.ExpandRestrictions"]["MaxLevels"] == 5
    five = "user($expand=results($top=1;$expand=user($expand=results($top=1;$expand=user{}))))"
    for sixth, status in (("", 200), ("($expand=statistics)", 400)):
        answer = live.get(f"Results?$top=1&$expand={five.format(sixth)}")
        assert answer.status_code == status, answer.text


def test_a_way_without_a_partner_leads_one_way(live: Bridge, results: list[Row]) -> None:
    """ResultRows lead to people; people are as they were, because each has results already."""
    for row in live.feed("ResultRows?$top=40&$expand=user&$select=userId,userName"):
        assert row["user"]["id"] == row["userId"]
        assert row["user"]["name"] == row["userName"]
    row = live.get("ResultRows?$top=1&$skip=7").json()["value"][0]
    key = row["rowId"]
    user = live.get(f"ResultRows({key})/user").json()
    assert user["id"] == row["userId"]
    assert live.get(f"ResultRows({key})/user/name/$value").text == row["userName"]
    own = of_user(results, row["userId"])
    assert live.feed(f"ResultRows({key})/user/results") == own
    condition = f"user/name eq '{user['name'].replace(chr(39), chr(39) * 2)}'"
    found = live.feed(f"ResultRows?$filter={condition}&$select=id&$orderby=user/name,id")
    assert sorted(r["id"] for r in found) == sorted(
        r["id"] for r in results if r["userName"] == user["name"]
    )
    document = live.get("$metadata?$format=json").json()["Skillhabit"]
    assert "$Partner" not in document["ResultRow"]["user"]
    assert {n for n, v in document["User"].items() if isinstance(v, dict) and "$Partner" in v} == {
        "results",
        "memberships",
        "statistics",
    }
    refused = live.get(f"Users('{row['userId']}')/resultRows")
    assert refused.status_code == 404


@pytest.mark.parametrize("gone", ["ResultRows(00000000-0000-0000-0000-000000000000)/user"])
def test_a_way_without_a_partner_from_nothing_does_not_exist(live: Bridge, gone: str) -> None:
    for path in (gone, f"{gone}/results", f"{gone}/results?$format=csv", f"{gone}/name/$value"):
        assert live.get(path).status_code == 404, path
