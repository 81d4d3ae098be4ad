"""Excel: the modern feed dialog sends what Power BI sends; the legacy reader is told the way."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.sandbox import Dataset
from tests.clients.conftest import Ask, keys_of_feed, unpacked
from tests.clients.header_blocks import POWER_PIVOT, POWER_QUERY, basic
from tests.support.flat import FlatRow
from tests.support.live import bridge
from tests.support.wire import send

KEY = "the access key: with a colon, and an ü"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The root of a gateway that wants its access key."""
    key_file: Path = tmp_path_factory.mktemp("locked") / "key"
    key_file.write_text(f"{KEY}\n", "utf-8")
    with bridge(Dataset.from_rows([]), settings={"access_key_file": str(key_file)}) as gateway:
        yield gateway.root


def test_the_dialog_s_walk_from_the_root_to_the_rows(ask: Ask, expected: list[FlatRow]) -> None:
    """Root, then the metadata that its context names, then the table that the service lists."""
    root = ask("/odata/v4/", POWER_QUERY).json()
    assert ask("/odata/v4/$metadata", POWER_QUERY).status == 200
    table = root["value"][0]
    assert table["name"] == "Results"
    assert keys_of_feed(ask, f"/odata/v4/{table['url']}", POWER_QUERY) == [
        row["id"] for row in expected
    ]


def test_every_property_of_the_metadata_stands_in_every_row(ask: Ask) -> None:
    """A member that is missing becomes an error cell; null is spelt out."""
    model = ElementTree.fromstring(ask("/odata/v4/$metadata", POWER_QUERY).text)
    edm = "{http://docs.oasis-open.org/odata/ns/edm}"
    types = {node.attrib["Name"]: node for node in model.iter(f"{edm}EntityType")}
    for node in model.iter(f"{edm}EntitySet"):
        entity_type = types[node.attrib["EntityType"].rpartition(".")[2]]
        declared = [prop.attrib["Name"] for prop in entity_type.iter(f"{edm}Property")]
        rows = ask(f"/odata/v4/{node.attrib['Name']}", POWER_QUERY).json()["value"]
        assert rows
        assert all(list(row) == declared for row in rows)
    results = ask("/odata/v4/Results", POWER_QUERY).json()["value"]
    assert any(None in row.values() for row in results)


def test_i21_the_legacy_reader_is_told_which_menu_to_use(ask: Ask) -> None:
    answer = ask("/odata/v4/", POWER_PIVOT)
    assert answer.status == 406
    assert "From OData Feed" in answer.json()["error"]["message"]


@pytest.mark.parametrize("target", ["/odata/v4/", "/odata/v4/$metadata", "/odata/v4/Results"])
def test_i21_the_legacy_reader_is_known_by_its_name_too(ask: Ask, target: str) -> None:
    """Some of its versions send Accept: */*, and would choke on what that gets them."""
    answer = ask(target, (POWER_PIVOT[0], ("Accept", "*/*")))
    assert answer.status == 406
    assert "From OData Feed" in answer.json()["error"]["message"]


def test_v8_the_sign_in_probe_with_an_empty_bearer_is_answered_with_a_challenge(
    locked: str,
) -> None:
    """Sent before the user has chosen how to sign in; a 302 or 403 would end the dialog."""
    block = (("Authorization", "Bearer"), POWER_QUERY[0], ("Connection", "Keep-Alive"))
    answer = send(locked, "/odata/v4/", block)
    assert answer.status == 401
    assert (answer.header("WWW-Authenticate") or "").startswith("Basic ")


def test_the_key_is_the_password_whatever_the_user_name(locked: str) -> None:
    for user in ("", "anna@example.com", "DOMAIN\\anna"):
        answer = send(locked, "/odata/v4/Results", (*POWER_QUERY, basic(KEY, user)))
        assert unpacked(answer).json()["value"] == []


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic !!!",
        "Basic \xfc\xfc\xfc\xfc",
        f"Basic {b64encode(b'no colon').decode()}",
        f"Basic {b64encode(b'anyone:wrong').decode()}",
        "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x",
        "Negotiate YII=",
        "",
    ],
)
def test_other_credentials_are_refused_with_the_remedy(locked: str, authorization: str) -> None:
    answer = send(locked, "/odata/v4/", (*POWER_QUERY, ("Authorization", authorization)))
    assert answer.status == 401
    assert answer.header("WWW-Authenticate")
    assert "password" in answer.json()["error"]["message"]
    assert KEY not in answer.text
