"""Code snippets with the caller's URL, to paste into a script or an editor.

Snippets read the key from the environment, so they can be shared safely.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from gateway.connect.analysis import Incremental
from gateway.connect.power_query import read_set, within_range, write_query
from gateway.edm.model import EntitySet, Schema

_PYTHON = """\
# {label}
import base64
import io
import os
import urllib.request

import pyarrow.parquet

key = os.environ.get("SKILLHABIT_ODATA_KEY", "")
request = urllib.request.Request({parquet})
if key:
    credentials = base64.b64encode(f"any:{{key}}".encode()).decode()
    request.add_header("Authorization", f"Basic {{credentials}}")
with urllib.request.urlopen(request) as response:
    table = pyarrow.parquet.read_table(io.BytesIO(response.read()))
print(table.num_rows, "rows")  # table.to_pandas() is a data frame
"""
_R = """\
# {label}
library(httr2)

query <- request({csv})
key <- Sys.getenv("SKILLHABIT_ODATA_KEY")
if (nzchar(key)) query <- req_auth_basic(query, "any", key)
rows <- read.csv(text = resp_body_string(req_perform(query)))
"""
_CURL = """\
# {label}
curl --fail --user "any:$SKILLHABIT_ODATA_KEY" --output {name}.csv {quoted}
"""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A snippet; `language` is m, python, r or shell, `table` is the entity set that it reads."""

    language: str
    table: str
    title: str
    text: str


def write_snippets(root: str, schema: Schema, incremental: Incremental) -> tuple[Snippet, ...]:
    """Return all snippets for the caller's tables, table by table."""
    found = (snippet for each in schema.entity_sets for snippet in snippets_of(root, each))
    refresh = refresh_snippet(root, schema, incremental)
    return (*found, refresh) if refresh else tuple(found)


def snippets_of(root: str, entity_set: EntitySet) -> tuple[Snippet, ...]:
    """Return the snippets that read one table."""
    name, values = entity_set.name, _values(root, entity_set)
    query = write_query(read_set(root, name))
    return (
        Snippet("m", name, "Power Query: Power BI, Excel", query),
        Snippet("python", name, "Python", _PYTHON.format(**values)),
        Snippet("r", name, "R", _R.format(**values)),
        Snippet("shell", name, "curl", _CURL.format(**values)),
    )


def refresh_snippet(root: str, schema: Schema, incremental: Incremental) -> Snippet | None:
    """Return the snippet for incremental refresh, or None if its table or column is hidden."""
    entity_set = schema.find_set(incremental.set)
    if entity_set is None or entity_set.entity_type.find(incremental.day) is None:
        return None
    steps = read_set(root, incremental.set)
    query = write_query((*steps, within_range(steps[-1].name, incremental.day)))
    return Snippet("m", incremental.set, "Power BI: incremental refresh", query)


def _values(root: str, entity_set: EntitySet) -> dict[str, str]:
    """Return the values for the templates; a JSON text literal is also valid in Python and R."""
    csv = f"{root}{entity_set.name}?$format=text/csv"
    return {
        "name": entity_set.name,
        "label": " ".join(entity_set.label.split()),
        "parquet": json.dumps(f"{root}{entity_set.name}?$format=parquet"),
        "csv": json.dumps(csv),
        "quoted": shlex.quote(csv),
    }
