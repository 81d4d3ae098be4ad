"""Whole collections as CSV, Arrow and Parquet, read back by readers that know no OData."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.errors import LimitExceeded
from gateway.sandbox import Dataset, generate
from gateway.service.export_file import MAX_APPLY_ROWS, check_apply_rows
from tests.support.flat import COLUMNS, INSTANTS, FlatRow
from tests.support.live import Bridge, bridge
from tests.support.wire import WireAnswer
from tests.web.conftest import Ask

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
FORMATS = ("csv", "text/csv", "arrow", "parquet")
QUERIES = (
    "",
    "$top=3",
    "$top=0",
    "$skip=1990",
    "$filter=state eq 'FAILED'",
    "$filter=contains(contentName,'a')&$orderby=userName desc,id&$skip=5&$top=700",
    "$filter=state eq 'NO_SUCH_STATE'",
    "$filter=state eq 'FAILED' and state eq 'EXPIRED'",
    "$orderby=length(userName),updatedAt&$select=userName,id",
    "$orderby=updatedAt desc&$top=4",
    "$select=groupIds,updatedAt,progress",
    "top=2&select=id",
)


def target(query: str, format_: str) -> str:
    return f"Results?{quote(query, safe='$=&,()')}&$format={format_}".replace("?&", "?")


def from_csv(answer: WireAnswer) -> list[dict[str, Any]]:
    """The rows as the csv module reads them, typed by hand; nothing and empty text are alike."""
    text = answer.body.decode("utf-8-sig")
    return [
        {name: _typed(name, value) for name, value in row.items()}
        for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)
    ]


def _typed(name: str, text: str) -> object:
    if name == "progress":
        return float(text) if text else None
    return json.loads(text) if name == "groupIds" else text or None


def from_arrow(body: bytes) -> pa.Table:
    with pa.ipc.open_stream(body) as reader:
        return reader.read_all()


def from_parquet(body: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(body))


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the JSON feed as CSV can say them: no text is the same as an empty text."""
    return [{name: None if value == "" else value for name, value in row.items()} for row in rows]


def feed(live: Bridge, query: str) -> list[dict[str, Any]]:
    rows = live.feed(f"Results?{quote(query, safe='$=&,()')}")
    return [{n: v for n, v in row.items() if not n.startswith("@")} for row in rows]


@pytest.mark.parametrize("query", QUERIES)
def test_csv_has_the_rows_of_the_feed(live: Bridge, ask: Ask, query: str) -> None:
    answer = ask(target(query, "text/csv"))
    assert answer.status == 200, answer.text
    assert from_csv(answer) == plain(feed(live, query))


@pytest.mark.parametrize("query", QUERIES)
def test_arrow_and_parquet_have_the_rows_of_the_feed(live: Bridge, ask: Ask, query: str) -> None:
    expected = feed(live, query)
    for table in (
        from_arrow(ask(target(query, "arrow")).body),
        from_parquet(ask(target(query, "parquet")).body),
    ):
        for name in set(INSTANTS) & set(table.column_names):
            texts = [row[name] for row in expected]
            found = table.column(name).to_pylist()
            assert found == pa.array(texts).cast(pa.timestamp("us", "UTC")).to_pylist()
        others = [name for name in table.column_names if name not in INSTANTS]
        assert table.select(others).to_pylist() == [{n: row[n] for n in others} for row in expected]


COMPUTED = (
    "$compute=progress div 8 as part,tolower(userName) as lower&$select=id,part,lower",
    "$compute=length(userName) as n&$filter=n gt 8&$orderby=n desc,id&$select=n,id&$top=50",
    "$search=safety&$select=id,contentName",
    "$apply=groupby((state,contentType),aggregate($count as n,progress with average as mean))",
    "$apply=groupby((rollup(region,department)),aggregate(progress with max as most))",
    "$apply=aggregate($count as n)",
    "$apply=filter(state eq 'FAILED' and state eq 'EXPIRED')/aggregate($count as n)",
    "$apply=filter(state eq 'FAILED' and state eq 'EXPIRED')/groupby((region))",
    "$apply=groupby((state))&$top=0",
    "$apply=groupby((userId),aggregate($count as n))&$orderby=n desc,userId&$skip=3&$top=20",
    "$apply=topcount(30,progress)&$select=id,progress",
    "$apply=compute(progress div 2 as half)&$compute=half add 1 as more&$select=id,half,more",
)


@pytest.mark.parametrize("query", COMPUTED)
def test_what_is_made_of_rows_is_the_same_in_every_format(
    live: Bridge, ask: Ask, query: str
) -> None:
    expected = feed(live, query)
    answers = {format_: ask(target(query, format_)) for format_ in ("arrow", "parquet")}
    tables = from_arrow(answers["arrow"].body), from_parquet(answers["parquet"].body)
    for table in tables:
        rows = table.to_pylist()
        assert len(rows) == len(expected)
        for row, wanted in zip(rows, expected, strict=True):
            assert row == {name: wanted.get(name) for name in table.column_names}
    text = ask(target(query, "text/csv")).body.decode()
    lines = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    for line, wanted in zip(lines, expected, strict=True):
        for name, value in line.items():
            same = wanted.get(name)
            number = isinstance(same, int | float)
            assert (float(value) == same) if number else (value == (same or ""))


def test_computed_values_of_every_kind(ask: Ask) -> None:
    """Days, times, durations and what is no number; Parquet has no durations, so they are text."""
    computed = (
        "date(updatedAt) as day,time(updatedAt) as clock,updatedAt sub startedAt as took,"
        "progress divby 0 as huge,updatedAt add duration'PT1S' as later,progress gt 1 as some"
    )
    names = "day,clock,took,huge,later,some"
    where = "$filter=startedAt ne null and progress gt 0&$top=1"
    query = f"$compute={computed}&{where}&$select={names}"
    [json_row] = ask(f"Results?{quote(query, safe='$=&,()')}").json()["value"]
    [row] = from_parquet(ask(target(query, "parquet")).body).to_pylist()
    assert from_arrow(ask(target(query, "arrow")).body).to_pylist() == [row]
    assert (row["day"].isoformat(), row["took"]) == (json_row["day"], json_row["took"])
    assert (row["huge"], json_row["huge"]) == (float("inf"), "INF")
    assert row["later"].tzinfo is not None
    assert row["some"] is True
    head, line, _ = ask(target(query, "text/csv")).text.split("\r\n")
    assert head == names
    assert f'"{json_row["took"]}"' in line
    assert f'"{json_row["later"]}"' in line


def test_a_value_that_does_not_exist_fails_before_the_file_begins(ask: Ask) -> None:
    """In the last row of many too: all are computed before the first is sent."""
    for format_ in FORMATS:
        query = "$compute=1 div (length(userName) sub length(userName)) as x&$select=id,x"
        answer = ask(target(query, format_))
        assert answer.status == 400
        assert answer.json()["error"]["code"] == "InvalidValue"


def test_more_made_rows_than_fit_are_refused_by_name() -> None:
    """What $apply makes is held as a whole; JSON comes in pages and has no such limit."""
    row = pa.table({"a": pa.nulls(MAX_APPLY_ROWS, pa.int64())})
    assert check_apply_rows(row) is row
    with pytest.raises(LimitExceeded, match="JSON") as refused:
        check_apply_rows(pa.table({"a": pa.nulls(MAX_APPLY_ROWS + 1, pa.int64())}))
    assert refused.value.target == "$apply"


def test_the_columns_are_typed(ask: Ask, expected_rows: list[FlatRow]) -> None:
    for table in (
        from_arrow(ask("Results?$format=arrow").body),
        from_parquet(ask("Results?$format=parquet").body),
    ):
        assert tuple(table.column_names) == COLUMNS
        assert table.schema.field("updatedAt").type == pa.timestamp("us", "UTC")
        assert table.schema.field("progress").type == pa.float64()
        assert table.schema.field("groupIds").type.value_type == pa.string()
        assert not table.schema.field("id").nullable
        assert table.schema.field("expiryDate").nullable
        assert table.to_pylist() == expected_rows


def test_duckdb_reads_the_files(ask: Ask, expected_rows: list[FlatRow], tmp_path: Path) -> None:
    """Another reader; it tells an empty text in quotes from null."""
    csv_file, parquet_file = tmp_path / "a.csv", tmp_path / "a.parquet"
    csv_file.write_bytes(ask("Results?$format=text/csv").body)
    parquet_file.write_bytes(ask("Results?$format=parquet").body)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        names = "id, userName, department, progress, epoch_us(updatedAt)"
        read_csv = f"read_csv('{csv_file}', allow_quoted_nulls=false)"
        as_csv = connection.execute(f"SELECT {names} FROM {read_csv}").fetchall()
        as_parquet = connection.execute(f"SELECT {names} FROM '{parquet_file}'").fetchall()
    wanted = [
        (*(row[n] for n in ("id", "userName", "department", "progress")), micros(row["updatedAt"]))
        for row in expected_rows
    ]
    assert any(row[2] == "" for row in wanted)
    assert any(row[2] is None for row in wanted)
    assert as_csv == as_parquet == wanted


def micros(instant: datetime) -> int:
    return round(instant.timestamp() * 1000) * 1000


# --- CSV (RFC 4180) -------------------------------------------------------------------------------


def test_csv_is_what_the_rfc_says(ask: Ask) -> None:
    answer = ask("Results?$format=text/csv&$top=2&$select=id,progress,expiryDate,groupIds")
    assert answer.header("Content-Type") == "text/csv;charset=utf-8;header=present"
    lines = answer.body.split(b"\r\n")
    assert lines[0] == b"id,progress,expiryDate,groupIds"
    assert len(lines) == 4
    assert lines[-1] == b""
    assert answer.body.count(b"\n") == answer.body.count(b"\r\n")


def test_an_empty_result_is_a_header(ask: Ask) -> None:
    for query in ("$top=0", "$filter=state eq 'FAILED' and userName eq 'nobody at all'"):
        answer = ask(target(f"{query}&$select=id,state", "text/csv"))
        assert answer.body == b"id,state\r\n"


WIDE = ("\uff1d1", "\uff0b1", "\uff0d1", "\uff20x")  # = + - @ as East Asian keyboards type them
HARMFUL = ("=1+1", "+49 30 1", "-5", "@SUM(A1)", "\tx", "\rx", "\nx", *WIDE)
HARMLESS = ("", "a=1", "'=1", " =1", '"=1', "1-2", "Ünal", "😀", "x\r\n=1")


@pytest.fixture(scope="module")
def awkward(dataset: Dataset) -> Any:
    """A gateway over rows whose users' names are traps."""
    rows: list[Any] = list(dataset.to_rows()[: len(HARMFUL + HARMLESS)])
    named = [
        {**row, "user": {**row["user"], "name": name}}
        for row, name in zip(rows, HARMFUL + HARMLESS, strict=True)
    ]
    with bridge(named) as gateway:
        yield gateway


def names_of(gateway: Bridge, format_: str) -> tuple[bytes, set[str]]:
    body = gateway.get(f"Results?$format={format_}&$select=userName").content
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    return body, {row[0] for row in rows[1:]}


def test_csv_for_spreadsheets_is_marked_and_has_no_formulas(awkward: Bridge) -> None:
    """`$format=csv` is what a person opens in Excel: it reads UTF-8 only by its mark."""
    body, names = names_of(awkward, "csv")
    assert body.startswith(b"\xef\xbb\xbfuserName\r\n")
    assert names == {f"'{name}" for name in HARMFUL} | set(HARMLESS)


def test_csv_for_programs_is_exact(awkward: Bridge) -> None:
    body, names = names_of(awkward, "text/csv")
    assert body.startswith(b"userName\r\n")
    assert names == set(HARMFUL + HARMLESS)


# --- negotiation ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("text/csv", "text/csv"),
        ("text/csv;charset=utf-8", "text/csv"),
        ("text/csv; header=present", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv, */*;q=0.1", "text/csv"),
        ("application/json;q=0.5, text/csv", "text/csv"),
        (ARROW, ARROW),
        (PARQUET, PARQUET),
        (f"text/csv;q=0.3, {PARQUET};q=0.4", PARQUET),
        (f"{ARROW}, */*", ARROW),
        ("text/csv, application/json", "application/json"),
        ("text/csv;q=0.2, application/*;q=0.2", "text/csv"),
        ("text/csv;q=0.2, */*;q=0.3", "application/json"),
        ("text/csv;header=absent, */*;q=0.1", "application/json"),
        ("text/csv;q=0, text/*", "text/csv"),
    ],
)
def test_accept_chooses_the_file(ask: Ask, accept: str, media: str) -> None:
    answer = ask("Results?$top=1", [("Accept", accept)])
    assert (answer.header("Content-Type") or "").partition(";")[0] == media
    assert "Accept" in (answer.header("Vary") or "")


@pytest.mark.parametrize("path", ["", "Results('{key}')", "$metadata", "Results/$count"])
@pytest.mark.parametrize("format_", FORMATS)
def test_only_collections_are_files(ask: Ask, expected_key: str, path: str, format_: str) -> None:
    answer = ask(f"{path.format(key=expected_key)}?$format={format_}")
    assert answer.status == 406
    assert answer.json()["error"]["target"] == "$format"


@pytest.mark.parametrize(
    ("format_", "name"),
    [
        ("csv", "Results.csv"),
        ("text/csv", "Results.csv"),
        ("arrow", "Results.arrows"),
        ("parquet", "Results.parquet"),
    ],
)
def test_a_browser_saves_it_under_the_set_s_name(ask: Ask, format_: str, name: str) -> None:
    answer = ask(f"Results?$top=1&$format={format_}")
    assert answer.header("Content-Disposition") == f'attachment; filename="{name}"'
    assert answer.every("OData-Version") == ["4.0"]


# --- one answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", FORMATS)
def test_there_are_no_pages(ask: Ask, expected_rows: list[FlatRow], format_: str) -> None:
    headers = [("Prefer", "odata.maxpagesize=7, omit-values=nulls")]
    answer = ask(f"Results?$format={format_}&$select=id", headers)
    assert answer.header("Preference-Applied") is None
    body = answer.body
    match format_:
        case "arrow":
            keys = from_arrow(body).column("id").to_pylist()
        case "parquet":
            keys = from_parquet(body).column("id").to_pylist()
        case _:
            keys = [row["id"] for row in from_csv(answer)]
    assert keys == [row["id"] for row in expected_rows]


def test_a_file_of_many_parts_is_one_file() -> None:
    """Some 20,000 rows are read at once; the order is kept from one part to the next."""
    with bridge(generate(41_000)) as gateway:
        for query in ("", "$orderby=userName desc&$filter=progress gt 1"):
            expected = [row["id"] for row in feed(gateway, f"{query}&$select=id".lstrip("&"))]
            assert len(expected) > 20_000
            url = f"Results?{quote(query, safe='$=&')}&$select=id&$format="
            lines = csv.reader(io.StringIO(gateway.get(f"{url}text/csv").text, newline=""))
            assert [line[0] for line in lines] == ["id", *expected]
            for format_, read in (("arrow", from_arrow), ("parquet", from_parquet)):
                assert read(gateway.get(url + format_).content).column("id").to_pylist() == expected


def test_a_preview_costs_one_small_call_and_leaves_no_snapshot(dataset: Dataset) -> None:
    rows = [
        {**row, "updatedAt": f"2025-01-01T00:00:{second:02}.000Z"}
        for second, row in enumerate(dataset.to_rows()[:20])
    ]
    with bridge(rows) as gateway:
        answer = gateway.get("Results?$top=5&$format=text/csv")
        assert answer.text.count("\r\n") == 6
        request, *second_number = gateway.sandbox.received
        assert request.body["options"]["limit"] == 6
        assert all(call.body["options"]["limit"] <= 20 for call in second_number)
        assert "age" not in answer.headers
        asked = len(gateway.sandbox.received)
        gateway.get("Results?$top=5&$format=text/csv")
        assert len(gateway.sandbox.received) == asked + 1


def test_a_window_that_ends_in_a_tie_comes_from_a_snapshot(dataset: Dataset) -> None:
    rows = [{**row, "updatedAt": "2025-01-01T00:00:00.000Z"} for row in dataset.to_rows()[:20]]
    with bridge(rows) as gateway:
        lines = gateway.get("Results?$top=5&$format=text/csv&$select=id").text.split("\r\n")
        assert lines[1:-1] == [f'"{key}"' for key in sorted(str(row["id"]) for row in rows)[:5]]


@pytest.mark.parametrize("format_", FORMATS)
def test_head_tells_what_get_would(ask: Ask, format_: str) -> None:
    whole, head = (ask(f"Results?$format={format_}", method=m) for m in ("GET", "HEAD"))
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Type", "ETag", "Content-Disposition", "Vary", "OData-Version"):
        assert head.header(name) == whole.header(name) is not None


def test_a_file_that_the_client_has_is_not_sent_again(ask: Ask) -> None:
    tags = [ask(f"Results?$format={f}&$filter=length(id) gt 0".replace(" ", "%20")).header("ETag")
            for f in FORMATS]  # fmt: skip
    assert len(set(tags)) == len(FORMATS)
    for format_, tag in zip(FORMATS, tags, strict=True):
        link = f"Results?$format={format_}&$filter=length(id)%20gt%200"
        for known in (str(tag), "*"):
            answer = ask(link, [("If-None-Match", known)])
            assert (answer.status, answer.body, answer.header("ETag")) == (304, b"", tag)
        assert ask(link, [("If-None-Match", '"other"')]).status == 200


def test_text_is_compressed_and_the_rest_is_not(ask: Ask) -> None:
    headers = [("Accept-Encoding", "gzip, deflate")]
    packed = ask("Results?$format=text/csv", headers)
    assert packed.header("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == ask("Results?$format=text/csv").body
    assert len(packed.body) < len(gzip.decompress(packed.body)) / 2
    for format_ in ("arrow", "parquet"):
        assert ask(f"Results?$format={format_}", headers).header("Content-Encoding") is None
    head = ask("Results?$format=csv", headers, method="HEAD")
    assert (head.header("Content-Encoding"), head.body) == ("gzip", b"")


# --- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "status", "about"),
    [
        ("$filter=nosuch eq 1", 400, "UnknownName"),
        ("$filter=state eq", 400, "InvalidSyntax"),
        ("$count=true", 400, "OptionNotAllowed"),
        ("$skiptoken=abc", 400, "OptionNotAllowed"),
        ("$expand=user", 400, "OptionNotAllowed"),
        ("$select=id,user", 400, "OptionNotAllowed"),
        ("$select=groupIds($top=1)", 400, "OptionNotAllowed"),
        ("$filter=length(userName) div (length(userName) sub length(userName)) eq 1", 400,
         "InvalidValue"),
        ("$orderby=1 div (length(id) sub length(id))", 400, "InvalidValue"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("format_", FORMATS)
def test_errors_stay_json(ask: Ask, query: str, status: int, about: str, format_: str) -> None:
    answer = ask(target(query, format_))
    assert answer.status == status, answer.body[:300]
    assert answer.header("Content-Type") == "application/json"
    assert answer.json()["error"]["code"] == about


def test_a_count_of_false_asks_for_nothing(ask: Ask) -> None:
    assert ask("Results?$count=false&$top=1&$format=csv").status == 200


def test_no_file_is_begun_when_the_upstream_fails(dataset: Dataset) -> None:
    with bridge(dataset, settings={"retry_budget": 0}) as gateway:
        gateway.sandbox.faults.error_next = 100
        answer = gateway.get("Results?$format=csv")
        assert answer.status_code in (502, 503)
        assert answer.json()["error"]["code"].startswith("Upstream")
