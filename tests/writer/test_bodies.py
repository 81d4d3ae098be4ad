"""Response bodies: members by version and metadata level, order of members, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import InvalidSyntax, NotSupported
from gateway.query.tree.queries import BoundQuery
from gateway.writer.bodies import (
    PageBody,
    projection_for,
    write_collection,
    write_entity,
    write_error,
    write_service_document,
)
from gateway.writer.format import Format, Metadata
from gateway.writer.links import Links
from tests.query.asking import SCHEMA, bound

LINKS = Links("https://h/odata/v4/")
ROWS = [b'{"id":"a"}', '{"id":"ü"}'.encode()]
V4, V401 = Format(), Format("4.01")
NONE, FULL = Format(metadata=Metadata.NONE), Format(metadata=Metadata.FULL)


def collection(rows: list[bytes], page: PageBody, format_: Format) -> Any:
    text = write_collection(rows, page, bound(""), format_, LINKS)
    assert text.isascii() or "ü" in text.decode()
    return json.loads(text)


@pytest.mark.parametrize(
    ("format_", "members"),
    [
        (V4, ["@odata.context", "@odata.count", "value", "@odata.nextLink"]),
        (V401, ["@context", "@count", "value", "@nextLink"]),
        (NONE, ["@odata.count", "value", "@odata.nextLink"]),
        (FULL, ["@odata.context", "@odata.count", "value", "@odata.nextLink"]),
    ],
)
def test_a_page_has_its_members_in_order(format_: Format, members: list[str]) -> None:
    body = collection(ROWS, PageBody(2, "https://h/next"), format_)
    assert list(body) == members
    assert body["value"] == [{"id": "a"}, {"id": "ü"}]


def test_an_empty_page_still_has_a_value() -> None:
    assert collection([], PageBody(), V4) == {
        "@odata.context": "https://h/odata/v4/$metadata#Results",
        "value": [],
    }
    assert collection([], PageBody(), NONE) == {"value": []}


def test_a_count_of_zero_is_sent() -> None:
    assert collection([], PageBody(0), V4)["@odata.count"] == 0


def test_readers_of_doubles_get_the_count_as_text() -> None:
    assert collection([], PageBody(5), Format(ieee754=True))["@odata.count"] == "5"


@pytest.mark.parametrize("format_", [V4, V401, NONE])
def test_an_entity_is_its_row_with_the_context_in_front(format_: Format) -> None:
    query = bound("$select=id", "Results('a')")
    body = json.loads(write_entity(b'{"id":"a"}', query, format_, LINKS))
    context = {f"{format_.prefix}context": "https://h/odata/v4/$metadata#Results(id)/$entity"}
    assert body == ({} if format_ is NONE else context) | {"id": "a"}
    assert list(body)[-1] == "id"


def test_the_service_document_lists_the_sets() -> None:
    names = [entity_set.name for entity_set in SCHEMA.entity_sets]
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
    assert names[:3] == ["Results", "Users", "Contents"]
    assert json.loads(write_service_document(SCHEMA, V4, LINKS)) == {
        "@odata.context": "https://h/odata/v4/$metadata",
        "value": sets,
    }
    assert json.loads(write_service_document(SCHEMA, NONE, LINKS)) == {"value": sets}


def test_an_error_has_one_member_with_code_message_target_and_details() -> None:
    error = InvalidSyntax("wrong at ü", target="$filter", details=("a\n^",))
    assert json.loads(write_error(error)) == {
        "error": {
            "code": "InvalidSyntax",
            "message": "wrong at ü",
            "target": "$filter",
            "details": [{"code": "InvalidSyntax", "message": "a\n^"}],
        }
    }
    bare = json.loads(write_error(NotSupported("no")))
    assert bare == {"error": {"code": "NotImplemented", "message": "no"}}


def id_members(query: BoundQuery, format_: Format) -> tuple[str, ...]:
    return projection_for(query, format_, LINKS, "Skillhabit").id_members


@pytest.mark.parametrize(
    ("query", "format_", "members"),
    [
        ("", V4, ()),
        ("$select=id", V4, ()),
        ("$select=state", V4, ("@odata.id",)),
        ("$select=state", V401, ("@id",)),
        ("$select=state", NONE, ()),
        ("", FULL, ("@odata.id", "@odata.readLink")),
    ],
)
def test_a_row_carries_its_id_when_the_key_is_not_there(
    query: str, format_: Format, members: tuple[str, ...]
) -> None:
    assert id_members(bound(query), format_) == members


@pytest.mark.parametrize(
    ("format_", "content_type"),
    [
        (V4, "application/json;odata.metadata=minimal"),
        (V401, "application/json;metadata=minimal"),
        (NONE, "application/json;odata.metadata=none"),
        (Format("4.01", metadata=Metadata.FULL, ieee754=True, streaming=True, charset=True),
         "application/json;metadata=full;streaming=true;IEEE754Compatible=true;charset=utf-8"),
        (Format(streaming=True),
         "application/json;odata.metadata=minimal;odata.streaming=true"),
    ],
)  # fmt: skip
def test_the_content_type_says_what_was_applied(format_: Format, content_type: str) -> None:
    assert format_.content_type == content_type
