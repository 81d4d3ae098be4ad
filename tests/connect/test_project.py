"""The Power BI project: what its files declare belongs together, and is what the service has."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest

from tests.connect.conftest import Project, project_of
from tests.connect.m_reader import MQuery, read_m
from tests.connect.tmdl_reader import Node, split_reference
from tests.tenancy.support import House

SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/"
_REFERENCE = re.compile(r"""(?:'([^']+)'|\b(\w+))?\[([^\]]+)\]""")
_TYPES = {"Edm.String": "string", "Edm.Double": "double", "Edm.DateTimeOffset": "dateTime"}


def query_of(table: Node) -> MQuery:
    (partition,) = table.of("partition")
    return read_m(partition.properties["source"])


def loaded(project: Project) -> dict[str, Node]:
    """The tables that are read from the service; the calendar is computed."""
    return {name: table for name, table in project.tables.items() if name != "Date"}


def test_the_files_are_those_of_a_project(project: Project) -> None:
    names = [path for path in project.files if "/pages/" not in path]
    assert set(names) == {
        "Skillhabit.pbip",
        *(f"Skillhabit.SemanticModel/{name}" for name in (".platform", "definition.pbism")),
        *(f"Skillhabit.Report/{name}" for name in (".platform", "definition.pbir")),
        *(f"Skillhabit.Report/definition/{name}.json" for name in ("report", "version")),
        *(
            f"Skillhabit.SemanticModel/definition/{name}.tmdl"
            for name in (
                *("database", "model", "relationships", "cultures/en-US", "tables/Date"),
                *("tables/Results", "tables/Users", "tables/Contents", "tables/Groups"),
                "tables/GroupMembers",
            )
        ),
    }
    shortcut = project.json("Skillhabit.pbip")
    assert shortcut["artifacts"] == [{"report": {"path": "Skillhabit.Report"}}]
    reference = project.json("Skillhabit.Report/definition.pbir")["datasetReference"]
    assert reference == {"byPath": {"path": "../Skillhabit.SemanticModel"}}


def test_every_json_file_names_its_schema(project: Project) -> None:
    for path, text in project.files.items():
        if path.endswith(".tmdl"):
            continue
        assert json.loads(text)["$schema"].startswith(SCHEMAS), path


def test_the_model_lists_its_tables_and_queries(project: Project) -> None:
    (database,), model = project.model("database.tmdl"), project.model("model.tmdl")
    assert int(database.properties["compatibilityLevel"]) >= 1567
    listed = [node.name.split(" ")[1] for node in model if node.name.startswith("table ")]
    assert listed == ["Results", "Users", "Contents", "Groups", "GroupMembers", "Date"]
    annotations = {node.name: node.value for node in model if node.kind == "annotation"}
    assert set(json.loads(annotations["PBI_QueryOrder"])) == set(loaded(project))
    assert annotations["__PBI_TimeIntelligenceEnabled"] == "0"
    (culture,) = project.model("cultures/en-US.tmdl")
    assert json.loads(culture.children[0].value) == {"Version": "1.0.0", "Language": "en-US"}


def test_the_queries_read_what_the_columns_are_made_of(gateway: House, project: Project) -> None:
    for table in loaded(project).values():
        query = query_of(table)
        sources = [column.properties["sourceColumn"] for column in table.of("column")]
        assert sources == query.columns
        rows = gateway.ask(f"{query.url}&$top=2").json()["value"]
        assert rows
        assert all(list(row) == query.chosen for row in rows)


def test_the_types_are_those_of_the_metadata(gateway: House, project: Project) -> None:
    document = gateway.odata("$metadata?$format=json").json()["Skillhabit"]
    for name, table in loaded(project).items():
        entity = document[document["Analytics"][name]["$Type"].rpartition(".")[2]]
        for column in table.of("column"):
            property_name = column.properties["sourceColumn"].removesuffix(" day")
            declared = entity[property_name].get("$Type", "Edm.String")
            assert column.properties["dataType"] == _TYPES[declared]


def test_relationships_join_columns_that_are_there_and_alike(project: Project) -> None:
    found = {}
    for node in project.model("relationships.tmdl"):
        start, end = (split_reference(node.properties[f"{way}Column"]) for way in ("from", "to"))
        assert {start, end} <= project.columns
        types = [
            project.tables[table].get("column", column).properties["dataType"]
            for table, column in (start, end)
        ]
        assert types[0] == types[1]
        found[start] = (end, node.properties.get("isActive"), node.properties)
    assert found["Results", "User ID"][0] == ("Users", "ID")
    assert found["Results", "Content ID"][0] == ("Contents", "ID")
    assert found["GroupMembers", "Group ID"][0] == ("Groups", "ID")
    assert found["GroupMembers", "User ID"][2]["crossFilteringBehavior"] == "bothDirections"
    active = [start for start, (end, state, _) in found.items() if end[0] == "Date" and not state]
    assert active == [("Results", "Updated at day")]


def test_the_one_side_of_a_relationship_has_each_key_once(gateway: House, project: Project) -> None:
    """Power BI refuses to load otherwise, and takes texts that differ by case for the same."""
    for node in project.model("relationships.tmdl"):
        table, column = split_reference(node.properties["toColumn"])
        if table == "Date":
            continue
        source = project.tables[table].get("column", column).properties["sourceColumn"]
        keys = [row[source].lower() for row in gateway.feed(f"{table}?$select={source}")]
        assert len(keys) == len(set(keys))


def test_keys_are_hidden_and_nothing_else_that_a_report_needs(project: Project) -> None:
    for name, table in project.tables.items():
        for column in table.of("column"):
            hidden = "isHidden" in column.properties
            is_key = column.name == "ID" or column.name.endswith((" ID", " day"))
            assert hidden == is_key, (name, column.name)


def test_the_calendar_is_marked_as_one(project: Project) -> None:
    calendar = project.tables["Date"]
    assert calendar.properties["dataCategory"] == "Time"
    assert calendar.get("column", "Date").properties["isKey"] == "true"
    (partition,) = calendar.of("partition")
    assert partition.value == "calculated"
    days = {c for t, c in references(partition.properties["source"]) if t == "Results"}
    assert days == {c for t, c in project.columns if t == "Results" and c.endswith(" day")}
    (hierarchy,) = calendar.of("hierarchy")
    levels = [level.properties["column"] for level in hierarchy.of("level")]
    assert levels == ["Year", "Quarter", "Month", "Date"]


def references(dax: str) -> set[tuple[str, str]]:
    """Columns as (table, column) and measures as ('', name)."""
    plain = re.sub(r'"(?:[^"]|"")*"', '""', dax)
    return {(m[1] or m[2] or "", m[3]) for m in _REFERENCE.finditer(plain)}


def assert_measures_stand(project: Project) -> None:
    seen: set[str] = set()
    for name, measure in project.measures.items():
        dax = measure.value
        assert dax.count("(") == dax.count(")")
        assert measure.properties["formatString"]
        assert measure.properties["displayFolder"]
        assert measure.description
        for table, column in references(dax):
            if table:
                assert (table, column) in project.columns, (name, table, column)
            else:
                assert column in seen, f"{name} needs {column}, which is not before it"
        seen.add(name)


def test_measures_refer_to_what_is_there(project: Project) -> None:
    assert len(project.measures) == 22
    assert_measures_stand(project)


def test_names_are_unique_within_a_table(project: Project) -> None:
    for table in project.tables.values():
        names = [node.name.lower() for node in (*table.of("column"), *table.of("measure"))]
        assert len(names) == len(set(names))
    tags = re.findall(r"lineageTag: (\S+)", "".join(project.files.values()))
    assert len(tags) == len(set(tags))


def assert_visuals_stand(project: Project) -> None:
    for path, container in project.visuals.items():
        visual = container["visual"]
        assert path.split("/")[-2] == container["name"]
        fields = [
            p["field"]
            for role in visual["query"]["queryState"].values()
            for p in role["projections"]
        ]
        fields += [
            sort["field"] for sort in visual["query"].get("sortDefinition", {}).get("sort", [])
        ]
        for field in fields:
            ((kind, of),) = field.items()
            entity = of["Expression"]["SourceRef"]["Entity"]
            if kind == "Measure":
                assert of["Property"] in project.measures
                assert entity == "Results"
            else:
                assert (entity, of["Property"]) in project.columns


def test_visuals_show_fields_that_are_there(project: Project) -> None:
    assert len(project.visuals) > 25
    assert_visuals_stand(project)


def test_pages_are_listed_and_their_visuals_do_not_overlap(project: Project) -> None:
    folder = "Skillhabit.Report/definition/pages"
    order = project.json(f"{folder}/pages.json")
    assert order["pageOrder"] == ["overview", "compliance", "contents", "groups", "learner"]
    assert order["activePageName"] == "overview"
    for name in order["pageOrder"]:
        page = project.json(f"{folder}/{name}/page.json")
        assert page["name"] == name
        boxes = [
            visual["position"]
            for path, visual in project.visuals.items()
            if path.startswith(f"{folder}/{name}/")
        ]
        for box in boxes:
            assert min(box["x"], box["y"], box["width"], box["height"]) > 0
            assert box["x"] + box["width"] <= page["width"]
            assert box["y"] + box["height"] <= page["height"]
        for one, other in combinations(boxes, 2):
            assert _apart(one, other) or _apart(other, one), (name, one, other)


def _apart(one: Any, other: Any) -> bool:
    return bool(one["x"] + one["width"] <= other["x"] or one["y"] + one["height"] <= other["y"])


@pytest.mark.parametrize(
    ("role", "gone"),
    [
        ("no-state", {"Approved", "Overdue", "Failed", "Completion rate", "Expiring in 30 days"}),
        ("no-people", {"Learners", "Active learners"}),
        ("no-dates", {"Completions", "Overdue", "Expiring in 90 days", "Certificates issued"}),
        ("people-unknown", set()),
    ],
)
def test_what_needs_a_hidden_column_is_gone(
    gateway: House, project: Project, role: str, gone: set[str]
) -> None:
    limited = project_of(gateway, f"default/{role}")
    assert_measures_stand(limited)
    assert_visuals_stand(limited)
    assert gone <= set(project.measures) - set(limited.measures)
    assert {"Result count", "Latest change"} <= set(limited.measures)
    for node in limited.model("relationships.tmdl"):
        ends = {split_reference(node.properties[f"{way}Column"]) for way in ("from", "to")}
        assert ends <= limited.columns
    for table in loaded(limited).values():
        url = f"{query_of(table).url}&$top=1"
        assert gateway.ask(url, f"default/{role}").status_code == 200
    if role == "people-unknown":
        text = "".join(limited.files.values())
        assert not re.search(r"(?i)email|user ?name|avatar|department", text)
    if role == "no-people":
        assert not {"Users", "GroupMembers", "Groups"} & set(limited.tables)
        assert not [path for path in limited.visuals if "/groups/" in path]
        assert limited.tables["Results"].get("column", "User name")


def test_who_does_not_see_the_results_is_told_what_to_do(gateway: House) -> None:
    for name in ("powerbi-project.zip", "powerbi-project.zip?refresh=incremental"):
        answer = gateway.ask(f"/connect/{name}", "default/totals")
        assert answer.status_code == 404
        assert "skillhabit.pbids" in answer.json()["error"]["message"]


def test_an_incremental_project_reads_the_fact_in_partitions(gateway: House) -> None:
    found = project_of(gateway, refresh="incremental")
    assert_measures_stand(found)
    assert_visuals_stand(found)
    results = found.tables["Results"]
    query = query_of(results)
    assert query.table == "ResultRows"
    assert "RangeStart" in query.steps["Partition"]
    (policy,) = results.of("refreshPolicy")
    assert read_m(policy.properties["sourceExpression"]) == query
    asked = read_m(policy.properties["pollingExpression"]).steps
    assert "partitionDigest" in asked["Digest"]
    assert asked["Partition"] == query.steps["Partition"]
    assert (policy.properties["rollingWindowPeriods"], policy.properties["incrementalPeriods"]) == (
        "61",
        "60",
    )
    assert {"partitionDay", "partitionDigest"} <= {c.name for c in results.of("column")}
    parameters = {node.name: node.value for node in found.model("expressions.tmdl")}
    assert set(parameters) == {"RangeStart", "RangeEnd"}
    assert all('Type="DateTime"' in value for value in parameters.values())
    partition = "partitionDay ge 2000-01-01T00:00:00Z and partitionDay lt 2001-01-01T00:00:00Z"
    answer = gateway.ask(f"{query.url}&$filter={partition}&$top=5")
    assert answer.status_code == 200
