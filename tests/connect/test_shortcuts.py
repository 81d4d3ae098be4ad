"""Files that open one program, and the door that they come through."""

from __future__ import annotations

import html
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.sandbox import Dataset
from tests.connect.m_reader import MQuery, read_m
from tests.support.live import bridge
from tests.tenancy.support import House

_MASHUP = "{http://schemas.microsoft.com/DataMashup}"
FILES = ("skillhabit.pbids", "Results.odc", "powerbi-project.zip", "skillhabit.xlsx")


def odc_query(text: str) -> MQuery:
    element = r"<odc:PowerQueryMashupData>(.*?)</odc:PowerQueryMashupData>"
    (escaped,) = re.findall(element, text, re.DOTALL)
    mashup = ElementTree.fromstring(html.unescape(escaped))
    (query,) = mashup.iter(f"{_MASHUP}Query")
    assert f"Location={query.attrib['Name']};" in text
    assert f"SELECT * FROM [{query.attrib['Name']}]" in text
    return read_m(query.findtext(f"{_MASHUP}Formula") or "")


def test_power_bi_opens_the_service_itself(gateway: House) -> None:
    answer = gateway.ask("/connect/skillhabit.pbids")
    assert "skillhabit.pbids" in answer.headers["content-disposition"]
    ((connection,), version) = answer.json()["connections"], answer.json()["version"]
    assert version == "0.1"
    assert connection["details"]["protocol"] == "odata"
    root = connection["details"]["address"]["url"]
    assert root == f"{gateway.root}/odata/v4/"
    assert gateway.ask(root).status_code == 200


def test_excel_opens_each_table(gateway: House) -> None:
    names = [each["name"] for each in gateway.odata("").json()["value"]]
    for name in names:
        answer = gateway.ask(f"/connect/{name}.odc")
        assert answer.headers["content-type"] == "text/x-ms-odc; charset=utf-8"
        query = odc_query(answer.text)
        assert query.table == name
        rows = gateway.ask(f"{query.url}&$top=3").json()["value"]
        assert rows
        assert all(list(row) == query.columns for row in rows)
        assert not any(isinstance(value, list) for row in rows for value in row.values())


def test_instants_are_converted_and_nothing_else_is(gateway: House) -> None:
    query = odc_query(gateway.ask("/connect/Results.odc").text)
    row = gateway.ask(f"{query.url}&$filter=completedAt ne null&$top=1").json()["value"][0]
    converted = re.findall(r'\{"(\w+)", each', query.steps["InUtc"])
    assert converted == [name for name in query.chosen if name.endswith(("At", "expiryDate"))]
    assert row["completedAt"].endswith("Z")
    assert "InUtc" not in odc_query(gateway.ask("/connect/Users.odc").text).steps


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/connect/nothing.zip", 404),
        ("/connect/Nothing.odc", 404),
        ("/connect/results.odc", 404),
        ("/connect/.odc", 404),
        ("/connect/powerbi-project.zip?refresh=sometimes", 400),
    ],
)
def test_what_is_not_there_is_told_with_what_is(gateway: House, path: str, status: int) -> None:
    answer = gateway.ask(path)
    assert answer.status_code == status
    message = answer.json()["error"]["message"]
    assert "Results.odc" in message if status == 404 else "incremental" in message


def test_files_are_for_reading(gateway: House) -> None:
    for name in FILES:
        assert gateway.ask(f"/connect/{name}", method="POST").status_code == 405
        head = gateway.ask(f"/connect/{name}", method="HEAD")
        assert (head.status_code, head.content) == (200, b"")


def test_behind_a_proxy_the_files_lead_to_the_proxy(gateway: House) -> None:
    headers = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "bi.example.com",
        "X-Forwarded-Prefix": "/learning",
    }
    root = "https://bi.example.com/learning/odata/v4/"
    pbids = gateway.ask("/connect/skillhabit.pbids", headers=headers).json()
    assert pbids["connections"][0]["details"]["address"]["url"] == root
    assert odc_query(gateway.ask("/connect/Results.odc", headers=headers).text).root == root
    assert gateway.ask("/connect/snippets.json", headers=headers).json()["root"] == root


def test_the_same_request_gets_the_same_bytes(gateway: House) -> None:
    for name in FILES:
        first, second = (gateway.ask(f"/connect/{name}").content for _ in range(2))
        assert first == second


def test_files_hold_what_a_role_sees(gateway: House) -> None:
    caller = "default/people-unknown"
    query = odc_query(gateway.ask("/connect/Results.odc", caller).text)
    assert not {"userEmail", "userName", "userAvatar", "department"} & set(query.chosen)
    assert gateway.ask(f"{query.url}&$top=1", caller).status_code == 200
    assert gateway.ask("/connect/Users.odc", "default/no-people").status_code == 404
    known = gateway.ask("/connect/snippets.json", "default/totals").json()
    assert {snippet["table"] for snippet in known["snippets"]} == {
        "Statistics",
        "ContentStatistics",
    }
    assert "Results" not in str(known)


def test_files_are_given_to_who_has_the_key_and_hold_it_not(tmp_path: Path) -> None:
    key = "a key that opens the door"
    (tmp_path / "key").write_text(key, "utf-8")
    settings = {"access_key_file": str(tmp_path / "key")}
    with bridge(Dataset.from_rows([]), settings=settings) as locked:
        base = locked.root.removesuffix("odata/v4/")
        for name in (*FILES, "snippets.json"):
            assert locked.client.get(f"{base}connect/{name}").status_code == 401
            answer = locked.client.get(f"{base}connect/{name}", auth=("any", key))
            assert answer.status_code == 200
            assert key.encode() not in answer.content
