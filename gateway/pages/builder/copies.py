"""A query as code to copy into Power BI, a terminal or Python. The code never contains a key."""

from __future__ import annotations

import json
import shlex

from gateway.connect.power_query import QueryStep, text_literal, write_query

_KEY = "SKILLHABIT_ODATA_KEY"


def as_power_query(url: str) -> str:
    """Return a query for the advanced editor of Power BI and Excel.

    >>> print(as_power_query('http://h/odata/v4/Results'))
    let
        Source = OData.Feed("http://h/odata/v4/Results", null, [Implementation = "2.0"])
    in
        Source
    """
    feed = f'OData.Feed({text_literal(url)}, null, [Implementation = "2.0"])'
    return write_query([QueryStep("Source", feed)])


def as_curl(url: str, *, with_key: bool) -> str:
    """Return a command for a POSIX shell that takes the key from the environment.

    >>> print(as_curl("http://h/Results?$filter=state%20eq%20'FAILED'", with_key=True))
    curl --fail-with-body --user "any:$SKILLHABIT_ODATA_KEY" 'http://h/Results?$filter=state%20eq%20%27FAILED%27'
    """
    user = f'--user "any:${_KEY}" ' if with_key else ""
    return f"curl --fail-with-body {user}{shlex.quote(url.replace(chr(39), '%27'))}"


def as_python(url: str, *, with_key: bool) -> str:
    """Return a program that reads all pages into a list of rows."""
    auth = f', auth=("any", os.environ["{_KEY}"])' if with_key else ""
    imports = "import os\n\nimport requests" if with_key else "import requests"
    return f"""{imports}

url, rows = {json.dumps(url)}, []
while url:
    response = requests.get(url{auth}, timeout=300)
    response.raise_for_status()
    page = response.json()
    rows += page["value"]
    url = page.get("@odata.nextLink")
"""
