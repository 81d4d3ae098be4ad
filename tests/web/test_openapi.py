"""The service against its own description: schemathesis makes requests from `/openapi.json`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.examples import sparse
from tests.support.live import Bridge

CONFIGURATION = """
[checks]
# 501 is the right answer to legal OData that this service does not evaluate (Protocol 9.3.1).
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "501"]

# What may stand in $filter is a language, which a JSON schema cannot describe: most texts that fit
# the schema are rightly refused. Nor can a schema say that ids differ and dependencies point back.
# All other checks stay on here, and this one on the other paths.
[[operations]]
include-path-regex = "^/odata/v4/([A-Za-z]+(/[$](count|ref|query))?|[$]batch)$"
checks.positive_data_acceptance.enabled = false
"""


@pytest.mark.parametrize("examples", sparse([4, 25]))
def test_the_service_keeps_what_its_description_promises(
    live: Bridge, tmp_path: Path, examples: int
) -> None:
    """All checks: status codes, media types, schemas, refusal of bad data, unsupported methods."""
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION, "utf-8")
    url = live.root.replace("odata/v4/", "openapi.json")
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "run",
        url,
        f"--max-examples={examples}",
        "--seed=1",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    assert "101 selected / 101 total" in done.stdout


def test_the_description_names_every_column_and_option(live: Bridge) -> None:
    description = live.client.get(live.root.replace("odata/v4/", "openapi.json")).json()
    row = live.get("Results?$top=1").json()["value"][0]
    assert list(description["components"]["schemas"]["Result"]["properties"]) == list(row)
    options = {p["name"]: p for p in description["paths"]["/odata/v4/Results"]["get"]["parameters"]}
    assert set(options) == {
        *("$filter", "$orderby", "$top", "$skip", "$count", "$select", "$compute", "$search"),
        *("$expand", "$apply"),
    }
    assert options["$expand"]["schema"]["items"]["enum"] == ["user", "content"]
    assert "/odata/v4/Users('{id}')/results" in description["paths"]
    assert set(row) <= set(options["$select"]["schema"]["items"]["enum"])
