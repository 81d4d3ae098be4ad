"""Reads of personal columns: which requests read them, and what the audit log says of each."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from gateway.config.tenancy import Role
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.edm.model import EntitySet
from gateway.observe.logs import facts_of
from gateway.observe.record import RequestRecord
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.roles.limits import limit_contract
from gateway.sandbox import make_token
from gateway.service.personal import personal_read
from tests.docs.test_docs import free_port
from tests.observe.conftest import COMMAND, Served
from tests.support.access import basic, make_key
from tests.support.live import SECRET
from tests.support.process import started

CONTRACT = load_contract(built_in_contract(), (("department", "cf_department"),))
ALL = "userName userEmail userAvatar department"
USER = "name email avatar department"

READ = {
    # what is selected
    "Results": (ALL, ""),
    "Results?$select=*": (ALL, ""),
    "Results?$select=id,state": None,
    "Results?$select=userId,userName": ("userName", ""),
    "Results('a')": (ALL, "id"),
    "Results('a')/userEmail": ("userEmail", "id"),
    "Results('a')/userEmail/$value": ("userEmail", "id"),
    "Results('a')/state": None,
    "Users": (USER, ""),
    "Users('a')": (USER, "id"),
    "Users('a')/results?$select=state": None,
    "UserStatistics": ("userName userEmail", ""),
    "ResultRows?$select=userName": ("userName", ""),
    "Contents": None,
    "Groups": None,
    "GroupMembers": None,
    "Statistics": None,
    "Results/$ref": None,
    "$metadata": None,
    "": None,
    # counts
    "Results/$count": None,
    "Users/$count": None,
    "Results/$count?$filter=userName eq 'x'": ("userName", "userName"),
    "Results?$select=id&$count=true": None,
    # what decides about the response
    "Results?$select=id&$filter=userEmail eq 'x' and state eq 'FAILED'": (
        "userEmail",
        "userEmail state",
    ),
    "Results?$select=id&$filter=startswith(tolower(userName),'a')": ("userName", "userName"),
    "Results?$select=id&$filter=userName in ('a','b')": ("userName", "userName"),
    "Results?$select=userName&$filter=groupIds/any(g:g eq 'a')": ("userName", "groupIds"),
    "Results?$select=id&$orderby=userName": ("userName", ""),
    "Results?$select=id&$orderby=length(userName)": ("userName", ""),
    "Results?$select=id,n&$compute=length(userName) as n": ("userName", ""),
    "Results?$select=id&$compute=length(userName) as n&$filter=n gt 3": ("userName", "userName"),
    "Results?$select=id&$search=Jane": (
        "userName userEmail userAvatar department",
        "id userId userName userEmail userAvatar contentId contentName contentType state"
        " enrollmentType department",
    ),
    "Results?$select=id&$filter=userName eq @p&@p='x'": ("userName", "userName"),
    # along navigation properties
    "Results?$select=id&$filter=user/name eq 'x'": ("user/name", "user/name"),
    "Results?$select=id&$orderby=user/name": ("user/name", ""),
    "Contents?$filter=results/any(r:r/userName eq 'x')": ("results/userName", "results/userName"),
    "Contents?$filter=results/any(r:r/user/name eq name)": (
        "results/user/name",
        "results/user/name name",
    ),
    "Results?$select=id&$expand=user": (
        "user/name user/email user/avatar user/department",
        "",
    ),
    "Results?$select=id&$expand=user($select=id)": None,
    "Results?$select=id&$expand=user/$ref": None,
    "Contents?$expand=results/$count": None,
    "Contents?$expand=results($select=id;$filter=userName eq 'x')": (
        "results/userName",
        "results/userName",
    ),
    "Contents?$expand=results($select=id;$expand=user($select=name))": ("results/user/name", ""),
    "Contents?$orderby=results/$count": None,
    # $apply
    "Results?$apply=groupby((state),aggregate($count as n))": None,
    "Results?$apply=groupby((userName))": ("userName", ""),
    "Results?$apply=aggregate(userName with countdistinct as n)": ("userName", ""),
    "Results?$apply=aggregate(userName with max as m)": ("userName", ""),
    "Results?$apply=filter(userName eq 'x')/groupby((state))": ("userName", "userName"),
    "Results?$apply=groupby((state,userName))/filter(userName eq 'x')/groupby((state))": (
        "userName",
        "userName",
    ),
    "Results?$apply=compute(userName as Jane)/filter(Jane eq 'x')/groupby((state))": (
        "userName",
        "",
    ),
    "Results?$apply=topcount(2,length(userName))/groupby((state))": ("userName", ""),
    "Results?$apply=concat(groupby((state)),groupby((userEmail)))": ("userEmail", ""),
    "Results?$apply=groupby((state),topcount(1,length(userName)))": (ALL, ""),
}


def read(url: str, contract: Contract = CONTRACT) -> tuple[str, str] | None:
    path, _, query = url.partition("?")
    raw = quote(query, safe="$=&,()'@;:/*").encode()
    request = parse_request(path.encode(), raw, "")
    found = personal_read(bind(request, contract.schema, datetime.now(UTC)))
    return None if found is None else (" ".join(found.columns), " ".join(found.filters))


@pytest.mark.parametrize("url", READ)
def test_which_columns_a_request_reads(url: str) -> None:
    found, expected = read(url), READ[url]
    if found is None or expected is None:
        assert found == expected
        return
    assert [set(part.split()) for part in found] == [set(part.split()) for part in expected]


def test_every_column_that_shows_personal_values_is_marked_in_every_set() -> None:
    """Those made of a marked column, unless they only count, digest or number it."""
    personal = {c.name for c in CONTRACT.columns if c.prop.personal}
    assert personal == set(ALL.split())
    for derived in CONTRACT.derived:
        for column in derived.columns:
            shows = column.of in personal and column.kind not in ("distinct", "guid", "digest")
            assert column.prop.personal == shows, (derived.entity_set.name, column.prop.name)


def test_masked_columns_are_digests_and_hidden_ones_are_not_there() -> None:
    role = Role("r", mask=("userName", "department"), hide=("userAvatar",), place="[roles.r]")
    contract = limit_contract(CONTRACT, role)
    marked = {
        f"{entity_set.name}.{prop.name}"
        for entity_set in contract.schema.entity_sets
        for prop in entity_set.entity_type.properties
        if prop.personal
    }
    names = {name.partition(".")[2] for name in marked}
    assert names == {"userEmail", "email"}
    assert _columns(contract.schema.entity_sets[0]) >= {"userName", "department"}
    assert read("Users?$filter=name eq 'x'&$select=id", contract) is None


def _columns(entity_set: EntitySet) -> set[str]:
    return {prop.name for prop in entity_set.entity_type.properties}


def test_a_mapped_field_can_say_otherwise_than_all_of_them() -> None:
    table = '[[custom_fields.mapped]]\nid = "cf_a"\nname = "floor"\npersonal = false\n'
    contract = load_contract(built_in_contract() + table, (("department", "cf_department"),))
    assert not contract.column("floor").prop.personal
    assert contract.column("department").prop.personal


# --- the log of a process -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One whose log would be quiet but for its audit lines."""
    folder = tmp_path_factory.mktemp("audit")
    keys = folder / "keys.json"
    key, _ = make_key(keys)
    token = folder / "token"
    token.write_text(make_token(SECRET), "utf-8")
    port = free_port()
    command = [*COMMAND, "--port", port, "--upstream", upstream, "--token-file", str(token)]
    command += ["--log-format", "json", "--log-level", "error", "--keys-file", str(keys)]
    with started(command, cwd=folder) as process:
        name, value = basic(key)
        base = f"http://127.0.0.1:{port}"
        transport = httpx.HTTPTransport(retries=10)  # it does not say when it is ready
        with httpx.Client(
            base_url=base, headers={name: value}, timeout=20, transport=transport
        ) as client:
            _ask(client)
        process.wait_for('("tag":"last")')
        process.stop(signal.SIGTERM)
        yield Served(process, base)


def _ask(client: httpx.Client) -> None:
    def get(url: str, tag: str, status: int = 200, **headers: str) -> httpx.Response:
        base = "" if url.startswith("/") else "/odata/v4/"
        answer = client.get(f"{base}{url}", headers={"Referer": tag, **headers})
        assert answer.status_code == status, answer.text
        return answer

    get("Users?$select=id", "nothing")  # made of all rows: none are served early after it
    first = get("Results?$select=id,userName&$top=7", "page")
    get("Results?$select=id,userName&$top=7", "again")
    get(
        "Results?$select=id,userName&$top=7",
        "known",
        304,
        **{"If-None-Match": first.headers["etag"]},
    )
    get("Results?$filter=userName eq 'Jane Mustermann'&$select=id", "filter")
    get("Results?$filter=userName eq 'x' and nothing eq 1", "refused", 400)
    get("Results('no such')", "missing", 404)
    get("Results?$format=csv&$select=id,userEmail&$top=13", "file")
    get("Results/$count?$filter=userName ne 'x'", "count")
    tracked = get("Results?$select=id,userName", "tracked", Prefer="track-changes").json()
    link = tracked["@odata.deltaLink"].partition("/odata/v4/")[2]
    get(link, "delta")
    get("/query?table=Users", "preview", Accept="text/html")
    parts = [
        {"id": str(n), "method": "GET", "url": url}
        for n, url in enumerate(("Users?$top=2", "Users?$select=id&$top=2", "Users?$top=3"))
    ]
    client.post("/odata/v4/$batch", json={"requests": parts}, headers={"Referer": "batch"})
    get("Users?$top=1", "last")


@pytest.fixture(scope="module")
def lines(served: Served) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in served.process.output.splitlines() if line[:1] == "{"]
    return [line for line in found if line["event"] == "personal_read"]


def test_a_read_has_a_line_with_who_which_set_how_many_rows_and_which_filter(
    lines: list[dict[str, Any]],
) -> None:
    told: dict[str, list[Any]] = {}
    for line in lines:
        fact = (line["resource"], line["columns"], line.get("filter", ""), line["rows"])
        told.setdefault(line.get("tag", ""), []).append(fact)
    assert told.pop("") == [
        ("Users", "name,email,avatar", "", 2),
        ("Users", "name,email,avatar", "", 3),
    ]
    (preview,) = told.pop("preview")
    assert (preview[0], preview[3]) == ("Users", 20)
    assert told == {
        "page": [("Results", "userName", "", 7)],
        "again": [("Results", "userName", "", 7)],
        "filter": [("Results", "userName", "userName", 0)],
        "file": [("Results", "userEmail", "", 13)],
        "count": [("Results", "userName", "userName", 0)],
        "tracked": [("Results", "userName", "", 300)],
        "delta": [("Results", "userName", "", 0)],
        "last": [("Users", "name,email,avatar", "", 1)],
    }
    assert all(line["key"].startswith("key:") for line in lines)


def test_the_audit_log_has_no_values_and_is_there_whatever_the_level(served: Served) -> None:
    output = served.process.output
    assert "Mustermann" not in output
    assert '"event":"request"' not in output


def test_every_field_of_an_audit_line_is_described(lines: list[dict[str, Any]]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "observability.md").read_text("utf-8")
    section = page.partition("## The audit log")[2].partition("\n## ")[0]
    shared = facts_of(RequestRecord("0" * 16)).keys() | {
        "workspace",
        "role",
        "key",
        "tag",
        "method",
    }
    known = shared | {"time", "level", "logger", "event", "part", "resource"}
    for line in lines:
        for name in line.keys() - known:
            assert f"`{name}`" in section, name
