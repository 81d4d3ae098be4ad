"""Computed Doubles say their type, at every level of metadata that says types at all.

Microsoft's reader, the one inside Power Query, takes a number that no model declares for a Decimal.
Where its program is present, it reads each answer and must see the numbers that are in it.
"""

from __future__ import annotations

import base64
import json
import math
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.live import Bridge, shared_folder

QUERIES = (
    "Results?$top=3&$compute=progress mul 1e300 as x&$select=id,x",
    "Results?$top=3&$compute=progress divby 0 as x,progress divby 3 as y,0 divby 0e0 as z",
    "Results?$top=3&$compute=cast('1e308',Edm.Double) as x&$select=id,x",
    "Results?$top=3&$compute=case(progress gt 50:1.5e0,true:null) as x&$select=id,x",
    "Results?$apply=groupby((state),aggregate(progress with average as mean))",
    "Results?$apply=groupby((rollup(state,region)),aggregate(progress with sum as x))",
    "Results?$apply=aggregate(progress with sum as progress,progress with max as most)",
    "Results?$apply=concat(aggregate(progress with max as x),topcount(2,progress))",
    "Results?$apply=compute(progress mul 1e200 as x)/topcount(2,x)&$compute=x div 7.0e0 as y",
    "Users?$top=2&$expand=results($compute=progress div 3.0e0 as y;$select=id,y;$top=3)",
    "Users?$top=2&$expand=results($expand=content($compute=1e0 divby 0 as y);$top=1)",
)
LEVELS = ("minimal", "full")


def answers(live: Bridge, query: str) -> Iterator[tuple[dict[str, str], Any]]:
    for version in ("4.0", "4.01"):
        for level in LEVELS:
            for ieee in ("false", "true"):
                for prefer in ("", "omit-values=nulls"):
                    accept = f"application/json;odata.metadata={level};IEEE754Compatible={ieee}"
                    headers = {"Accept": accept, "OData-MaxVersion": version, "Prefer": prefer}
                    yield headers, live.get(quote(query, safe="$=&,()?/;:'"), headers)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from objects(inner)


@pytest.fixture(scope="module")
def declared(live: Bridge) -> set[str]:
    """All names of the model's own properties."""
    model = live.get("$metadata?$format=json").json()["Skillhabit"]
    types = (v for v in model.values() if isinstance(v, dict) and v.get("$Kind") == "EntityType")
    return {name for type_ in types for name in type_ if not name.startswith(("$", "@"))}


@pytest.mark.parametrize("query", QUERIES)
def test_every_computed_double_says_its_type(live: Bridge, declared: set[str], query: str) -> None:
    seen = 0
    for headers, answer in answers(live, query):
        assert answer.status_code == 200, answer.text
        older = headers["OData-MaxVersion"] == "4.0"
        suffix, wanted = ("@odata.type", "#Double") if older else ("@type", "Double")
        for row in objects(answer.json()["value"]):
            for name, value in row.items():
                is_double = isinstance(value, float) or value in ("INF", "-INF", "NaN")
                if "@" in name or name in declared or not is_double:
                    continue
                seen += 1
                assert row[name + suffix] == wanted, row
                names = list(row)
                assert names.index(name) == names.index(name + suffix) + 1
    assert seen


@pytest.mark.parametrize("query", QUERIES)
def test_without_metadata_there_are_no_types(live: Bridge, query: str) -> None:
    answer = live.get(
        quote(query, safe="$=&,()?/;:'"), {"Accept": "application/json;odata.metadata=none"}
    )
    assert answer.status_code == 200
    assert "type" not in "".join(
        n for row in objects(answer.json()["value"]) for n in row if "@" in n
    )


def test_a_text_that_looks_like_a_type_stays(live: Bridge) -> None:
    """No text of a row is cut, whatever it is."""
    text = '"x@odata.type":null,'
    query = f"Results?$top=1&$compute='{text}' as t,progress mul 2.0e0 as x&$select=t,x"
    [row] = live.get(quote(query, safe="$=&,()?/;:'@")).json()["value"]
    assert row["t"] == text


@pytest.fixture(scope="module")
def reader() -> Path:
    folder = shared_folder()
    program = (folder or Path()) / "tools" / "odata-reader"
    if folder is None or not program.is_file():
        pytest.skip("Microsoft's reader is not beside the checkout")
    return program


def test_microsofts_reader_sees_the_numbers(live: Bridge, reader: Path) -> None:
    lines: list[dict[str, Any]] = [{"model": live.get("$metadata").text, "version": "4.0"}]
    truth: list[Any] = []
    for query in QUERIES:
        for _, answer in answers(live, query):
            truth.append(answer.json()["value"])
            body = base64.b64encode(answer.content).decode()
            lines.append(
                {"id": len(truth), "root": live.root, "url": str(answer.request.url)}
                | {"status": 200, "headers": dict(answer.headers), "body": body}
            )
    sent = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([reader], input=sent, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(lines)
    for answer, rows in zip(found[1:], truth, strict=True):
        assert answer["ok"], answer
        for read, row in zip(answer["read"]["rows"], rows, strict=True):
            for name, value in row.items():
                if isinstance(value, float):
                    assert math.isclose(_number(read[name]), value), (name, read, row)


def _number(value: Any) -> float:
    return float(value["decimal"] if isinstance(value, dict) else value)
