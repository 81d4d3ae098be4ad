"""Tableau: asks without credentials first, signs in only after a challenge, reads whole feeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.sandbox import Dataset
from tests.clients.conftest import Ask, keys_of_feed, unpacked
from tests.clients.header_blocks import TABLEAU, basic
from tests.support.flat import FlatRow
from tests.support.live import Bridge, bridge
from tests.support.wire import connected

KEY = "open sesame"


@pytest.fixture(scope="module")
def locked(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A gateway that wants its access key."""
    key_file: Path = tmp_path_factory.mktemp("locked") / "key"
    key_file.write_text(KEY, "utf-8")
    with bridge(dataset, settings={"access_key_file": str(key_file)}) as gateway:
        yield gateway


@pytest.mark.parametrize("target", ["/odata/v4/", "/odata/v4/$metadata", "/odata/v4/Results"])
def test_v24_a_challenge_then_the_same_request_with_basic(locked: Bridge, target: str) -> None:
    with connected(locked.root) as wire:
        refused = wire.send(target, TABLEAU)
        served = wire.send(target, (*TABLEAU, basic(KEY)))
    assert refused.status == 401
    assert refused.header("WWW-Authenticate") == 'Basic realm="Skillhabit OData", charset="UTF-8"'
    assert refused.header("OData-Version") == "4.0"
    assert refused.json()["error"]["code"] == "Unauthorized"
    assert served.status == 200


def test_a_stranger_learns_nothing_about_the_model(locked: Bridge) -> None:
    """A wrong name and a right one are refused alike, and the upstream is not asked."""
    with connected(locked.root) as wire:
        answers = [wire.send(f"/odata/v4/{name}", TABLEAU) for name in ("Results", "NoSuch")]
    assert [answer.status for answer in answers] == [401, 401]
    assert answers[0].body == answers[1].body


def test_the_extract_reads_the_whole_feed_with_metadata_as_xml(
    ask: Ask, expected: list[FlatRow]
) -> None:
    assert ask("/odata/v4/$metadata", TABLEAU).header("Content-Type") == "application/xml"
    block = (*TABLEAU, ("Prefer", "odata.maxpagesize=900"))
    assert keys_of_feed(ask, "/odata/v4/Results", block) == [row["id"] for row in expected]


def test_the_extract_keeps_its_credentials_on_the_links(locked: Bridge) -> None:
    block = (*TABLEAU, basic(KEY), ("Prefer", "odata.maxpagesize=900"))
    with connected(locked.root) as wire:
        link = urlsplit(unpacked(wire.send("/odata/v4/Results", block)).json()["@odata.nextLink"])
        target = f"{link.path}?{link.query}"
        assert wire.send(target, TABLEAU).status == 401
        assert len(unpacked(wire.send(target, block)).json()["value"]) == 900
