"""Delta on the wire (Protocol 11.3, JSON Format 15): links, bodies, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import Dataset, generate
from tests.support.live import Ahead, Bridge, bridge, served
from tests.support.replica import Replica

TRACK = {"Prefer": "odata.track-changes"}
NEWER = {"OData-MaxVersion": "4.01"}
ALWAYS = {"fresh_for": 0}


@pytest.fixture(scope="module")
def few() -> Dataset:
    return generate(60)


@pytest.fixture
def moving(few: Dataset) -> Iterator[Bridge]:
    """A gateway that asks for what is new at each request."""
    with bridge(few, settings=ALWAYS) as gateway:
        yield gateway


def tracked(gateway: Bridge, path: str = "Results") -> str:
    """The deltaLink of a feed of one page."""
    answer = gateway.get(path, headers=TRACK)
    assert answer.status_code == 200, answer.text
    link: str = answer.json()["@odata.deltaLink"]
    return link


def change_one(gateway: Bridge, state: str = "FAILED") -> str:
    """Change the state of a result that has another one; its key."""
    row = next(r for r in gateway.sandbox.store.to_rows() if r["state"] != state)
    gateway.sandbox.store.put({**row, "state": state, "updatedAt": "2026-01-01T00:00:00.000Z"})
    return str(row["id"])


def remove_one(gateway: Bridge) -> str:
    row = gateway.sandbox.store.to_rows()[-1]
    gateway.sandbox.store.remove(row["id"])
    return str(row["id"])


def body_of(gateway: Bridge, link: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """What a link answers, without its own next link, which is opaque."""
    answer = gateway.client.get(link, headers=headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    for name in ("@odata.deltaLink", "@deltaLink"):
        body.pop(name, None)
    return body


# --- the feed that is tracked ---------------------------------------------------------------------


@pytest.mark.parametrize("table", ["Results", "Users", "Contents", "Groups", "GroupMembers"])
@pytest.mark.parametrize(
    ("wish", "version", "applied"),
    [
        ("track-changes", "4.0", "odata.track-changes"),
        ("odata.track-changes", "4.01", "track-changes"),
        ("odata.track-changes,maxpagesize=3000", "4.0",
         "odata.maxpagesize=3000, odata.track-changes"),
    ],
)  # fmt: skip
def test_the_answer_says_that_changes_are_tracked(
    live: Bridge, table: str, wish: str, version: str, applied: str
) -> None:
    headers = {"Prefer": wish, "OData-MaxVersion": version}
    answer = live.get(f"{table}?$filter=false or true", headers=headers)
    assert answer.headers["Preference-Applied"] == applied
    mark = "@odata." if version == "4.0" else "@"
    assert answer.json()[f"{mark}deltaLink"].startswith(f"{live.root}{table}?$filter=")
    assert f"{mark}nextLink" not in answer.json()


def test_only_the_last_page_has_the_link_and_pages_remember_the_wish(live: Bridge) -> None:
    wish = {"Prefer": "track-changes,maxpagesize=900"}
    first = live.get("Results?$select=id&$count=true", headers=wish).json()
    second = live.client.get(first["@odata.nextLink"], headers={"Prefer": "maxpagesize=900"}).json()
    last = live.client.get(second["@odata.nextLink"])
    for page in (first, second):
        assert "@odata.deltaLink" not in page
    assert "@odata.nextLink" not in last.json()
    assert "$count" not in last.json()["@odata.deltaLink"]
    assert "Preference-Applied" not in last.headers


def test_a_next_page_does_not_begin_to_track(live: Bridge) -> None:
    page = live.get("Results?$select=id", headers={"Prefer": "maxpagesize=1500"}).json()
    last = live.client.get(page["@odata.nextLink"], headers=TRACK)
    assert "@odata.deltaLink" not in last.json()
    assert "Preference-Applied" not in last.headers


def test_the_link_keeps_which_rows_but_not_which_part_of_them(live: Bridge) -> None:
    query = "$filter=state eq @s&@s='FAILED'&$select=id&top=5&$skip=2&$orderby=id&$count=true&x=1"
    answer = live.get(f"Results?{query}", headers=TRACK).json()
    assert len(answer["value"]) == 5
    options = answer["@odata.deltaLink"].partition("?")[2].split("&")
    names = [option.partition("=")[0] for option in options]
    assert names == ["$filter", "@s", "$select", "x", "$deltatoken"]


def test_no_rows_and_a_link_is_a_way_to_begin_from_now(moving: Bridge) -> None:
    answer = moving.get("Results?$top=0&$select=id,state", headers=TRACK).json()
    assert answer["value"] == []
    key = change_one(moving)
    assert body_of(moving, answer["@odata.deltaLink"])["value"] == [{"id": key, "state": "FAILED"}]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("Results?$apply=groupby((state))", {}),
        ("Results?$apply=filter(state eq 'FAILED')", {}),
        ("Results/$ref", {}),
        ("Results?$filter=id eq 'a' and id eq 'b'", {}),
        ("Results?$expand=user&$top=1", {}),
        ("Results?$filter=user/region eq 'EMEA'", {}),
        ("Users('usr-000001')/results", {}),
        ("Users('usr-000001')/region", {}),
        ("Statistics", {}),
        ("UserStatistics", {}),
        ("Results?$top=3", {"Accept": "application/json;odata.metadata=none"}),
        ("Results('usr-000000_cnt-0000')", {}),
        ("Results/$count", {}),
    ],
)
def test_a_wish_that_cannot_be_met_is_ignored(
    live: Bridge, path: str, headers: dict[str, str]
) -> None:
    answer = live.get(path, headers={**TRACK, **headers})
    assert answer.status_code in (200, 404)
    assert "Preference-Applied" not in answer.headers
    assert "deltaLink" not in answer.text


def test_a_query_too_long_for_a_link_is_not_tracked(live: Bridge) -> None:
    """Its options are kept in memory only, and for a while; a deltaLink must last longer."""
    filter_ = " or ".join(f"id eq 'usr-{number:06}_cnt-0000'" for number in range(500))
    answer = live.client.post(
        f"{live.root}Results/$query",
        content=f"$filter={filter_}",
        headers={**TRACK, "Content-Type": "text/plain"},
    )
    assert answer.status_code == 200
    assert "deltaLink" not in answer.text


def test_a_posted_query_is_tracked_by_a_link_to_get(moving: Bridge) -> None:
    headers = {**TRACK, "Content-Type": "text/plain"}
    url, query = f"{moving.root}Results/$query", "$select=id,state"
    answer = moving.client.post(url, content=query, headers=headers)
    key = change_one(moving)
    link = answer.json()["@odata.deltaLink"]
    assert body_of(moving, link)["value"] == [{"id": key, "state": "FAILED"}]


# --- what has changed -----------------------------------------------------------------------------


def test_nothing_has_changed(live: Bridge) -> None:
    link = tracked(live, "Results?$select=id")
    answer = live.client.get(link)
    assert answer.json() == {
        "@odata.context": f"{live.root}$metadata#Results(id)/$delta",
        "value": [],
        "@odata.deltaLink": link,
    }
    assert answer.headers["Cache-Status"] == "skillhabit-odata; hit"


def test_the_body_of_4_0(moving: Bridge) -> None:
    link = tracked(moving, "Results?$select=id,state")
    changed, gone = change_one(moving), remove_one(moving)
    assert body_of(moving, link) == {
        "@odata.context": f"{moving.root}$metadata#Results(id,state)/$delta",
        "value": [
            {"id": changed, "state": "FAILED"},
            {
                "@odata.context": f"{moving.root}$metadata#Results/$deletedEntity",
                "id": f"{moving.root}Results('{gone}')",
                "reason": "deleted",
            },
        ],
    }


def test_the_body_of_4_01(moving: Bridge) -> None:
    link = tracked(moving, "Results?$select=id,state")
    changed, gone = change_one(moving), remove_one(moving)
    assert body_of(moving, link, NEWER) == {
        "@context": f"{moving.root}$metadata#Results(id,state)/$delta",
        "value": [
            {"id": changed, "state": "FAILED"},
            {"@removed": {"reason": "deleted"}, "@id": f"{moving.root}Results('{gone}')"},
        ],
    }


def test_a_row_that_left_the_filter_has_changed(moving: Bridge) -> None:
    link = tracked(moving, "Results?$filter=contains(state,'APPROVED')&$select=id")
    row = next(r for r in moving.sandbox.store.to_rows() if r["state"] == "APPROVED")
    now = "2026-01-01T00:00:00.000Z"
    moving.sandbox.store.put({**row, "state": "EXPIRED", "updatedAt": now})
    [item] = body_of(moving, link)["value"]
    assert (item["id"], item["reason"]) == (f"{moving.root}Results('{row['id']}')", "changed")


def test_what_is_not_selected_is_no_change(moving: Bridge) -> None:
    link, all_of_it = tracked(moving, "Results?$select=id,progress"), tracked(moving)
    key = change_one(moving)
    assert body_of(moving, link)["value"] == []
    [row] = body_of(moving, all_of_it)["value"]
    assert (row["id"], row["state"]) == (key, "FAILED")


def test_a_row_says_where_it_is_when_its_key_is_not_selected(moving: Bridge) -> None:
    link = tracked(moving, "Results?$select=state")
    key = change_one(moving)
    address = f"{moving.root}Results('{key}')"
    assert body_of(moving, link)["value"] == [{"@odata.id": address, "state": "FAILED"}]
    assert body_of(moving, link, NEWER)["value"] == [{"@id": address, "state": "FAILED"}]


def test_nulls_are_told_even_to_who_does_not_want_them(moving: Bridge) -> None:
    """A member that is left out would be one that has not changed (Protocol 8.2.8.7)."""
    link = tracked(moving, "Results?$select=id,state,completedAt")
    row = next(r for r in moving.sandbox.store.to_rows() if r["completedAt"])
    now = "2026-01-01T00:00:00.000Z"
    moving.sandbox.store.put({**row, "completedAt": None, "updatedAt": now})
    answer = moving.client.get(link, headers={"Prefer": "omit-values=nulls,maxpagesize=9"})
    assert answer.headers["Preference-Applied"] == "odata.maxpagesize=9"
    assert answer.json()["value"] == [{"id": row["id"], "state": row["state"], "completedAt": None}]


def test_full_metadata_and_the_moment_of_the_extract(moving: Bridge) -> None:
    link = tracked(moving, "Contents?$select=name")
    row = moving.sandbox.store.to_rows()[0]
    content = {**row["content"], "name": "Renamed"}
    moving.sandbox.store.put({**row, "content": content, "updatedAt": "2026-01-01T00:00:00.000Z"})
    headers = {
        "Accept": "application/json;odata.metadata=full",
        "Prefer": 'odata.include-annotations="Skillhabit.*"',
    }
    body = body_of(moving, link, headers)
    address = f"{moving.root}Contents('{content['id']}')"
    assert "@Skillhabit.SnapshotTakenAt" in body
    [row] = body["value"]
    shown = {name: value for name, value in row.items() if "navigationLink" not in name}
    assert [shown] == [
        {
            "@odata.type": "#Skillhabit.Content",
            "@odata.id": address,
            "@odata.readLink": address,
            "name": "Renamed",
        }
    ]


def test_changes_come_in_pages_of_one_moment(moving: Bridge) -> None:
    """What changes while they are read is told by the link at their end."""
    replica = Replica(moving, "Results?$select=id,state", pages=2)
    replica.read()
    before = dict(replica.rows)
    for kind in ("insert", "touch", "delete", "insert", "insert", "touch", "delete"):
        moving.sandbox.drift.mutate(kind)
    whole = body_of(moving, replica.link)["value"]
    pages, url = [], replica.link
    while url:
        page = moving.client.get(url, headers={"Prefer": "maxpagesize=2"}).json()
        assert len(page["value"]) <= 2
        pages += page["value"]
        url = page.get("@odata.nextLink", "")
        moving.sandbox.drift.mutate("insert")
    assert pages == whole
    replica.catch_up()
    assert replica.rows == replica.full() != before


def test_a_full_page_is_not_followed_by_an_empty_one(moving: Bridge) -> None:
    link = tracked(moving, "Results?$select=id")
    for _ in range(4):
        moving.sandbox.drift.mutate("insert")
    page = moving.client.get(link, headers={"Prefer": "maxpagesize=4"}).json()
    assert len(page["value"]) == 4
    assert "@odata.nextLink" not in page


def test_now_moves_on_with_each_answer_and_stands_still_on_its_pages(few: Dataset) -> None:
    """Rows come and go by time alone, for the link knows what now() meant for its client."""
    path = "Results?$filter=updatedAt gt now() sub duration'PT5S'&$select=id"
    ahead, pages = Ahead(), {"Prefer": "maxpagesize=2"}
    with bridge(few, settings={"fresh_for": 0}, gateway_clock=ahead.clock) as moving:
        answer = moving.get(path, headers=TRACK).json()
        assert answer["value"] == []
        for _ in range(4):
            moving.sandbox.drift.mutate("insert")
        first = moving.client.get(answer["@odata.deltaLink"], headers=pages).json()
        ahead.seconds += 5
        second = moving.client.get(first["@odata.nextLink"], headers=pages).json()
        told = {row["id"] for row in first["value"] + second["value"]}
        assert len(told) == 4
        later = moving.client.get(second["@odata.deltaLink"]).json()["value"]
        assert {item["id"].partition("('")[2][:-2] for item in later} == told
        assert {item["reason"] for item in later} == {"changed"}


def test_a_feed_that_is_tracked_does_not_show_rows_of_a_draft(few: Dataset) -> None:
    """They could be older than the snapshot that its deltaLink names."""
    with bridge(few) as gateway:
        answer = gateway.get("Results?$select=id", headers=TRACK)
        assert answer.headers["Cache-Status"] == "skillhabit-odata; fwd=miss"


def test_freshness_is_as_for_every_feed(few: Dataset) -> None:
    ahead = Ahead()
    with bridge(few, settings={"fresh_for": 3600}, gateway_clock=ahead.clock) as gateway:
        link = tracked(gateway, "Results?$select=id,state")
        key = change_one(gateway)
        assert body_of(gateway, link)["value"] == []
        ahead.seconds += 5.1  # a wish for newer data is granted at most so often
        body = body_of(gateway, link, {"Cache-Control": "no-cache"})
        assert body["value"] == [{"id": key, "state": "FAILED"}]


def test_who_has_the_answer_is_told_so(live: Bridge) -> None:
    link = tracked(live, "Results?$select=id")
    first = live.client.get(link)
    answer = live.client.get(link, headers={"If-None-Match": first.headers["ETag"]})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_batch_follows_deltalinks(moving: Bridge) -> None:
    link = tracked(moving, "Results?$select=id,state")
    key = change_one(moving)
    part = {"id": "1", "method": "get", "url": link.removeprefix(moving.root)}
    answer = moving.client.post(f"{moving.root}$batch", json={"requests": [part]})
    [response] = answer.json()["responses"]
    assert response["body"]["value"] == [{"id": key, "state": "FAILED"}]


def test_an_explanation_tells_what_a_deltalink_reads(live: Bridge) -> None:
    link = tracked(live, "Results?$filter=state eq 'FAILED'&$select=id")
    answer = live.client.get(link.replace("/odata/v4/", "/explain/"))
    assert answer.status_code == 200
    assert answer.json()["pushdown"] == "state in ('FAILED')"


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'FAILED'", "'APPROVED'"),
        ("$select=id&", ""),
        ("$select=id", "$select=id&$top=5"),
        ("Results?", "Users?"),
        ("Results?", "Results/$count?"),
        ("$deltatoken=", "$skiptoken="),
        ("$deltatoken=", "$skiptoken=x&$deltatoken="),
        ("$deltatoken=", "$deltatoken=~a.b"),
    ],
)
def test_a_link_that_was_changed_is_refused(live: Bridge, old: str, new: str) -> None:
    link = tracked(live, "Results?$filter=state eq 'FAILED'&$select=id")
    changed = link.replace(old, new)
    assert changed != link
    answer = live.client.get(changed)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in (
        "InvalidDeltaToken",
        "OptionNotAllowed",
        "InvalidSkipToken",
        "UnknownName",
    )


def test_what_a_proxy_appends_to_links_changes_nothing(moving: Bridge) -> None:
    answer = moving.get("Results?$select=id,state&_=1", headers=TRACK).json()
    key = change_one(moving)
    for appended in ("", "&_=2", "&session=a%20b"):
        body = body_of(moving, answer["@odata.deltaLink"] + appended)
        assert body["value"] == [{"id": key, "state": "FAILED"}]


def test_every_changed_character_of_a_token_is_noticed(live: Bridge) -> None:
    head, _, token = tracked(live, "Results?$select=id").partition("$deltatoken=")
    for index in range(0, len(token) - 1, 7):
        other = "A" if token[index] != "A" else "B"
        changed = f"{head}$deltatoken={token[:index]}{other}{token[index + 1 :]}"
        answer = live.client.get(changed)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "InvalidDeltaToken"


def test_the_token_of_a_nextlink_is_none_of_a_deltalink(live: Bridge) -> None:
    page = live.get("Results?$select=id", headers={"Prefer": "maxpagesize=9"}).json()
    answer = live.client.get(page["@odata.nextLink"].replace("$skiptoken", "$deltatoken"))
    assert answer.json()["error"]["code"] == "InvalidDeltaToken"


@pytest.mark.parametrize(
    "accept",
    [
        "application/json;odata.metadata=none",
        "application/json;metadata=none",
        "text/csv",
        "application/vnd.apache.parquet",
    ],
)
def test_what_cannot_tell_of_changes_is_not_acceptable(live: Bridge, accept: str) -> None:
    answer = live.client.get(tracked(live, "Results?$select=id"), headers={"Accept": accept})
    assert answer.status_code == 406


# --- how long a link works ------------------------------------------------------------------------


def outlived(gateway: Bridge) -> None:
    """Have younger snapshots made, so that older ones have no reason to stay."""
    for _ in range(3):
        gateway.sandbox.drift.mutate("touch")
        assert gateway.get("Results?$orderby=id&$select=id").status_code == 200
        time.sleep(0.01)


@pytest.mark.parametrize("kept", [True, False])
def test_a_snapshot_is_kept_for_its_links(few: Dataset, kept: bool) -> None:
    settings = {**ALWAYS, "token_lifetime": 0, "delta_lifetime": 3600 if kept else 0}
    with bridge(few, settings=settings) as gateway:
        path = "Results?$filter=progress ge 0&$select=id"
        answer = gateway.get(f"{path}&$top=3&$count=true", headers=TRACK)
        link = answer.json()["@odata.deltaLink"]
        outlived(gateway)
        answer = gateway.client.get(link)
        assert answer.status_code == (200 if kept else 410)
        if kept:
            return
        assert answer.json()["error"]["code"] == "ChangesGone"
        assert "track-changes" in answer.json()["error"]["message"]
        location = answer.headers["Location"]
        assert location == f"{gateway.root}Results?$filter=progress%20ge%200&$select=id"
        again = gateway.client.get(location, headers=TRACK)
        assert len(again.json()["value"]) == 60
        assert gateway.client.get(again.json()["@odata.deltaLink"]).status_code == 200


def test_links_outlive_a_restart_and_what_was_made_of_the_snapshot_too(
    few: Dataset, tmp_path: Path
) -> None:
    settings = {**ALWAYS, "data_dir": str(tmp_path / "kept"), "token_lifetime": 0}
    with bridge(few) as around:
        with served(around.upstream, settings) as old_root:
            before = replace(around, root=old_root)
            results = Replica(before, "Results?$select=id,state")
            users = Replica(before, "Users")
            for replica in (results, users):
                replica.read()
        for kind in ("touch", "insert", "delete", "touch"):
            around.sandbox.drift.mutate(kind)
        with served(around.upstream, settings) as root:
            after = replace(around, root=root)
            outlived(after)
            for replica in (results, users):
                replica.link = replica.link.replace(old_root, root)
                replica.gateway = after
                assert replica.catch_up()
                assert replica.rows == replica.full()


def test_a_link_leads_nowhere_when_the_gateway_asks_another_upstream(
    few: Dataset, tmp_path: Path
) -> None:
    """Nobody gets the rows of another scope, nor what differs between them (law 5)."""
    settings = {"data_dir": str(tmp_path / "kept")}
    with bridge(few, settings=settings) as gateway:
        link, old_root = tracked(gateway), gateway.root
    with bridge(few, settings=settings) as gateway:
        gone = gateway.client.get(link.replace(old_root, gateway.root))
        assert gone.status_code == 410
        assert gone.headers["Location"] == f"{gateway.root}Results"
        assert len(gateway.sandbox.received) == 0


def test_a_link_of_another_gateway_is_refused(live: Bridge, few: Dataset) -> None:
    link = tracked(live)
    with bridge(few) as other:
        answer = other.client.get(link.replace(live.root, other.root))
    assert answer.status_code == 400
