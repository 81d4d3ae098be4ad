"""Context URLs (Protocol 10) and nextLinks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.writer.links import Links
from grammar import split_query
from tests.query.asking import bound
from tests.support.examples import examples

LINKS = Links("https://h.example/odata/v4/")


@pytest.mark.parametrize(
    ("path", "query", "fragment"),
    [
        ("Results", "", "#Results"),
        ("Results", "$select=*", "#Results"),
        ("Results", "$select=id,progress", "#Results(id,progress)"),
        ("Results", "$select=progress,id,progress", "#Results(progress,id)"),
        ("Results", "$top=1&$filter=state eq 'x'", "#Results"),
        ("Results('u1_c1')", "", "#Results/$entity"),
        ("Results('u1_c1')", "$select=id", "#Results(id)/$entity"),
        ("Results/$filter(true)", "$select=id", "#Results(id)"),
        ("Results/$ref", "$top=1", "#Collection($ref)"),
        ("Results('u1_c1')/$ref", "", "#$ref"),
    ],
)
def test_the_context_tells_what_an_answer_holds(path: str, query: str, fragment: str) -> None:
    assert LINKS.context(bound(query, path)) == f"https://h.example/odata/v4/$metadata{fragment}"


def test_the_service_documents_context_has_no_fragment() -> None:
    assert LINKS.context() == "https://h.example/odata/v4/$metadata"


def test_a_next_link_repeats_the_query_and_replaces_the_token() -> None:
    pairs = (("$filter", "userName eq 'Ü & +'"), ("$skiptoken", "old"), ("$Top", "5"))
    assert LINKS.next_page("Results", pairs, "n-e_w") == (
        "https://h.example/odata/v4/Results?$filter=userName%20eq%20'%C3%9C%20%26%20%2B'"
        "&$Top=5&$skiptoken=n-e_w"
    )


_words = st.text(st.sampled_from("a Ü+&=#%'\"/?;😀$@\\"), max_size=8)


@examples(300, repeatable=True)
@given(st.lists(st.tuples(_words.filter(bool), _words), max_size=4))
def test_whatever_a_client_asked_is_asked_again(pairs: list[tuple[str, str]]) -> None:
    link = LINKS.next_page("Results", tuple(pairs), "token")
    assert split_query(link.partition("?")[2].encode()) == (*pairs, ("$skiptoken", "token"))
    assert link.isascii()
