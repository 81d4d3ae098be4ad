"""Law: a feed is one snapshot. Whatever happens upstream, its pages are of one moment."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.sandbox import Dataset, Faults
from gateway.sandbox.faults import Mutation
from tests.support.flat import FlatRow, by_key, feed_order, flat_rows, with_instants
from tests.support.live import Bridge, bridge, served
from tests.support.wire import send

PAGES = {"Prefer": "maxpagesize=300"}


def following(gateway: Bridge, path: str) -> Iterator[list[FlatRow]]:
    """The pages of a feed, one at a time."""
    url: str | None = gateway.root + path
    while url is not None:
        answer = gateway.client.get(url, headers=PAGES)
        assert answer.status_code == 200, answer.text
        yield with_instants(answer.json()["value"])
        url = answer.json().get("@odata.nextLink")


def read(gateway: Bridge, path: str) -> tuple[httpx.Response, list[FlatRow]]:
    """A feed as far as it goes: the last answer, and the rows of all before it and of itself."""
    rows: list[FlatRow] = []
    url: str | None = gateway.root + path
    while url is not None:
        answer = gateway.client.get(url)
        if answer.status_code != 200:
            break
        rows += with_instants(answer.json()["value"])
        url = answer.json().get("@odata.nextLink")
    return answer, rows


def first_link(gateway: Bridge, path: str) -> str:
    page = gateway.client.get(gateway.root + path, headers=PAGES).json()
    link: str = page["@odata.nextLink"]
    return link


def settle(gateway: Bridge) -> None:
    """Have a whole extract made, so that the feeds that follow read it and no draft."""
    answer = gateway.get("Results?$count=true&$select=id&$orderby=id")
    assert answer.status_code == 200, answer.text


def drift(gateway: Bridge, changes: int) -> None:
    """Change rows upstream: most are touched, some come, some go."""
    for number in range(changes):
        gateway.sandbox.drift.mutate(("touch", "touch", "insert", "delete")[number % 4])


# --- the data moves -------------------------------------------------------------------------------


def test_i16_pages_are_of_one_moment_while_rows_change_between_them(dataset: Dataset) -> None:
    with bridge(dataset) as gateway:
        settle(gateway)
        rows: list[FlatRow] = []
        for page in following(gateway, "Results"):
            rows += page
            drift(gateway, 50)
        assert by_key(rows) == by_key(flat_rows(dataset))
        assert rows == feed_order(flat_rows(dataset))


def test_a_second_feed_begins_where_the_first_is_still_being_read(dataset: Dataset) -> None:
    """With no time of freshness the second one reads the changed rows; the first does not."""
    with bridge(dataset, settings={"fresh_for": 0}) as gateway:
        pages = following(gateway, "Results?$select=id,updatedAt,state&$count=true")
        first = next(pages)
        drift(gateway, 400)
        now = by_key(flat_rows(Dataset(tuple(gateway.sandbox.store.rows))))
        second = [row for page in following(gateway, "Results") for row in page]
        first += [row for page in pages for row in page]
    assert by_key(second) == now
    assert first == [
        {name: row[name] for name in ("id", "updatedAt", "state")}
        for row in feed_order(flat_rows(dataset))
    ]


@pytest.mark.parametrize("kinds", [("touch",), ("touch", "insert")])
def test_an_extract_of_moving_data_has_each_lasting_row_once(
    dataset: Dataset, kinds: tuple[Mutation, ...]
) -> None:
    """Rows change after each page that the gateway reads upstream."""
    faults = Faults(drift_every=1, drift_changes=3, drift_kinds=kinds)
    with bridge(dataset, faults=faults) as gateway:
        rows = by_key(row for page in following(gateway, "Results") for row in page)
    assert {str(row["id"]) for row in dataset.to_rows()} <= set(rows)


def test_data_that_never_rests_is_read_without_holes_or_refused(dataset: Dataset) -> None:
    """Rows that go while pages are read leave no trace to catch up on."""
    faults = Faults(drift_every=1, drift_changes=5, drift_kinds=("delete",))
    with bridge(dataset, faults=faults) as gateway:
        answer, rows = read(gateway, "Results")
        left = {str(row.id) for row in gateway.sandbox.store.rows}
    if answer.status_code == 200:
        assert left <= set(by_key(rows))
    else:
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "UpstreamKeepsChanging"
        assert int(answer.headers["Retry-After"]) <= 120


# --- links are the service's own ------------------------------------------------------------------


@pytest.fixture(scope="module")
def link(live: Bridge) -> str:
    """The nextLink of a filtered, ordered feed."""
    return first_link(live, "Results?$filter=progress%20ge%200&$orderby=id&$select=id")


def test_i17_every_changed_character_of_a_token_is_noticed(live: Bridge, link: str) -> None:
    head, _, token = link.partition("$skiptoken=")
    assert live.client.get(link).status_code == 200
    for index in range(0, len(token) - 1, 3):
        other = "A" if token[index] != "A" else "B"
        answer = live.client.get(f"{head}$skiptoken={token[:index]}{other}{token[index + 1 :]}")
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "InvalidSkipToken"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "%20",
        "%FC",
        "A" * 4_000,
        base64.urlsafe_b64encode(b"\x93\xa1a\x0a\xc0" + bytes(16)).decode(),
        "'; DROP TABLE snapshots --",
    ],
)
def test_i17_a_forged_token_is_refused(live: Bridge, link: str, token: str) -> None:
    target = urlsplit(link)
    query = target.query.partition("$skiptoken=")[0]
    answer = send(live.root, f"{target.path}?{query}$skiptoken={token.replace(' ', '%20')}")
    assert answer.status == 400
    assert answer.json()["error"]["code"] in ("InvalidSkipToken", "InvalidSyntax")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("progress%20ge%200", "progress%20ge%201"),
        ("$orderby=id", "$orderby=id%20desc"),
        ("$select=id", "$select=id,userName"),
        ("$select=id&", ""),
        ("$select=id", "$select=id&$top=5"),
    ],
)
def test_a_link_with_changed_options_is_refused(
    live: Bridge, link: str, old: str, new: str
) -> None:
    changed = link.replace(old, new)
    assert changed != link
    assert live.client.get(changed).status_code == 400


def test_a_link_says_nothing_that_its_reader_must_not_know(live: Bridge, link: str) -> None:
    """Opaque to clients, but not secret: no token, no key, no personal data."""
    raw = link.partition("$skiptoken=")[2]
    body = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
    assert len(body) < 64


def test_a_link_of_another_gateway_is_refused(live: Bridge, link: str, dataset: Dataset) -> None:
    with bridge(dataset) as other:
        answer = other.client.get(link.replace(live.root, other.root))
    assert answer.status_code == 400


# --- the snapshot goes ----------------------------------------------------------------------------


def test_a_link_into_a_snapshot_that_is_no_longer_kept_is_410(dataset: Dataset) -> None:
    """It may go when its lifetime is over and a younger one has taken its place."""
    settings = {"fresh_for": 0, "token_lifetime": 0, "full_refresh_every": 0}
    with bridge(dataset, settings=settings) as gateway:
        settle(gateway)
        link = first_link(gateway, "Results")
        answer = gateway.client.get(link, headers=PAGES)
        assert answer.status_code == 200
        for _ in range(3):
            time.sleep(0.01)
            settle(gateway)
        gone = gateway.client.get(link, headers=PAGES)
        assert gone.status_code == 410
        assert gone.json()["error"]["code"] == "FeedGone"
        assert "start of the feed" in gone.json()["error"]["message"]
        fresh = gateway.client.get(first_link(gateway, "Results"), headers=PAGES)
        assert fresh.status_code == 200


def test_links_outlive_a_restart_when_snapshots_do(
    dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Of the gateway; the Analytics API is the same, or its rows would be another's."""
    settings = {"data_dir": str(tmp_path_factory.mktemp("kept"))}
    with bridge(dataset) as around:
        with served(around.upstream, settings) as old_root:
            before = replace(around, root=old_root)
            settle(before)
            first = before.get("Results?$select=id", headers=PAGES).json()
        asked = len(around.sandbox.received)
        with served(around.upstream, settings) as root:
            link = first["@odata.nextLink"].replace(old_root, root)
            answer = around.client.get(link, headers=PAGES)
            assert answer.status_code == 200, answer.text
        assert len(around.sandbox.received) == asked
        keys = [row["id"] for page in (first, answer.json()) for row in page["value"]]
    assert keys == [row["id"] for row in feed_order(flat_rows(dataset))[:600]]


def test_a_link_leads_nowhere_when_the_gateway_asks_another_upstream(
    dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = {"data_dir": str(tmp_path_factory.mktemp("kept"))}
    with bridge(dataset, settings=settings) as gateway:
        settle(gateway)
        link, old_root = first_link(gateway, "Results"), gateway.root
    with bridge(dataset, settings=settings) as gateway:
        gone = gateway.client.get(link.replace(old_root, gateway.root), headers=PAGES)
        assert gone.status_code == 410


@pytest.mark.parametrize("appended", ["&_=17", "&session=a%20b&x="])
def test_what_a_proxy_appends_to_links_changes_nothing(live: Bridge, appended: str) -> None:
    plain = live.feed("Results?$select=id", {"Prefer": "maxpagesize=900"})
    rows: list[dict[str, str]] = []
    url = f"{live.root}Results?$select=id"
    while url:
        page = live.client.get(
            url + appended.replace("_=17", f"_={len(rows)}"), headers={"Prefer": "maxpagesize=900"}
        ).json()
        rows += page["value"]
        url = page.get("@odata.nextLink", "")
    assert rows == plain


def test_all_wait_for_a_copy_of_one_moment_where_that_is_set(dataset: Dataset) -> None:
    wish = {"Prefer": 'odata.include-annotations="Skillhabit.*",odata.maxpagesize=500'}
    for early in (True, False):
        with bridge(dataset, settings={"early_pages": early}) as gateway:
            first = gateway.get("Results?$select=id", wish)
            told = "@Skillhabit.SnapshotTakenAt" in first.json()
            reading = "detail=reading" in first.headers["Cache-Status"]
            assert (told, reading) == (not early, early)
            again = gateway.get("Results?$select=id", wish).json()
            assert len(gateway.feed("Results?$select=id", wish)) == 2_000
            assert "@odata.nextLink" in again
