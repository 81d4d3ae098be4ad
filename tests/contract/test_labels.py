"""Names for people: the owner's come before those of the file, and the model keeps its names."""

from __future__ import annotations

import pytest

from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.labels import column_label, table_label, value_label
from gateway.edm.model import Property, Schema
from gateway.errors import ConfigurationProblem
from gateway.service.published import version_of

TEXT = built_in_contract()
OWN = (
    ("progress", "Completion"),
    ("Users", "People"),
    ("Users.name", "Full name"),
    ("state.FAILED", "Not passed"),
)


def prop(schema: Schema, table: str, name: str) -> Property:
    entity_set = schema.find_set(table)
    assert entity_set is not None
    found = entity_set.entity_type.find(name)
    assert found is not None
    return found


def test_the_owners_names_are_used_wherever_a_column_is() -> None:
    schema = load_contract(TEXT, labels=OWN).schema
    for table in ("Results", "ResultRows"):
        assert column_label(prop(schema, table, "progress")) == "Completion"
        assert value_label(prop(schema, table, "state"), "FAILED") == "Not passed"
        assert value_label(prop(schema, table, "state"), "IN_PROGRESS") == "In progress"
    assert column_label(prop(schema, "Users", "name")) == "Full name"
    assert column_label(prop(schema, "Contents", "name")) == "Content name"
    titles = {s.name: table_label(s) for s in schema.entity_sets}
    assert titles["Users"] == "People"
    assert titles["GroupMembers"] == "Group members"


def test_settings_come_before_the_file() -> None:
    text = TEXT + '\n[labels]\nprogress = "Done"\nUsers = "Staff"\n'
    schema = load_contract(text, labels=(("progress", "Completion"),)).schema
    assert column_label(prop(schema, "Results", "progress")) == "Completion"
    assert table_label(schema.entity_sets[1]) == "Staff"


def test_names_of_the_model_and_snapshots_do_not_depend_on_names_for_people() -> None:
    plain, named = load_contract(TEXT), load_contract(TEXT, labels=OWN)
    assert named.fingerprint == plain.fingerprint
    assert [s.entity_type.names for s in named.schema.entity_sets] == [
        s.entity_type.names for s in plain.schema.entity_sets
    ]
    assert version_of(named.schema) != version_of(plain.schema), "descriptions are published"
    titles = load_contract(TEXT, labels=OWN[1:2] + OWN[3:]).schema
    assert version_of(titles) == version_of(plain.schema), "names of tables and values are not"


@pytest.mark.parametrize("key", ["nosuch", "Users.nosuch", "state.NOSUCH", "Nosuch.name", ""])
def test_a_label_of_nothing_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationProblem, match="there is no such"):
        load_contract(TEXT, labels=((key, "x"),))
