"""Each annotation against the OASIS vocabularies: for a wrong one clients refuse the feed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lxml import etree

from gateway.edm.capabilities import Capabilities
from gateway.edm.csdl_json import render_csdl_json
from gateway.edm.csdl_xml import render_csdl_xml
from gateway.edm.model import Schema
from tests.edm.models import EDM, EVERY_TYPE, EVERYTHING, SCHEMA, TODAY, csdl_folder, schema_with

EXTENTS = pytest.mark.parametrize("capabilities", [TODAY, EVERYTHING], ids=["today", "everything"])


class Vocabularies:
    """All vocabularies by qualified name; each writes the others' names with their alias."""

    def __init__(self) -> None:
        self._elements: dict[str, Any] = {}
        self._namespaces: dict[str, str] = {}
        for file in (csdl_folder() / "vocabularies").glob("*.json"):
            for namespace, content in json.loads(file.read_text("utf-8")).items():
                if not namespace.startswith("$"):
                    self._namespaces[content.get("$Alias", namespace)] = namespace
                    self._elements |= {f"{namespace}.{n}": e for n, e in content.items()}

    def find(self, name: str) -> Any:
        """The term or type of this name, written with its namespace or an alias of it."""
        namespace, _, short = name.rpartition(".")
        return self._elements[f"{self._namespaces.get(namespace, namespace)}.{short}"]

    def members(self, type_: Any) -> dict[str, Any]:
        """The members of a complex type, inherited ones too."""
        base = type_.get("$BaseType")
        own = {name: m for name, m in type_.items() if name[0] not in "$@" and "@" not in name}
        return (self.members(self.find(base)) if base else {}) | own

    def check(self, value: Any, declared: Any, names: frozenset[str]) -> None:
        """Hold a value, written as CSDL JSON does, to a term or member; `names` are properties."""
        single = {name: m for name, m in declared.items() if name != "$Collection"}
        if declared.get("$Collection"):
            assert isinstance(value, list)
            for item in value:
                self.check(item, single, names)
            return
        match declared.get("$Type", "Edm.String"):
            case "Edm.String" | "Edm.PrimitiveType":
                assert isinstance(value, str)
            case "Edm.Int32":
                assert isinstance(value, int)
                assert not isinstance(value, bool)
            case "Edm.Boolean":
                assert isinstance(value, bool)
            case "Edm.PropertyPath":
                assert value in names
            case type_name:
                self._check_named(value, self.find(type_name), names)

    def _check_named(self, value: Any, type_: Any, names: frozenset[str]) -> None:
        match type_["$Kind"]:
            case "TypeDefinition":
                underlying = type_.get("$UnderlyingType", "Edm.String")
                self.check(value, {"$Type": underlying}, names)
                allowed = type_.get("@Validation.AllowedValues")
                assert allowed is None or value in [entry["Value"] for entry in allowed]
            case "EnumType":
                assert value in type_
                assert isinstance(type_[value], int)
            case "ComplexType":
                members = self.members(type_)
                for name, member in value.items():
                    self.check(member, members[name], names)
            case kind:
                raise AssertionError(f"an annotation of kind {kind}")


@dataclass(frozen=True)
class Found:
    """An annotation: on what kind of element, and which properties that element has."""

    term: str
    value: Any
    kind: str
    names: frozenset[str]


def all_annotations(document: Any) -> Iterator[Found]:
    """All of a CSDL JSON document with one schema."""
    [schema] = [content for name, content in document.items() if not name.startswith("$")]
    yield from _of(schema, "Schema", frozenset())
    for element in (schema[name] for name in schema if not name.startswith("@")):
        yield from _of(element, element["$Kind"], frozenset())
        in_container = element["$Kind"] == "EntityContainer"
        for name, child in element.items():
            if name[0] not in "$@":
                owner = child["$Type"].rpartition(".")[2] if in_container else ""
                names = frozenset(schema.get(owner, ()))
                yield from _of(child, "EntitySet" if in_container else "Property", names)


def _of(element: Any, kind: str, names: frozenset[str]) -> Iterator[Found]:
    for name, value in element.items():
        if name.startswith("@"):
            yield Found(name.removeprefix("@"), value, kind, names)


@EXTENTS
@pytest.mark.parametrize(
    "schema", [SCHEMA, schema_with(*EVERY_TYPE)], ids=["built-in", "all types"]
)
def test_terms_types_and_places_are_those_of_the_vocabularies(
    schema: Schema, capabilities: Capabilities
) -> None:
    vocabularies = Vocabularies()
    found = list(all_annotations(json.loads(render_csdl_json(schema, "4.01", capabilities))))
    kinds = {"EntityContainer", "EntitySet", "Property", *(["Schema"] if schema.version else [])}
    assert {item.kind for item in found} == kinds
    for item in found:
        term = vocabularies.find(item.term)
        assert term["$Kind"] == "Term", item
        assert item.kind in term.get("$AppliesTo", [item.kind]), item
        vocabularies.check(item.value, term, item.names)


@EXTENTS
def test_the_xml_names_the_enumeration_that_the_term_has(capabilities: Capabilities) -> None:
    vocabularies = Vocabularies()
    root: Any = etree.fromstring(render_csdl_xml(SCHEMA, "4.0", capabilities))
    members = list(root.iter(f"{EDM}EnumMember"))
    assert members
    for node in members:
        type_name, _, member = node.text.partition("/")
        assert member in vocabularies.find(type_name)
        term = node.getparent().get("Term")  # None for a member of a record
        if term is not None:
            declared = vocabularies.find(vocabularies.find(term)["$Type"])
            assert declared is vocabularies.find(type_name)


def test_a_wrong_annotation_would_be_found() -> None:
    vocabularies = Vocabularies()
    term = vocabularies.find("Org.OData.Capabilities.V1.FilterRestrictions")
    for wrong in ({"Filterable": "true"}, {"NoSuch": True}, {"NonFilterableProperties": ["x"]}):
        with pytest.raises((AssertionError, KeyError)):
            vocabularies.check(wrong, term, frozenset({"y"}))
