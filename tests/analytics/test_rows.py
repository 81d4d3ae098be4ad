"""Pages as columns: any contract, any answer that fits, and clear words about one that does not."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given

from gateway.analytics.read.page import PageReader
from gateway.analytics.read.strange_values import Oddity, Reason
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Column, Contract, ValuesFilter
from gateway.contract.texts import text_of
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import ConfigurationProblem, UpstreamBrokeContract
from gateway.sandbox import Dataset, generate
from tests.analytics.flattening import ID, Case, cases
from tests.analytics.small_contract import small_contract
from tests.support.examples import examples


def read(contract: Contract, answer: object) -> dict[str, list[Any]]:
    body = json.dumps(answer).encode()
    found: dict[str, list[Any]] = PageReader(contract).read(body).rows.to_pydict()
    return {
        name: values for name, values in found.items() if name != "id" or ID not in contract.columns
    }


@examples(150, suppress=[HealthCheck.too_slow])
@given(cases())
def test_any_answer_is_flattened_as_plain_python_would(case: Case) -> None:
    assert read(case.contract, case.answer) == {n: v for n, v in case.columns.items() if n != "id"}


@examples(150, suppress=[HealthCheck.too_slow])
@given(cases())
def test_repeated_objects_are_flattened_as_all_others(case: Case) -> None:
    reader = PageReader(with_repeated(case.contract))
    body = json.dumps(case.answer).encode()
    for _ in range(2):  # the second time from memory
        assert reader.read(body).rows.to_pydict() == case.columns


def with_repeated(contract: Contract) -> Contract:
    """All objects of a row that can be called repeated."""
    names = {c.path[0] for c in contract.columns if c is not ID}
    for found in contract.columns:
        if len(found.path) == 1 or found.each == 0:
            names.discard(found.path[0])
    response = replace(contract.response, repeated=tuple(sorted(names)))
    return replace(contract, response=response)


def one_column(column: Column) -> Contract:
    return replace(small_contract(), columns=(column, ID))


def column(kind: PrimitiveType, *path: str, **facts: Any) -> Column:
    nullable, values = facts.pop("nullable", True), facts.pop("values", ())
    closed = facts.pop("closed", True)
    collection = facts.get("each") is not None
    prop = Property(
        "c",
        kind,
        nullable=nullable,
        collection=collection,
        allowed_values=values if closed else (),
        known_values=values,
    )
    return Column(prop, path or ("x",), **facts)


def refusal(wanted: Column, row: object) -> str:
    with pytest.raises(UpstreamBrokeContract) as raised:
        read(one_column(wanted), {"rows": [row], "total": 1})
    return raised.value.message


P = PrimitiveType


@pytest.mark.parametrize(
    ("wanted", "row", "words"),
    [
        (column(P.BOOLEAN), {"x": "true"}, ["$.rows[0].x", "bool"]),
        (column(P.INT32), {"x": 1.5}, ["$.rows[0].x", "int"]),
        (column(P.INT32), {"x": 2**31}, ["x", "Edm.Int32", "`type`", "column c"]),
        (column(P.INT64), {"x": 2**63}, ["x", "Edm.Int64", "`type`", "column c"]),
        (column(P.DOUBLE), {"x": "1"}, ["$.rows[0].x", "float"]),
        (column(P.DATE_TIME_OFFSET), {"x": "yesterday"}, ["x", "Edm.DateTimeOffset", "`type`"]),
        (column(P.DATE_TIME_OFFSET), {"x": "2024-05-01T10:00:00"}, ["timezone", "`type`"]),
        (column(P.DATE_TIME_OFFSET), {"x": "2024-05-01"}, ["Edm.DateTimeOffset", "`type`"]),
        (column(P.DATE_TIME_OFFSET), {"x": 1714557600}, ["$.rows[0].x", "str"]),
        (
            column(P.DATE_TIME_OFFSET, nullable=False),
            {"x": "0001-01-01T00:00:00+05:00"},
            ["years 1 to 9999", "nullable = true"],
        ),
        (column(P.STRING), None, ["$.rows[0]", "object"]),
        (column(P.STRING), [], ["$.rows[0]", "object"]),
        (column(P.STRING, "user", "id"), {"user": "u"}, ["$.rows[0].user"]),
        (column(P.STRING, nullable=False), {"x": None}, ["null", "x", "nullable = true"]),
        (
            column(P.STRING, "user", "id", nullable=False),
            {"user": None},
            ["null", "user.id", "nullable = true", "column c"],
        ),
        (
            column(P.STRING, nullable=False, optional=True),
            {},
            ["null", "x", "nullable = true"],
        ),
        (column(P.STRING, values=("A", "B")), {"x": "C"}, ["value in x", "`values`", "column c"]),
        (column(P.STRING, "a", each=0), {"a": "b"}, ["$.rows[0].a", "array"]),
        (
            column(P.STRING, "a", each=0, values=("A",)),
            {"a": ["A", "B"]},
            ["value in a", "`values`"],
        ),
    ],
    ids=str,
)
def test_a_row_that_does_not_fit_is_refused_with_member_and_remedy(
    wanted: Column, row: object, words: list[str]
) -> None:
    message = refusal(wanted, row)
    assert [word for word in words if word not in message] == []
    with pytest.raises(UpstreamBrokeContract) as raised:
        read(with_repeated(one_column(wanted)), {"rows": [row], "total": 1})
    assert raised.value.message == message


FILTER = ValuesFilter("xs", True, 500)


REFUSED: list[tuple[Column, object]] = [
    (column(P.STRING, filter=FILTER), 1),
    (column(P.DOUBLE), "1"),
    (column(P.DOUBLE), True),
    (column(P.INT32), 2**31),
    (column(P.INT32), 1.5),
    (column(P.INT64), 2**63),
    (column(P.DATE_TIME_OFFSET), "yesterday"),
    (column(P.DATE_TIME_OFFSET), 5),
    (column(P.BOOLEAN), "true"),
    (column(P.INT32, "x", each=0), [1, 2**31]),
    (column(P.STRING, "x", "y", filter=FILTER), {"y": 1}),
    (column(P.DATE_TIME_OFFSET, "x", "y"), {"y": "never"}),
]


@pytest.mark.parametrize("number", [0, 1, 4])
@pytest.mark.parametrize(("wanted", "value"), REFUSED, ids=str)
def test_a_value_that_is_refused_is_told_with_the_id_of_its_row(
    wanted: Column, value: object, number: int
) -> None:
    """The id stands before the value or behind it, and the object may be a repeated one."""
    key = Column(Property("id", P.STRING, nullable=False), ("id",))
    contract = replace(small_contract(), columns=(key, wanted))
    rows: list[dict[str, object]] = [{"id": f"row-{n}", "x": None} for n in range(5)]
    for bad in ({"id": f"row-{number}", "x": value}, {"x": value, "id": f"row-{number}"}):
        rows[number] = bad
        for by in (contract, with_repeated(contract)):
            reader = PageReader(by)
            with pytest.raises(UpstreamBrokeContract) as raised:
                reader.read(json.dumps({"rows": rows, "total": 5}).encode())
            assert f"in the row 'row-{number}'" in raised.value.message
            assert not raised.value.message.endswith("'"), "the remedy comes last"
            assert "row-" not in raised.value.in_public().message


def test_a_row_without_an_id_that_can_be_read_is_told_by_its_place() -> None:
    message = refusal(column(P.STRING, filter=FILTER), {"x": 1})
    assert "$.rows[0].x" in message
    assert "in the row" not in message


@pytest.mark.parametrize("path", [("x",), ("user", "id")])
def test_a_text_that_is_filtered_by_is_never_made(path: tuple[str, ...]) -> None:
    """The upstream would be asked for the text, and might leave out the row with the number."""
    row: Any = {"x": 1} if len(path) == 1 else {"user": {"id": 1}}
    assert f"$.rows[0].{'.'.join(path)}" in refusal(column(P.STRING, *path, filter=FILTER), row)
    key = replace(one_column(column(P.STRING, *path)), key="c")
    with pytest.raises(UpstreamBrokeContract, match="str"):
        read(key, {"rows": [row], "total": 1})


R = Reason


@pytest.mark.parametrize(
    ("wanted", "row", "value", "reasons"),
    [
        (column(P.STRING), {"x": 1}, "1", [R.MADE_A_TEXT]),
        (column(P.STRING), {"x": {"y": [1.0]}}, '{"y":[1.0]}', [R.MADE_A_TEXT]),
        (column(P.STRING), {"x": False}, "false", [R.MADE_A_TEXT]),
        (column(P.STRING), {}, None, [R.ABSENT]),
        (column(P.STRING, "user", "id"), {"user": {}}, None, [R.ABSENT]),
        (column(P.STRING, "user", "id"), {}, None, [R.ABSENT]),
        (column(P.STRING, "user", "id"), {"user": None}, None, []),
        (column(P.STRING, "user", "id"), {"user": []}, None, [R.NOT_AN_OBJECT]),
        (column(P.STRING, values=("A",), closed=False), {"x": "B"}, "B", [R.NOT_LISTED]),
        (column(P.STRING, values=("A",), closed=False), {"x": None}, None, [R.NO_VALUE]),
        (column(P.STRING, "a", each=0), {"a": [1, "x"]}, ["1", "x"], []),
        (column(P.STRING, "a", each=0), {"a": [None, "x"]}, ["x"], [R.LEFT_OUT]),
        (column(P.STRING, "a", each=0), {"a": {}}, [], [R.NOT_A_LIST]),
        (column(P.STRING, "a", each=0), {}, [], [R.ABSENT]),
        (column(P.STRING, "a", "b", each=0), {"a": [{}]}, [None], [R.ABSENT]),
        (column(P.STRING, "a", "b", each=0), {"a": [None]}, [], [R.LEFT_OUT]),
        (
            column(P.STRING, "a", "b", each=0, nullable=False),
            {"a": [{"b": None}, {"b": "x"}]},
            ["x"],
            [R.LEFT_OUT],
        ),
        (
            column(P.STRING, "a", "b", "c", each=0, nullable=False),
            {"a": [{"b": None}]},
            [],
            [R.LEFT_OUT],
        ),
    ],
    ids=str,
)
def test_a_strange_row_is_kept_and_counted(
    wanted: Column, row: object, value: object, reasons: list[Reason]
) -> None:
    answer = {"rows": [{ID.path[0]: "r1", **(row if isinstance(row, dict) else {})}], "total": 1}
    for contract in (one_column(wanted), with_repeated(one_column(wanted))):
        page = PageReader(contract).read(json.dumps(answer).encode())
        assert page.rows.column("c").to_pylist() == [value]
        assert page.odd == {Oddity("c", reason): ["r1"] for reason in reasons}


@pytest.mark.parametrize("value", [3, True, ["a", 1], {"b": None}, 0.5, [], "text"])
def test_a_custom_field_of_any_type_becomes_a_stable_text(value: object) -> None:
    wanted = Column(Property("c", P.STRING), ("fields",), field_id="f")
    twice = [{"id": "f", "value": value}, {"id": "f", "value": "later"}, {"id": "g", "value": 9}]
    rows = [{"fields": twice}, {"fields": [{"name": "f"}, None]}, {"fields": {"f": 1}}]
    assert read(one_column(wanted), {"rows": rows, "total": 3}) == {
        "c": [text_of(value), None, None]
    }


@pytest.mark.parametrize("row", [{"x": None}, {}], ids=str)
@pytest.mark.parametrize("word", ["`key`", "`order_by`"])
def test_a_row_without_its_key_or_instant_is_refused_by_its_place(
    row: dict[str, object], word: str
) -> None:
    contract, is_key = one_column(column(P.STRING, nullable=False)), word == "`key`"
    contract = replace(contract, key="c") if is_key else replace(contract, order_column="c")
    rows = [{"x": "a"}, {"x": "b", ID.path[0]: "1"}, {ID.path[0]: "2", **row}]
    with pytest.raises(UpstreamBrokeContract) as raised:
        read(contract, {"rows": rows, "total": 3})
    assert "row 3 of a page" in raised.value.message
    assert word in raised.value.message
    assert raised.value.details == (() if is_key else ("the row's id is '2'",))


def test_an_object_may_be_absent_when_all_below_it_may() -> None:
    wanted = column(P.STRING, "certificate", "issuer", "name", optional=True)
    answer = {"rows": [{}, {"certificate": {}}, {"certificate": None}], "total": 3}
    assert read(one_column(wanted), answer) == {"c": [None, None, None]}


def test_a_member_that_no_row_has_is_named_unless_it_is_optional() -> None:
    contract = replace(
        small_contract(),
        columns=(column(P.STRING, "u", "a", optional=True), column(P.STRING, "u", "b"), ID),
    )
    renamed = (replace(contract.columns[1].prop, name="d"), contract.columns[1])
    contract = replace(
        contract, columns=(contract.columns[0], replace(renamed[1], prop=renamed[0]), ID)
    )
    assert PageReader(contract).read(b'{"rows":[{},{}],"total":2}').missing == ("d",)
    assert PageReader(contract).read(b'{"rows":[{},{"u":null}],"total":2}').missing == ()
    assert PageReader(contract).read(b'{"rows":[],"total":0}').missing == ()


@pytest.mark.parametrize(
    "body",
    [b'{"rows":[{"x":"\xff"}],"total":1}', b'{"y":' + b"[" * 99_999, b'{"rows":[{"x":"\\ud800"}]'],
)
def test_bytes_that_are_no_text_are_refused(body: bytes) -> None:
    with pytest.raises(UpstreamBrokeContract):
        PageReader(one_column(column(P.STRING))).read(body)


def test_an_envelope_that_is_null_is_refused() -> None:
    contract = one_column(column(P.STRING))
    nested = replace(contract, response=replace(contract.response, rows=("data", "rows")))
    with pytest.raises(UpstreamBrokeContract, match="null"):
        PageReader(nested).read(b'{"data":null,"total":0}')


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "new\nline", "\ud800"])
def test_a_member_name_that_cannot_be_decoded_is_a_configuration_problem(name: str) -> None:
    with pytest.raises(ConfigurationProblem, match="contract file"):
        PageReader(one_column(column(P.STRING, name)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (column(P.STRING, "a"), column(P.INT32, "a")),
        (column(P.STRING, "a"), column(P.STRING, "a", "b")),
        (column(P.STRING, "a", "b"), column(P.STRING, "a")),
        (column(P.STRING, "a", "b", each=0), column(P.STRING, "a", "b")),
        (column(P.STRING, "a", each=0), column(P.STRING, "a", "b", each=0)),
    ],
    ids=["types", "leaf-object", "object-leaf", "array-object", "values-objects"],
)
def test_columns_that_contradict_each_other_are_a_configuration_problem(
    one: Column, other: Column
) -> None:
    contract = replace(small_contract(), columns=(one, other, ID))
    with pytest.raises(ConfigurationProblem, match=r"contract file.*'a'"):
        PageReader(contract)


def test_two_columns_may_read_one_member() -> None:
    twin = column(P.STRING, "x", optional=True)
    contract = replace(
        small_contract(),
        columns=(column(P.STRING), replace(twin, prop=Property("d", P.STRING)), ID),
    )
    assert read(contract, {"rows": [{"x": "v"}], "total": 1}) == {"c": ["v"], "d": ["v"]}


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-02-29T23:59:59.999999Z", "2024-02-29T23:59:59.999999"),
        ("2024-02-29T23:59:59.1234567Z", "2024-02-29T23:59:59.123456"),
        ("2024-05-01t10:00:00z", "2024-05-01T10:00:00"),
        ("2024-05-01 10:00:00+02:00", "2024-05-01T08:00:00"),
        ("1969-12-31T23:59:59.5-00:30", "1970-01-01T00:29:59.500000"),
    ],
)
def test_instants_may_be_spelled_in_any_way_of_the_standard(text: str, instant: str) -> None:
    rows = [{"x": text}, {"x": "2024-01-01T00:00:00Z"}, {"x": None}]
    wanted = one_column(column(P.DATE_TIME_OFFSET))
    found = read(wanted, {"rows": rows, "total": 3})["c"]
    assert found[0].isoformat() == instant
    assert found[2] is None


def test_an_object_that_does_not_fit_is_not_remembered() -> None:
    reader = PageReader(with_repeated(one_column(column(P.INT32, "u", "n", nullable=False))))
    for value in ("null", '"x"', "2147483648"):
        for _ in range(2):
            with pytest.raises(UpstreamBrokeContract, match="n"):
                reader.read(b'{"rows":[{"u":{"n":7}},{"u":{"n":%b}}],"total":2}' % value.encode())
    assert reader.read(b'{"rows":[{"u":{"n":7}}],"total":1}').rows.column("c").to_pylist() == [7]


def test_what_is_remembered_is_bounded_and_pages_stay_right() -> None:
    """Objects of 3 MB: the sixth is beyond what is remembered."""
    reader = PageReader(with_repeated(one_column(column(P.STRING, "u", "n"))))
    for number in [*range(8), 0, 7]:
        name = str(number) * 3_000_000
        rows = [{"u": {"n": name}}, {"u": None}, {"u": {"n": name}}]
        body = json.dumps({"rows": rows, "total": 3}).encode()
        assert reader.read(body).rows.column("c").to_pylist() == [name, None, name]
    assert reader.remembered_bytes < 20_000_000


def test_a_page_of_the_sandbox_has_the_built_in_contract_s_columns() -> None:
    dataset, contract = generate(1_000), _built_in()
    page = PageReader(contract).read(b'{"total":1000,"results":%b}' % dataset.to_json())
    assert page.rows.num_rows == 1_000
    assert page.rows.column_names == [c.name for c in contract.columns]
    _print_speed(dataset, contract)


def _built_in() -> Contract:
    return load_contract(built_in_contract(), (("department", "cf_department"),))


def _print_speed(dataset: Dataset, contract: Contract) -> None:
    body, reader = b'{"total":1000,"results":%b}' % dataset.to_json(), PageReader(contract)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        reader.read(body)
        seconds.append(time.perf_counter() - started)
    print(f"a page of 1,000 rows: {min(seconds) * 1000:.1f} ms, Arrow {pa.__version__}")  # noqa: T201
