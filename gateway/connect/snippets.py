"""Snippets of code with the caller's URL in them, to paste into a script or an editor.

The key is read from the environment, so that no snippet that is passed on holds one.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.connect.analysis import Incremental
from gateway.connect.power_query import Step, read_set, within_range, write_query
from gateway.edm.model import EntitySet, Schema

_PYTHON = """\
# {label}
import base64
import io
import os
import urllib.request

import pyarrow.parquet

key = os.environ.get("SKILLHABIT_KEY", "")
request = urllib.request.Request({parquet})
if key:
    credentials = base64.b64encode(f"any:{{key}}".encode()).decode()
    request.add_header("Authorization", f"Basic {{credentials}}")
with urllib.request.urlopen(request) as answer:
    table = pyarrow.parquet.read_table(io.BytesIO(answer.read()))
print(table.num_rows, "rows")  # table.to_pandas() is a data frame
"""
_R = """\
# {label}
library(httr2)

answer <- request({csv})
key <- Sys.getenv("SKILLHABIT_KEY")
if (nzchar(key)) answer <- req_auth_basic(answer, "any", key)
rows <- read.csv(text = resp_body_string(req_perform(answer)))
"""
_CURL = """\
# {label}
curl --fail --user "any:$SKILLHABIT_KEY" --output {name}.csv {quoted}
"""


_TABLEAU = """\
1. Connect, To a Server, OData.
2. Server: {root}
3. Authentication: Username and Password (any user name, the access key as password), or None for
   a gateway without a key. Sign In.
4. Drag a table to the canvas. Tableau makes an extract of it; times are UTC.
"""


@dataclass(frozen=True, slots=True)
class Snippet:
    """`language` is python, r, shell, m, or steps for a person to take.

    `table` is the entity set that it reads, empty when it reads whichever.
    """

    language: str
    table: str
    title: str
    text: str


def write_snippets(root: str, schema: Schema, incremental: Incremental) -> tuple[Snippet, ...]:
    """All snippets for what the caller sees, table by table."""
    found = (s for each in schema.entity_sets for s in _of_set(root, each, incremental))
    return (Snippet("steps", "", "Tableau", _TABLEAU.format(root=root)), *found)


def _of_set(root: str, entity_set: EntitySet, incremental: Incremental) -> Iterator[Snippet]:
    name = entity_set.name
    words = _words(root, entity_set)
    yield Snippet("m", name, "Power Query: Power BI, Excel", write_query(read_set(root, name)))
    if name == incremental.set:
        query = write_query(_in_parts(root, incremental))
        yield Snippet("m", name, "Power BI: incremental refresh", query)
    yield Snippet("python", name, "Python", _PYTHON.format(**words))
    yield Snippet("r", name, "R", _R.format(**words))
    yield Snippet("shell", name, "curl", _CURL.format(**words))


def _words(root: str, entity_set: EntitySet) -> dict[str, str]:
    """What the snippets are filled with; a text in JSON is one in Python and R, too."""
    csv = f"{root}{entity_set.name}?$format=text/csv"
    return {
        "name": entity_set.name,
        "label": " ".join(entity_set.label.split()),
        "parquet": json.dumps(f"{root}{entity_set.name}?$format=parquet"),
        "csv": json.dumps(csv),
        "quoted": shlex.quote(csv),
    }


def _in_parts(root: str, incremental: Incremental) -> tuple[Step, ...]:
    steps = read_set(root, incremental.set)
    return (*steps, within_range(steps[-1].name, incremental.day))
