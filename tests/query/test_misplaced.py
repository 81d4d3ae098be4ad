"""Paths that are refused for their place: what the message says to write instead is accepted."""

from __future__ import annotations

import re

import pytest

from gateway.edm.model import EntitySet, NavigationProperty
from gateway.errors import GatewayError
from tests.query.asking import SCHEMA, bound, refusal

PATHS = [
    (entity_set, navigation)
    for entity_set in SCHEMA.entity_sets
    for navigation in entity_set.entity_type.navigation
]
IDS = [f"{entity_set.name}/{navigation.name}" for entity_set, navigation in PATHS]
of_each_path = pytest.mark.parametrize(("entity_set", "navigation"), PATHS, ids=IDS)
REMEDY = re.compile(r"(?:write|or) (\$[^;]+?)(?= or \$|$)")


def target_of(navigation: NavigationProperty) -> EntitySet:
    found = SCHEMA.find_set(navigation.target)
    assert found is not None
    return found


def check(query: str, entity_set: EntitySet, option: str) -> GatewayError:
    """The refusal of a query, which names the option."""
    error = refusal(query, entity_set.name)
    assert error.status == 400
    assert error.target == option
    assert error.message.startswith(f"{option}: ")
    return error


@of_each_path
def test_values_of_related_rows_in_select_are_led_to_expand(
    entity_set: EntitySet, navigation: NavigationProperty
) -> None:
    for name in target_of(navigation).entity_type.all_names:
        path = f"{navigation.name}/{name}"
        for query in (f"$select={path}", f"$select={path}&$expand={navigation.name}"):
            remedies = REMEDY.findall(check(query, entity_set, "$select").message)
            single = target_of(navigation).entity_type.find(name) and not navigation.collection
            assert len(remedies) == (2 if single else 1)
            for remedy in remedies:
                assert bound(remedy, entity_set.name)
        [remedy] = REMEDY.findall(check(f"$expand={path}", entity_set, "$expand").message) or [
            check(f"$expand={path}", entity_set, "$expand").message.rpartition(": ")[2]
        ]
        assert bound(f"$expand={remedy}", entity_set.name).expand
    [remedy] = REMEDY.findall(
        check(f"$select={navigation.name}($select=*)", entity_set, "$select").message
    )
    assert bound(remedy, entity_set.name).expand


@of_each_path
@pytest.mark.parametrize("below", [False, True])
def test_rows_where_a_value_is_needed_are_led_to_values(
    entity_set: EntitySet, navigation: NavigationProperty, *, below: bool
) -> None:
    """A path below several rows has as little a value as the path to the rows."""
    inner = next(n for n in target_of(navigation).entity_type.names)
    path = navigation.name
    if below:
        path += f"/{inner}" if navigation.collection else "/nosuchproperty"
    for option, query in {
        "$filter": f"$filter={path} eq 'x'",
        "$orderby": f"$orderby={path} desc",
        "$compute": f"$compute={path} as x",
        "$apply": f"$apply=compute({path} as x)",
    }.items():
        message = check(query, entity_set, option).message
        if below and not navigation.collection:
            assert "no property 'nosuchproperty'" in message
        elif not navigation.collection:
            value = message.rpartition("e.g. ")[2]
            assert bound(f"$orderby={value}", entity_set.name).orderby
        else:
            assert f"{navigation.name}/$count" in message
            assert bound(f"$orderby={navigation.name}/$count", entity_set.name).orderby
            assert ("any(" in message) is (option != "$orderby")


@of_each_path
@pytest.mark.parametrize("use", ["any(x:true)", "all(x:true)", "$count gt 1"])
def test_a_single_row_is_no_collection(
    entity_set: EntitySet, navigation: NavigationProperty, use: str
) -> None:
    query = f"$filter={navigation.name}/{use}"
    if navigation.collection:
        assert bound(query, entity_set.name).filter
        return
    message = check(query, entity_set, "$filter").message
    value = re.search(r"e\.g\. ([\w/]+)", message)
    assert value
    assert bound(f"$orderby={value[1]}", entity_set.name).orderby
    assert bound(f"$filter={message.rpartition(': ')[2]}", entity_set.name).filter


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("$select=usr/name", "no property 'usr/name'; did you mean"),
        ("$select=user/nosuch", "User has no property 'nosuch'"),
        ("$select=id/name", "select id alone"),
        ("$expand=id", "write $select=id"),
        ("$expand=id/x", "write $select=id"),
        ("$expand=user/$count", "write user alone"),
        ("$orderby=id/name", "write id alone"),
        ("$orderby=groupIds", "sort by groupIds/$count"),
        ("$filter=groupIds eq 'x'", "groupIds/any(x:x eq ...)"),
        ("$filter=groupIds/x eq 'x'", "groupIds/any(x:x eq ...)"),
        ("$filter=userId/any(u:u eq 'x')", "compare it directly: userId eq"),
        ("$filter=userId/$count eq 1", "write userId alone"),
        ("$apply=groupby((userId))&$select=user/name", "has no property 'user/name'"),
    ],
)
def test_other_places_name_what_to_write(query: str, words: str) -> None:
    assert words in refusal(query).message


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("Results/user", "Results('...')/user for one entity, or Results?$expand=user for all"),
        ("Results/user/name", "Results?$expand=user for all"),
        ("Results/id", "Results('...')/id for one entity, or Results?$select=id for all"),
        ("Users('x')/results/id", "Results?$select=id for all"),
        ("Results/nosuch", "by its key: Results('...')"),
        ("Results('x')/id/y", "end the path with id"),
    ],
)
def test_resource_paths_name_what_to_write(path: str, words: str) -> None:
    assert words in refusal("", path).message
