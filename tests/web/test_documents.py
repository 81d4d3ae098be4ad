"""The service document and `$metadata`: what a client has already is not sent again."""

from __future__ import annotations

import pytest

from tests.web.conftest import Ask

DOCUMENTS = ("", "$metadata", "$metadata?$format=json")


@pytest.mark.parametrize("target", DOCUMENTS)
def test_a_known_document_is_not_sent_again(ask: Ask, target: str) -> None:
    whole = ask(target)
    tag = whole.header("ETag") or ""
    assert tag.startswith('W/"')
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        answer = ask(target, [("If-None-Match", known)])
        assert (answer.status, answer.body) == (304, b"")
        assert answer.header("ETag") == tag
        assert answer.header("OData-Version") == "4.0"
    other = ask(target, [("If-None-Match", '"other"')])
    assert (other.status, other.body) == (200, whole.body)


def test_every_form_of_a_document_has_a_tag_of_its_own(ask: Ask) -> None:
    versions: tuple[list[tuple[str, str]], ...] = ([], [("OData-MaxVersion", "4.01")])
    forms = (*DOCUMENTS, "?$format=application/json;odata.metadata=none")
    tags = [ask(target, version).header("ETag") for target in forms for version in versions]
    assert len(set(tags)) == len(tags)


def test_the_tag_stays_from_one_request_to_the_next(ask: Ask) -> None:
    for target in DOCUMENTS:
        assert ask(target).header("ETag") == ask(target).header("ETag")


@pytest.mark.parametrize("target", DOCUMENTS)
def test_head_tells_what_get_would(ask: Ask, target: str) -> None:
    whole, head = ask(target), ask(target, method="HEAD")
    assert head.body == b""
    for name in ("ETag", "Content-Type", "Content-Length", "Vary", "OData-Version"):
        assert head.header(name) == whole.header(name)
