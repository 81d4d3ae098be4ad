"""Resource paths: what they address, what does not exist, what is not served."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest

from gateway.errors import GatewayError
from gateway.query.bind.query import bind
from gateway.query.bind.resource import MetadataDocument, ServiceDocument
from gateway.query.request import parse_request
from gateway.query.tree.queries import PropertyPart, PropertyQuery
from tests.query.asking import SCHEMA, bound, refusal

GUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


@pytest.mark.parametrize(("path", "kind"), [("", ServiceDocument), ("$metadata", MetadataDocument)])
def test_documents(path: str, kind: type) -> None:
    assert isinstance(bind(parse_request(path.encode(), b""), SCHEMA), kind)


@pytest.mark.parametrize(
    ("path", "query", "key"),
    [
        ("Results('u1_c1')", "", "'u1_c1'"),
        ("Results(id='u1_c1')", "", "'u1_c1'"),
        ("Results%28%27u1_c1%27%29", "", "'u1_c1'"),
        ("Results('O%27%27Neil')", "", "'O''Neil'"),
        ("Results('a%2Fb')", "", "'a/b'"),
        ("Results('')", "", "''"),
        ("Results(@k)", "@k='a/b'", "'a/b'"),
        (f"ResultRows({GUID.upper()})", "", GUID),
        (f"ResultRows(rowId={GUID})", "", GUID),
        (f"ResultRows('{GUID.upper()}')", "", GUID),
        ("ResultRows(@k)", f"@k='{GUID}'", GUID),
        (f"ResultRows(guid'{GUID}')", "", GUID),
    ],
)
def test_an_entity_is_addressed_by_its_key(path: str, query: str, key: str) -> None:
    name = "ResultRows" if path.startswith("ResultRows") else "Results"
    assert bound(query, path).key == f"{name}({key})"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("NoSuch", 404, "the service document at the root lists"),
        ("results", 404, "there is no 'results' here; did you mean Results?"),
        ("$metadata/x", 400, "nothing can follow $metadata"),
        ("Results/nosuch", 404, "Results('...')"),
        ("Results/id", 404, "Results('...')"),
        ("Results('x')/nosuch", 404, "has no property 'nosuch'"),
        ("Results('x')/userNam", 404, "did you mean userName?"),
        ("Results(5)", 400, "write Results('...')"),
        ("Results(null)", 400, "a text"),
        ("Results(state='x')", 400, "has the key id"),
        ("Results(id='x',state='y')", 400, "has the key id"),
        ("Results(@k)", 400, "has the key id"),
        ("ResultRows('x')", 400, "a Guid; write ResultRows(00000000-...)"),
        ("ResultRows(5)", 400, "a Guid"),
        ("ResultRows(null)", 400, "a Guid"),
        (f"ResultRows('{GUID.replace('-', '')}')", 400, "a Guid"),
        (f"ResultRows('urn:uuid:{GUID}')", 400, "a Guid"),
        (f"Results({GUID})", 400, "write Results('...')"),
        ("Results('x')/$value", 400, "not media entities"),
        ("Results/$value", 400, "a set of entities"),
        ("Results('a')b", 400, ""),
        ("Users/$filter(statistics/failed gt 3)/$count", 400, "as %2F"),
        ("Results('a", 400, ""),
        ("$batch", 405, "POST only"),
        ("Results/$count/x", 400, "nothing can follow $count"),
        ("Results/$each", 501, "$each is not served"),
        ("$all", 501, "$all is not served"),
        ("$crossjoin(Results)", 501, "$crossjoin"),
        ("$entity", 400, "needs the option $id"),
        ("Results/$filter(nosuch eq 1)", 400, "has no property 'nosuch'"),
        ("Results/$filter(progress)", 400, "a condition is needed"),
        ("Results/$filter(true)/nosuch", 404, "an entity is addressed by its key"),
        ("Results/Elsewhere.Result", 404, "an entity is addressed by its key"),
        ("Results('x')/$count", 400, "is one entity, which has no /$count"),
        ("Results('x')/$filter(true)", 400, "is one entity"),
        ("Results('x')/state('y')", 404, "has no property 'state'"),
        ("Results('x')/state/length", 404, "primitive type"),
        ("Results('x')/state/$count", 400, "a single value, which has no /$count"),
        ("Results('x')/state/$ref", 400, "which has no /$ref"),
        ("Results('x')/groupIds/$value", 400, "a collection, which has no /$value"),
        ("Results('x')/groupIds/$filter(true)", 501, "$filter(true) is not served"),
    ],
)
def test_a_path_is_refused_by_what_it_is(path: str, status: int, words: str) -> None:
    error = refusal("", path)
    assert error.status == status
    assert words in error.message


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("Results('x')/state", PropertyPart.JSON),
        ("Results('x')/state/$value", PropertyPart.TEXT),
        ("Results('x')/groupIds/$count", PropertyPart.COUNT),
    ],
)
def test_a_property_is_asked_of_its_entity_alone(path: str, part: PropertyPart) -> None:
    found = bind(parse_request(path.encode(), b""), SCHEMA)
    assert isinstance(found, PropertyQuery)
    assert found.entity.key == "Results('x')"
    assert (found.entity.select, found.part) == ((found.prop,), part)


@pytest.mark.parametrize(
    ("path", "query", "same"),
    [
        ("Results/$filter(state eq 'A')", "", "state eq 'A'"),
        ("Results/$filter(@f)/$count", "@f=state eq 'A'", "state eq 'A'"),
        ("Results/$filter(progress gt 5)/$filter(@f)/$ref", "@f=state eq 'A'&$filter=id ne 'x'",
         "progress gt 5 and state eq 'A' and id ne 'x'"),
        ("Results/$filter(id eq 'x' or id eq 'y')", "$filter=state eq 'A'",
         "(id eq 'x' or id eq 'y') and state eq 'A'"),
    ],
)  # fmt: skip
def test_conditions_of_the_path_and_of_the_query_must_all_hold(
    path: str, query: str, same: str
) -> None:
    found = bound(query, quote(path, safe="/$()@'"))
    assert found.filter == bound(f"$filter={same}").filter


def test_conditions_of_the_path_come_before_what_apply_does() -> None:
    """Its input is the collection that the path addresses (Data Aggregation 3.1)."""
    grouped = "$apply=filter(progress gt 5)/groupby((state))&$filter=state ne 'B'"
    found = bound(grouped, "Results/$filter(userId%20eq%20'u')")
    wanted = bound("$apply=filter(userId eq 'u' and progress gt 5)/groupby((state))"
                   "&$filter=state ne 'B'")  # fmt: skip
    assert found.apply is not None
    assert wanted.apply is not None
    assert found == replace(wanted, apply=replace(wanted.apply, text=found.apply.text))


def test_rows_that_apply_makes_have_no_references() -> None:
    assert refusal("$apply=groupby((state))", "Results/$ref").code == "OptionNotAllowed"


ROOT = "https://h.example/bi/odata/v4/"


@pytest.mark.parametrize(
    "entity_id",
    [
        "Results('a%2525b')",
        "/bi/odata/v4/Results('a%2525b')",
        "https://h.example/bi/odata/v4/Results('a%2525b')",
        "http://H.example/bi/odata/v4/Results(id='a%2525b')",
        "HTTPS://h.example:443/bi/odata/v4/Results%28%27a%2525b%27%29",
    ],
)
def test_an_entity_is_found_by_its_id(entity_id: str) -> None:
    """The id is a URL: what is encoded in it is encoded once more inside the option."""
    request = parse_request(b"$entity", f"$id={entity_id}".encode(), ROOT)
    found = bind(request, SCHEMA)
    assert found == bound("", "Results('a%25b')")


@pytest.mark.parametrize(
    ("entity_id", "status"),
    [
        ("Results", 404),
        ("NoSuch('x')", 404),
        ("Results('x')/state", 404),
        ("", 400),
        ("$metadata", 404),
        ("Results('a%2Fb')", 400),
        ("https://h.example/odata/v4/Results('x')", 404),
        ("https://h.example:8443/bi/odata/v4/Results('x')", 404),
        ("https://other.example/bi/odata/v4/Results('x')", 404),
        ("/odata/v4/Results('x')", 404),
        ("ftp://h.example/bi/odata/v4/Results('x')", 400),
    ],
)
def test_an_id_that_leads_elsewhere_is_refused(entity_id: str, status: int) -> None:
    with pytest.raises(GatewayError) as raised:
        bind(parse_request(b"$entity", f"$id={entity_id}".encode(), ROOT), SCHEMA)
    assert raised.value.status == status


def test_a_cast_to_the_type_itself_changes_nothing() -> None:
    own = f"{SCHEMA.namespace}.Result"
    assert bound("", f"Results/{own}") == bound("")
    assert bound("", f"Results('x')/{own}") == bound("", "Results('x')")


def test_an_id_takes_select_behind_a_type_only() -> None:
    path = f"$entity/{SCHEMA.namespace}.Result"
    assert bound("$id=Results('x')&$select=id", path) == bound("$select=id", "Results('x')")
    assert refusal("$id=Results('x')&$select=id", "$entity").code == "OptionNotAllowed"


def test_references_are_a_feed_of_their_own() -> None:
    query = bound("$filter=state eq 'A'&$top=3&$orderby=id&$count=true", "Results/$ref")
    assert (query.references, query.select, query.top, query.count) == (True, (), 3, True)
    assert bound("", "Results('x')/$ref").references


def test_a_query_in_a_body_asks_what_one_in_the_url_asks() -> None:
    assert bound("$top=1", "Results/$query") == bound("$top=1")
