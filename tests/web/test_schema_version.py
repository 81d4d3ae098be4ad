"""`$schemaversion` and Core.SchemaVersion on real sockets (Protocol 11.2.12)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from lxml import etree

from gateway.sandbox import generate
from tests.judges.reader import program, read_all
from tests.tenancy.support import House, house, sandbox
from tests.web.batches import JSON, MULTIPART, Request, as_json, as_multipart

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
TERM = "Org.OData.Core.V1.SchemaVersion"
ROLES = """
[roles.narrow]
hide = ["department"]

[roles.same]
rows = "state eq 'FAILED'"
"""
OTHERS = """
[roles.narrow]
hide = ["department"]
rows = "state eq 'APPROVED'"

[roles.other]
hide = ["userName"]
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with sandbox(generate(60, seed=3)) as url:
        yield url


@pytest.fixture(scope="module")
def gateway(upstream: str) -> Iterator[House]:
    with house(upstream, ROLES) as found:
        assert found.feed("Users")  # now the extract is complete
        yield found


def version_in_xml(gateway: House, caller: str = "", query: str = "") -> str:
    answer = gateway.odata(f"$metadata{query}", caller, headers={"Accept": "application/xml"})
    [found] = etree.fromstring(answer.content).iterfind(f".//{EDM}Schema/{EDM}Annotation")
    assert found.get("Term") == TERM
    return str(found.get("String"))


def version_in_json(gateway: House, caller: str = "") -> str:
    model = json.loads(gateway.odata("$metadata?$format=json", caller).content)
    [schema] = [content for name, content in model.items() if not name.startswith("$")]
    return str(schema[f"@{TERM}"])


def test_both_formats_name_one_version_and_every_role_its_own(gateway: House) -> None:
    callers = ("", "default/narrow", "default/same")
    versions = [version_in_xml(gateway, caller) for caller in callers]
    assert versions == [version_in_json(gateway, caller) for caller in callers]
    assert versions[0] != versions[1]
    assert versions[0] == versions[2], "rows are no part of the schema"


def test_replicas_and_restarts_agree(gateway: House, upstream: str) -> None:
    with house(upstream, OTHERS) as replica:
        assert version_in_xml(replica) == version_in_xml(gateway)
        assert version_in_xml(replica, "default/narrow") == version_in_xml(
            gateway, "default/narrow"
        )


PATHS = (
    *("", "$metadata", "Results", "Results/$count", "Results/$ref", "Users?$expand=results&$top=1"),
    *("Results?$apply=groupby((state))", "Results?$select=id&$top=0", "Results?$format=csv"),
)


@pytest.mark.parametrize("path", PATHS)
def test_the_current_version_changes_nothing_and_every_other_is_404(
    gateway: House, path: str
) -> None:
    current, mark = version_in_xml(gateway), "&" if "?" in path else "?"
    plain = gateway.odata(path)
    for name in ("$schemaversion", "schemaversion", "$SchemaVersion"):
        for value in (current, "*"):
            answer = gateway.odata(f"{path}{mark}{name}={value}")
            assert answer.status_code == 200, (name, value, answer.text)
            if "nextLink" not in answer.text:
                assert answer.content == plain.content
        for value in (current[:-1], current.upper() + "x", "1", "0001", quote("ä'*")):
            answer = gateway.odata(f"{path}{mark}{name}={value}")
            assert answer.status_code == 404, (name, value, answer.text)
            assert answer.json()["error"]["target"] == "$schemaversion"


def test_a_role_does_not_have_the_version_of_others(gateway: House) -> None:
    whole = version_in_xml(gateway)
    assert gateway.odata(f"Results?$schemaversion={whole}", "default/narrow").status_code == 404
    assert whole not in gateway.odata("Results?$schemaversion=1", "default/narrow").text


def test_links_keep_the_version(gateway: House) -> None:
    answer = gateway.odata(
        f"Results?$schemaversion={version_in_xml(gateway)}",
        headers={"Prefer": "maxpagesize=1"},
    )
    link = answer.json()["@odata.nextLink"]
    assert f"$schemaversion={version_in_xml(gateway)}" in link
    assert gateway.ask(link).status_code == 200


@pytest.mark.parametrize("as_body", [as_json, as_multipart])
@pytest.mark.parametrize("outer", ["$schemaversion=1", "SCHEMAVERSION=1", "$schemaversion=*"])
def test_parts_of_a_batch_inherit_the_version(gateway: House, as_body: object, outer: str) -> None:
    current = version_in_xml(gateway)
    urls = (
        "Results?$top=1",
        f"Results?$top=1&schemaversion={current}",
        "Results?%24schemaversion=2",
    )
    requests = [Request(url, id=str(number)) for number, url in enumerate(urls)]
    is_json = as_body is as_json
    body = as_json(requests) if is_json else as_multipart(requests)
    fields = dict(JSON if is_json else MULTIPART) | {"Prefer": "continue-on-error"}
    answer = gateway.odata(f"$batch?{outer}", method="POST", headers=fields, content=body)
    inherited = 200 if outer.endswith("*") else 404
    if is_json:
        assert [part["status"] for part in answer.json()["responses"]] == [inherited, 200, 404]
    else:
        found = [line.split()[1] for line in answer.text.splitlines() if line[:5] == "HTTP/"]
        assert [int(status) for status in found] == [inherited, 200, 404]


@pytest.mark.skipif(program() is None, reason="no reader in ../shared/tools")
@pytest.mark.parametrize("version", ["4.0", "4.01"])
def test_microsofts_reader_takes_the_annotated_model(gateway: House, version: str) -> None:
    headers = {"Accept": "application/xml", "OData-MaxVersion": version}
    model = gateway.odata("$metadata", headers=headers).text
    url = "Results?$top=2&$schemaversion=*"
    [read] = read_all(f"{gateway.root}/odata/v4/", version, model, [(url, gateway.odata(url))])
    assert not read.error
