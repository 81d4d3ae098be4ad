"""Snippets are run as they are, against the gateway that gave them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from base64 import b64encode
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.queries import KEY_VARIABLE
from gateway.connect.analysis import load_analysis
from gateway.connect.snippets import write_snippets
from gateway.contract.loader import built_in_contract, load_contract
from gateway.sandbox import Dataset
from tests.connect.m_reader import read_m
from tests.support.live import bridge
from tests.tenancy.support import House

KEY = "a key with 'quotes' and a $"


def snippets_of(answer: Any) -> dict[tuple[str, str], str]:
    """By language and table; of several in one language the last."""
    return {(s["language"], s["table"]): s["text"] for s in answer.json()["snippets"]}


def run(command: list[str], folder: Path, key: str = "") -> str:
    environment = {**os.environ, KEY_VARIABLE: key}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_snippets_for_every_table(gateway: House) -> None:
    answer = gateway.ask("/connect/snippets.json")
    names = {each["name"] for each in gateway.odata("").json()["value"]}
    found = snippets_of(answer)
    assert {table for _, table in found} == names
    assert {language for language, _ in found} == {"m", "python", "r", "shell"}
    for name in answer.json()["files"]:
        assert gateway.ask(f"/connect/{name}").status_code == 200


@pytest.mark.parametrize("key", ["", KEY])
def test_python_and_curl_read_all_rows(tmp_path: Path, dataset: Dataset, key: str) -> None:
    settings = {}
    if key:
        (tmp_path / "key").write_text(key, "utf-8")
        settings = {"access_key_file": str(tmp_path / "key")}
    with bridge(dataset, settings=settings) as served:
        url = f"{served.root.removesuffix('odata/v4/')}connect/snippets.json"
        snippets = snippets_of(served.client.get(url, auth=("any", key)))
        script = tmp_path / "read.py"
        script.write_text(snippets["python", "Results"], "utf-8")
        output = run([sys.executable, "-W", "error", str(script)], tmp_path, key)
        assert output == "2000 rows\n"
        if shutil.which("curl") is None:
            pytest.skip("curl is not installed")
        run(["/bin/sh", "-c", snippets["shell", "Contents"]], tmp_path, key)
        with_curl = (tmp_path / "Contents.csv").read_text("utf-8").splitlines()
        assert len(with_curl) - 1 == int(served.get("Contents/$count", _basic(key)).text)


def _basic(key: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'any:{key}'.encode()).decode()}"}


def test_the_query_for_incremental_refresh_reads_one_partition(gateway: House) -> None:
    query = read_m(snippets_of(gateway.ask("/connect/snippets.json"))["m", "ResultRows"])
    assert query.table == "ResultRows"
    assert query.steps["Partition"] == (
        "Table.SelectRows(Rows, each [partitionDay] >= DateTimeZone.From(RangeStart)"
        " and [partitionDay] < DateTimeZone.From(RangeEnd))"
    )
    rows = gateway.odata("ResultRows?$select=partitionDay&$top=1").json()["value"]
    assert rows[0]["partitionDay"].endswith("Z")


@pytest.mark.parametrize("role", ["no-days", "totals"])
def test_who_does_not_see_the_days_gets_no_incremental_refresh(gateway: House, role: str) -> None:
    for path in ("/connect/snippets.json", "/connect"):
        assert "RangeStart" in gateway.ask(path).text
        assert "RangeStart" not in gateway.ask(path, f"default/{role}").text


def test_the_page_shows_the_same_code(gateway: House) -> None:
    snippets = snippets_of(gateway.ask("/connect/snippets.json"))
    page = unescape(gateway.ask("/connect?table=Users").text)
    for language in ("m", "python", "r", "shell"):
        assert snippets[language, "Users"] in page
        assert snippets[language, "Contents"] not in page
    assert snippets["shell", "Results"] in unescape(gateway.ask("/connect").text)
    assert snippets["m", "ResultRows"] in page  # that of incremental refresh


def test_a_table_that_does_not_exist_is_refused_with_the_nearest_name(gateway: House) -> None:
    response = gateway.ask("/connect?table=Contets")
    assert response.status_code == 404
    assert "did you mean Contents?" in unescape(response.text)
    hidden = gateway.ask("/connect?table=Contents", "default/totals")
    assert (hidden.status_code, "mean Contents" in hidden.text) == (404, False)


def test_texts_are_quoted_as_each_language_wants_it() -> None:
    """A proxy may be mounted below a path that has quotes in it."""
    schema = load_contract(built_in_contract()).schema
    root = "https://bi.example.com/o'brien&$x/odata/v4/"
    incremental = load_analysis().incremental
    for snippet in write_snippets(root, schema, incremental):
        if snippet.language == "python":
            compile(snippet.text, snippet.table, "exec")
        if snippet.language == "shell":
            script = snippet.text.replace("curl ", "printf '%s\\n' ")
            told = run(["/bin/sh", "-c", script], Path.cwd()).splitlines()
            assert told[-1] == f"{root}{snippet.table}?$format=text/csv"
        if snippet.language == "m":
            assert read_m(snippet.text).root == root
