"""`[[sets]]` and `[[navigation]]` of a contract file: what is wrong is named by table and key."""

from __future__ import annotations

import re

import pytest

from gateway.contract.derived import ColumnKind
from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.types import PrimitiveType
from gateway.errors import ConfigurationProblem
from gateway.query.bind.derivation import check_derivations
from tests.contract.test_loader import Change, put

TEXT = built_in_contract()
USER_ID = '{ name = "id", kind = "group", of = "userId" }'


GUID = (
    '{ name = "rowId", kind = "guid", of = "id",'
    ' label = "Key of the row, computed from the key of the result" }'
)
DAY = 'kind = "day", of = "contentId", first_year = 1992, years = 32'
DIGEST = '{ name = "partitionDigest", kind = "digest", of = "partitionDay"'


def first(old: str, new: str) -> Change:
    """Replace the first occurrence of `old`."""
    assert old in TEXT
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put('name = "Users"', 'name = "Results"'), "two entity sets share 'Results'"),
        (put('type = "User"', 'type = "RESULT"'), "two entity sets share 'RESULT'"),
        (put(USER_ID, '{ name = "id", kind = "group", of = "nobody" }'),
         "[[sets]] 'Users': column 'id': of = 'nobody' is not a column"),
        (put(USER_ID, '{ name = "id", kind = "group" }'), "of = '' is not a column"),
        (put(USER_ID, '{ name = "id", kind = "grouped", of = "userId" }'), "'grouped'"),
        (put(USER_ID, '{ name = "id", kind = "first", of = "userName" }'),
         "[[sets]] 'Users': key: id must be columns that are never null"),
        (put('key = ["userId", "groupId"]', 'key = ["userId", "nosuch"]'),
         "[[sets]] 'GroupMembers': key: userId, nosuch must be columns"),
        (first('unnest = ["groupIds", "groupNames"]', 'unnest = ["state"]'),
         "[[sets]] 'Groups': unnest: 'state' is not a column with several values"),
        (put('{ name = "email", kind', '{ name = "Name", kind'), "two columns named 'name'"),
        (put("copy_columns = true", "copy_columns = false"),
         "[[sets]] 'ResultRows': column 'rowId': kind = 'guid' needs copy_columns = true"),
        (put("copy_columns = true", 'copy_columns = true\nunnest = ["groupIds"]'),
         "[[sets]] 'ResultRows': copy_columns cannot be combined with unnest, measures"),
        (put("copy_columns = true", "copy_columns = true\nmeasures = true"), "or custom_fields"),
        (put("custom_fields = true", "custom_fields = true\ncopy_columns = true"), "be combined"),
        (put(GUID, f'{GUID}, {{ name = "n", kind = "count" }}'),
         "column 'n': kind = 'count': copy_columns allows guid, day and digest only"),
        (put(GUID, GUID.replace('"rowId"', '"STATE"')),
         "column 'STATE': is a column of the results, which copy_columns adds already"),
        (put(GUID, GUID.replace('"id"', '"userId"')), "'rowId': of must be 'id', so that"),
        (put(GUID, GUID.replace("of =", 'where = "true", of =')), "cannot have where or text"),
        (put(GUID, GUID.replace("of =", 'text = "x", of =')), "cannot have where or text"),
        (put(GUID, GUID.replace("of =", "years = 3, of =")), 'are for kind = "day"'),
        (put(DAY, DAY.replace(", years = 32", "")), "needs first_year and years"),
        (put(DAY, DAY.replace("first_year = 1992, ", "")), "needs first_year and years"),
        (put(DAY, DAY.replace("32", "34")), "first_year and years reach beyond 2024"),
        (put(DAY, DAY.replace("32", "0")), "Expected `int` >= 1"),
        (put(DAY, DAY.replace("1992", "1899")), "Expected `int` >= 1900"),
        (put(DAY, DAY.replace("contentId", "groupIds")), "of = 'groupIds' must be a single value"),
        (put(DAY, DAY.replace("contentId", "nosuch")), "of = 'nosuch' is not a column"),
        (put(DIGEST, f'{{ name = "d", {DAY} }}, {DIGEST}'), 'only one column of kind = "day"'),
        (put(DIGEST, DIGEST.replace("partitionDay", "id")), 'must name the only column of kind'),
        (put('label = "Last change of the result"', 'published = false'),
         "[[sets]] 'ResultRows': copy_columns needs the column 'updatedAt' published"),
        (put("partner = \"memberships\"", "partner = \"results\""),
         "two navigation properties named 'results'"),
        (put("partner = \"memberships\"", "partner = \"email\""),
         "[[navigation]] 'user': User already has a property 'email'"),
        (first('to = "Users"', 'to = "Nobody"'), "there is no entity set 'Nobody'"),
        (first("on = { userId = \"id\" }", "on = { userId = \"nosuch\" }"), "are not properties"),
        (first("on = { userId = \"id\" }", "on = { userName = \"name\" }"),
         "[[navigation]] 'user': on: must name the key of Users, id"),
        (first("on = { userId = \"id\" }", "on = { progress = \"id\" }"), "have different types"),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_its_place(change: Change, words: str) -> None:
    with pytest.raises(ConfigurationProblem, match=re.escape(words)):
        load_contract(change(TEXT))


@pytest.mark.parametrize(
    ("condition", "words"),
    [("state eq 'FAILED", "'failed': where: "), ("nosuch eq 1", "no property 'nosuch'")],
)
def test_a_condition_that_cannot_be_understood_is_found_at_the_start(
    condition: str, words: str
) -> None:
    contract = load_contract(put("where = \"state eq 'FAILED'\"", f'where = "{condition}"')(TEXT))
    with pytest.raises(ConfigurationProblem, match=re.escape(words)):
        check_derivations(contract)


def test_the_built_in_conditions_are_understood() -> None:
    check_derivations(load_contract(TEXT))


def test_types_follow_from_what_a_column_is_made_of() -> None:
    contract = load_contract(TEXT)
    groups, contents = contract.derived_set("Groups"), contract.derived_set("ContentStatistics")
    assert groups is not None
    assert contents is not None
    [group_id, _] = groups.columns
    assert (group_id.kind, group_id.prop.collection) == (ColumnKind.GROUP, False)
    types = {c.prop.name: (c.prop.type, c.prop.nullable) for c in contents.columns}
    assert types["contentId"] == (PrimitiveType.STRING, False)
    assert types["results"] == (PrimitiveType.INT64, False)
    assert types["averageProgress"] == (PrimitiveType.DOUBLE, True)
    assert types["lastUpdatedAt"] == (PrimitiveType.DATE_TIME_OFFSET, True)
    assert contract.derived_set("Results") is None


def test_a_set_of_copies_has_all_columns_of_the_results_behind_its_own() -> None:
    contract = load_contract(TEXT, (("partitionday", "cf_1"),))
    rows = contract.derived_set("ResultRows")
    assert rows is not None
    assert rows.copies_results
    assert rows.entity_set.entity_type.names == (
        *("rowId", "partitionDay", "partitionDigest"),
        *contract.schema.entity_sets[0].entity_type.names[:-1],
        "partitionday_2",
    )
    copy = rows.copy_of("partitionday")
    assert copy is not None
    assert copy.name == "partitionday_2"
    types = [(column.prop.type, column.prop.nullable) for column in rows.columns[:3]]
    instant = (PrimitiveType.DATE_TIME_OFFSET, False)
    assert types == [(PrimitiveType.GUID, False), instant, instant]


def test_a_set_of_copies_needs_no_days() -> None:
    columns = TEXT[TEXT.index('    { name = "partitionDay"') : TEXT.index("# From a row to the")]
    contract = load_contract(put(columns, "]\n\n")(TEXT))
    rows = contract.derived_set("ResultRows")
    assert rows is not None
    assert [column.kind for column in rows.columns[:2]] == [ColumnKind.GUID, ColumnKind.SAME]


def test_a_field_whose_name_is_taken_gets_a_number() -> None:
    """`name` is free among the results, but people have one already."""
    contract = load_contract(TEXT, (("Name", "cf_1"), ("name_2", "cf_2"), ("team", "cf_3")))
    users = contract.derived_set("Users")
    assert users is not None
    assert users.entity_set.entity_type.names[-3:] == ("Name_2", "name_2_2", "team")
    other = load_contract(TEXT, (("memberships", "cf_1"),)).derived_set("Users")
    assert other is not None
    assert other.entity_set.entity_type.names[-1] == "memberships_2"
    assert [(c.kind, c.of) for c in users.columns[-3:]] == [
        (ColumnKind.FIRST, "Name"),
        (ColumnKind.FIRST, "name_2"),
        (ColumnKind.FIRST, "team"),
    ]
