"""Resource paths: what they address, what does not exist, what is not served."""

from __future__ import annotations

import pytest

from gateway.query.bind_query import bind
from gateway.query.request import parse_request
from gateway.query.resource import MetadataDocument, ServiceDocument
from tests.query.asking import SCHEMA, bound, refusal


@pytest.mark.parametrize(("path", "kind"), [("", ServiceDocument), ("$metadata", MetadataDocument)])
def test_documents(path: str, kind: type) -> None:
    assert isinstance(bind(parse_request(path.encode(), b""), SCHEMA), kind)


@pytest.mark.parametrize(
    ("path", "query", "key"),
    [
        ("Results('u1_c1')", "", "u1_c1"),
        ("Results(id='u1_c1')", "", "u1_c1"),
        ("Results%28%27u1_c1%27%29", "", "u1_c1"),
        ("Results('O%27%27Neil')", "", "O'Neil"),
        ("Results('a%2Fb')", "", "a/b"),
        ("Results('')", "", ""),
        ("Results(@k)", "@k='a/b'", "a/b"),
    ],
)
def test_an_entity_is_addressed_by_its_key(path: str, query: str, key: str) -> None:
    assert bound(query, path).key == key


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("NoSuch", 404, "the service document at the root lists"),
        ("results", 404, "did you mean Results?"),
        ("$metadata/x", 400, "nothing can follow $metadata"),
        ("Results/nosuch", 404, "Results('...')"),
        ("Results/id", 404, "Results('...')"),
        ("Results('x')/nosuch", 404, "has no property 'nosuch'"),
        ("Results('x')/userNam", 404, "did you mean userName?"),
        ("Results(5)", 400, "Results('...') or Results(id='...')"),
        ("Results(null)", 400, "a text"),
        ("Results(state='x')", 400, "has the key id"),
        ("Results(id='x',state='y')", 400, "has the key id"),
        ("Results(@k)", 400, "has the key id"),
        ("Results('x')/$value", 400, "no media entities"),
        ("Results/$value", 400, "a set of entities"),
        ("Results('a')b", 400, ""),
        ("Results('a", 400, ""),
        ("$batch", 405, "POST only"),
        ("Results/$query", 405, "POST only"),
        ("Results('x')/state", 501, "state is not served"),
        ("Results('x')/state/$value", 501, "state is not served"),
        ("Results('x')/$ref", 501, "$ref is not served"),
        ("Results/$ref", 501, "$ref is not served"),
        ("Results/$count/x", 400, "nothing can follow $count"),
        ("Results/$filter(@f)", 501, "is not served"),
        ("$all", 501, "$all is not served"),
        ("$crossjoin(Results)", 501, "$crossjoin"),
        ("$entity", 501, "$entity is not served"),
    ],
)
def test_a_path_is_refused_by_what_it_is(path: str, status: int, words: str) -> None:
    error = refusal("", path)
    assert error.status == status
    assert words in error.message
