"""Rows as JSON: what every reader must be able to read, by type and metadata level."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.read.page import arrow_schema
from gateway.contract.model import Column, Contract
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.engine.run import Relation, Selection, count_rows, fetch_rows
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.expressions import BoundOrder, ColumnRef
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from gateway.query.tree.transformations import POSITION
from gateway.writer.bodies import projection_for
from gateway.writer.format import Format, Metadata
from gateway.writer.links import Links
from tests.planner.cases import CONTRACT
from tests.planner.worlds import with_columns
from tests.support.examples import examples

LINKS = Links("https://h/odata/v4/")
FULL = Format(metadata=Metadata.FULL)


@pytest.fixture
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def contract_of(*properties: Property) -> Contract:
    key = CONTRACT.column("id")
    return with_columns(CONTRACT, (key, *(Column(p, (p.name,)) for p in properties)))


def render(
    cursor: duckdb.DuckDBPyConnection,
    contract: Contract,
    row: Mapping[str, object],
    format_: Format = Format(),  # noqa: B008 - frozen
    select: str = "",
) -> str:
    """The text of one row, as a question with this $select and format gets it."""
    raw = f"$select={select}".encode() if select else b""
    query = bind(parse_request(b"Results", raw), contract.schema)
    assert isinstance(query, BoundQuery)
    cursor.register("one", pa.Table.from_pylist([row], schema=arrow_schema(contract)))
    projection = projection_for(query, format_, LINKS, "Skillhabit")
    [text] = fetch_rows(
        Relation(cursor, "one"),
        Selection(None, (BoundOrder(ColumnRef(CONTRACT.column("id").prop)),)),
        projection,
    )
    return text.decode()


def value_of(cursor: duckdb.DuckDBPyConnection, type_: PrimitiveType, value: object) -> str:
    """The JSON text of one value."""
    contract = contract_of(Property("v", type_))
    return render(cursor, contract, {"id": "k", "v": value}, select="v,id")[5:-10]


@pytest.mark.parametrize(
    "text",
    [
        "",
        'quote " and \\ backslash',
        "".join(map(chr, range(32))),
        "\x7f\u2028\u2029\ufeff\uffff",
        "Größe 😀 e\u0301 العربية",
        "</script>",
    ],
)
def test_any_text_is_read_back_as_it_was(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    contract = contract_of(Property("v", PrimitiveType.STRING))
    rendered = render(cursor, contract, {"id": text, "v": text})
    assert json.loads(rendered) == {"id": text, "v": text}
    assert not any(ord(c) < 32 for c in rendered)


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (PrimitiveType.DOUBLE, 0.0, "0.0"),
        (PrimitiveType.DOUBLE, -0.0, "-0.0"),
        (PrimitiveType.DOUBLE, 100.0, "100.0"),
        (PrimitiveType.DOUBLE, 0.1, "0.1"),
        (PrimitiveType.DOUBLE, 1e22, "1e22"),
        (PrimitiveType.DOUBLE, 5e-324, "5e-324"),
        (PrimitiveType.DOUBLE, None, "null"),
        (PrimitiveType.INT32, -(2**31), "-2147483648"),
        (PrimitiveType.INT64, 2**63 - 1, "9223372036854775807"),
        (PrimitiveType.BOOLEAN, True, "true"),
        (PrimitiveType.STRING, None, "null"),
    ],
)
def test_numbers_and_nulls_are_plain_json(
    cursor: duckdb.DuckDBPyConnection, type_: PrimitiveType, value: object, text: str
) -> None:
    assert value_of(cursor, type_, value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2024-02-29T23:59:59", "2024-02-29T23:59:59Z"),
        ("2024-02-29T23:59:59.500", "2024-02-29T23:59:59.500Z"),
        ("2024-02-29T23:59:59.001", "2024-02-29T23:59:59.001Z"),
        ("2024-02-29T23:59:59.000001", "2024-02-29T23:59:59.000001Z"),
        ("2024-02-29T23:59:59.123450", "2024-02-29T23:59:59.123450Z"),
        ("1969-12-31T23:59:59.999", "1969-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00Z"),
        ("0999-06-01T00:00:00.5", "0999-06-01T00:00:00.500Z"),
        ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_instants_are_utc_with_as_few_digits_as_are_needed(
    cursor: duckdb.DuckDBPyConnection, value: str, text: str
) -> None:
    instant = datetime.fromisoformat(value)
    assert value_of(cursor, PrimitiveType.DATE_TIME_OFFSET, instant) == f'"{text}"'


def test_collections_are_arrays_of_rendered_elements(cursor: duckdb.DuckDBPyConnection) -> None:
    contract = contract_of(
        Property("tags", PrimitiveType.STRING, collection=True),
        Property("times", PrimitiveType.DATE_TIME_OFFSET, collection=True),
        Property("none", PrimitiveType.INT64, collection=True),
    )
    row = {"id": "k", "tags": ["ü", ""], "times": [datetime(2024, 1, 1)], "none": []}  # noqa: DTZ001
    assert json.loads(render(cursor, contract, row)) == {
        **row,
        "times": ["2024-01-01T00:00:00Z"],
    }


def test_readers_of_doubles_get_64_bit_integers_as_text(cursor: duckdb.DuckDBPyConnection) -> None:
    contract = contract_of(
        Property("big", PrimitiveType.INT64),
        Property("none", PrimitiveType.INT64),
        Property("bigs", PrimitiveType.INT64, collection=True),
        Property("small", PrimitiveType.INT32),
    )
    row = {"id": "k", "big": 2**53 + 1, "none": None, "bigs": [1, 2**60], "small": 7}
    assert json.loads(render(cursor, contract, row, Format(ieee754=True))) == {
        **row,
        "big": "9007199254740993",
        "bigs": ["1", "1152921504606846976"],
    }


# --- control information --------------------------------------------------------------------------

SMALL = contract_of(
    Property("state", PrimitiveType.STRING),
    Property("progress", PrimitiveType.DOUBLE),
    Property("score", PrimitiveType.INT64),
    Property("at", PrimitiveType.DATE_TIME_OFFSET),
    Property("tags", PrimitiveType.STRING, collection=True),
)
ROW: dict[str, Any] = {"id": "k", "state": "x", "progress": 1.5, "score": 2, "tags": []}
ROW["at"] = datetime(2024, 1, 1)  # noqa: DTZ001 - tables hold naive UTC


def test_minimal_metadata_adds_nothing_to_a_whole_row(cursor: duckdb.DuckDBPyConnection) -> None:
    rendered = json.loads(render(cursor, SMALL, ROW))
    assert list(rendered) == ["id", "state", "progress", "score", "at", "tags"]


def test_full_metadata_tells_type_id_and_what_json_does_not(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    assert json.loads(render(cursor, SMALL, ROW, FULL)) == {
        "@odata.type": "#Skillhabit.Result",
        "@odata.id": "https://h/odata/v4/Results('k')",
        "@odata.readLink": "https://h/odata/v4/Results('k')",
        "id": "k",
        "state": "x",
        "progress": 1.5,
        "score@odata.type": "#Int64",
        "score": 2,
        "at@odata.type": "#DateTimeOffset",
        "at": "2024-01-01T00:00:00Z",
        "tags@odata.type": "#Collection(String)",
        "tags": [],
    }


def test_annotations_stand_right_before_their_property(cursor: duckdb.DuckDBPyConnection) -> None:
    rendered = json.loads(render(cursor, SMALL, ROW, replace(FULL, version="4.01")))
    names = list(rendered)
    assert names[:3] == ["@type", "@id", "@readLink"]
    assert names[names.index("at@type") + 1] == "at"
    assert (rendered["@type"], rendered["at@type"]) == ("#Skillhabit.Result", "DateTimeOffset")
    assert rendered["tags@type"] == "Collection(String)"


def test_metadata_none_adds_nothing_even_without_the_key(cursor: duckdb.DuckDBPyConnection) -> None:
    none = Format(metadata=Metadata.NONE)
    assert render(cursor, SMALL, ROW, none, "state") == '{"state":"x"}'


@pytest.mark.parametrize(
    ("key", "encoded"),
    [
        ("plain_-.~", "plain_-.~"),
        ("O'Neil", "O%27%27Neil"),
        ("a/b?c#d&e=f+g%h\\", "a%2Fb%3Fc%23d%26e%3Df%2Bg%25h%5C"),
        ("Größe 😀", "Gr%C3%B6%C3%9Fe%20%F0%9F%98%80"),
        ("", ""),
    ],
)
def test_a_row_without_its_key_carries_an_id_that_leads_back_to_it(
    cursor: duckdb.DuckDBPyConnection, key: str, encoded: str
) -> None:
    rendered = json.loads(render(cursor, SMALL, {**ROW, "id": key}, select="state"))
    assert rendered == {"@odata.id": f"https://h/odata/v4/Results('{encoded}')", "state": "x"}
    path = rendered["@odata.id"].removeprefix("https://h/odata/v4/").encode()
    query = bind(parse_request(path, b""), SMALL.schema)
    assert isinstance(query, BoundQuery)
    assert query.key == "Results('" + key.replace("'", "''") + "')"


# --- without nulls -------------------------------------------------------------------------------

MIXED = contract_of(
    Property("text", PrimitiveType.STRING),
    Property("yes", PrimitiveType.BOOLEAN),
    Property("small", PrimitiveType.INT32),
    Property("big", PrimitiveType.INT64),
    Property("real", PrimitiveType.DOUBLE),
    Property("at", PrimitiveType.DATE_TIME_OFFSET),
    Property("tags", PrimitiveType.STRING, collection=True),
)
VALUES = st.fixed_dictionaries(
    {
        "id": st.text(max_size=5),
        "text": st.none() | st.text(max_size=8) | st.sampled_from(["null", ',"x":null', '"', "\\"]),
        "yes": st.none() | st.booleans(),
        "small": st.none() | st.integers(-(2**31), 2**31 - 1),
        "big": st.none() | st.integers(-(2**63), 2**63 - 1),
        "real": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "at": st.none() | st.datetimes(),
        "tags": st.lists(st.text(max_size=4), max_size=3),
    }
)


@examples(150, repeatable=True)
@given(
    VALUES,
    st.builds(
        Format,
        st.sampled_from(["4.0", "4.01"]),
        metadata=st.sampled_from(Metadata),
        ieee754=st.booleans(),
    ),
    st.sampled_from(["", "text,at", "id,big,text"]),
)
def test_a_row_without_nulls_is_the_whole_row_but_for_them(
    row: Mapping[str, object], format_: Format, select: str
) -> None:
    """Neither do the types of nulls stay; a list that is empty does."""
    with duckdb.connect() as connection:
        whole = json.loads(render(connection, MIXED, row, format_, select))
        omitted = render(connection, MIXED, row, replace(format_, omit_nulls=True), select)
    nulls = {name for name, value in whole.items() if value is None}
    kept = {n: v for n, v in whole.items() if n.partition("@")[0] not in nulls}
    assert list(json.loads(omitted).items()) == list(kept.items())


def test_a_row_of_nulls_only_is_an_empty_object(cursor: duckdb.DuckDBPyConnection) -> None:
    bare = Format(metadata=Metadata.NONE, omit_nulls=True)
    row = dict.fromkeys(("text", "at"), None) | {"id": "k"}
    assert render(cursor, MIXED, row, bare, "text,at") == "{}"


# --- names and relations --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["element", "r", "select", "value", "one", "Order", "_", "rows"])
def test_a_column_may_have_any_name(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    contract = contract_of(
        Property(name, PrimitiveType.STRING),
        Property("tags", PrimitiveType.STRING, collection=True),
    )
    raw = f"$filter=tags/any(x:x%20eq%20{name})%20and%20{name}%20eq%20'a'&$orderby={name}".encode()
    query = bind(parse_request(b"Results", raw), contract.schema)
    assert isinstance(query, BoundQuery)
    rows = [{"id": "k", name: "a", "tags": ["b", "a"]}, {"id": "l", name: "a", "tags": ["b"]}]
    cursor.register("many", pa.Table.from_pylist(rows, schema=arrow_schema(contract)))
    projection = Projection(query.select, ())
    texts = fetch_rows(Relation(cursor, "many"), Selection(query.filter, query.orderby), projection)
    assert [json.loads(text) for text in texts] == rows[:1]


def test_a_positioned_table_is_cut_by_its_row_numbers(cursor: duckdb.DuckDBPyConnection) -> None:
    key = CONTRACT.column("id").prop
    order = (BoundOrder(ColumnRef(key), descending=True),)
    cursor.execute(
        f'CREATE TABLE t AS SELECT chr(122 - i::INT) AS id, i AS "{POSITION.name}"'
        " FROM range(10) x(i)"
    )
    relation, projection = Relation(cursor, "t", order), Projection((key,), ())

    def keys(*window: int | None, descending: bool = True, filter_: str = "") -> str:
        wanted = (BoundOrder(ColumnRef(key), descending=descending),)
        raw = f"$filter={filter_}".replace(" ", "%20").encode() if filter_ else b""
        query = bind(parse_request(b"Results", raw), CONTRACT.schema)
        assert isinstance(query, BoundQuery)
        selection = Selection(query.filter, wanted, window[0] or 0, window[1])
        texts = fetch_rows(relation, selection, projection)
        return "".join(json.loads(text)["id"] for text in texts)

    assert keys(2, 3) == "xwv"
    assert keys(8, 5) == "rq"
    assert keys(7, None) == "srq"
    assert keys(1, 2, filter_="id lt 'x'") == "vu"
    assert keys(1, 2, descending=False) == "rs"
    assert count_rows(relation, None) == 10
