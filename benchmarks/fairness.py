"""One caller with many long queries at once, and the effect on another caller.

`python -m benchmarks.fairness [ROWS]`; ROWS is 20,000 unless given. One key posts queries of 110
KB, `_AT_ONCE` of them at once; meanwhile another key requests a small query and a page that is
kept, one after the other. Both are compared with the same requests on an idle gateway.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.support import Line, connect, gateway, sandbox, table

_AT_ONCE = 60
_LONG_BYTES = 110_000
_SECONDS = 20.0


def main(rows: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder, sandbox(rows) as upstream:
        keys_file = Path(folder) / "keys.json"
        greedy, modest = (_make_key(keys_file, name) for name in ("greedy", "modest"))
        options = ("--keys-file", str(keys_file), "--fresh-for", "100000")
        with gateway(upstream.url, *options) as server:
            numbers = iter(range(1_000_000))
            _small(server.url, modest, next(numbers))
            _kept(server.url, modest)
            alone = [_measured(server.url, modest, numbers) for _ in range(10)]
            beside, answered = _beside(server.url, greedy, modest, numbers)
    lines = []
    for index, name in enumerate(("small query", "kept page")):
        before, after = ([times[index] for times in rounds] for rounds in (alone, beside))
        figures = f"{median(after) * 1000:.1f} ms vs {median(before) * 1000:.1f} ms"
        lines.append(Line(f"{name}, beside / alone", median(after) / median(before), None, figures))
        lines.append(Line(f"{name}, the slowest beside", max(after) * 1000, None, "", "ms"))
    table(f"{_AT_ONCE} long queries at once of another key, {rows:,} rows", lines)
    print(f"{len(beside)} rounds beside; {answered} of the long queries were answered meanwhile")


def _beside(
    url: str, greedy: str, modest: str, numbers: Iterator[int]
) -> tuple[list[tuple[float, float]], int]:
    stop, answered = threading.Event(), [0]

    def post(number: int) -> None:
        link = connect(url)
        while not stop.is_set():
            body = _long(number)
            headers = {"X-API-Key": greedy, "Content-Type": "text/plain"}
            link.request("POST", f"{url}Results/$query", body, headers)
            link.getresponse().read()
            answered[0] += 1

    callers = [threading.Thread(target=post, args=(n,), daemon=True) for n in range(_AT_ONCE)]
    for caller in callers:
        caller.start()
    time.sleep(3)
    found, end = [], time.monotonic() + _SECONDS
    while time.monotonic() < end:
        found.append(_measured(url, modest, numbers))
    stop.set()
    return found, answered[0]


def _long(number: int) -> str:
    terms = [f"progress eq {number}.{n}" for n in range(_LONG_BYTES // 24)]
    return f"$filter={' or '.join(terms)}&$top=1"


def _measured(url: str, key: str, numbers: Iterator[int]) -> tuple[float, float]:
    started = time.perf_counter()
    _small(url, key, next(numbers))
    between = time.perf_counter()
    _kept(url, key)
    return between - started, time.perf_counter() - between


def _small(url: str, key: str, number: int) -> None:
    """Return a query that was never requested before, so that nothing of it is cached."""
    _get(f"{url}Results?$filter=progress%20gt%20{number}&$orderby=contentName&$top=10", key)


def _kept(url: str, key: str) -> None:
    _get(f"{url}Results?$top=100", key)


def _get(url: str, key: str) -> None:
    link = connect(url)
    link.request("GET", url, headers={"X-API-Key": key})
    response = link.getresponse()
    body = response.read()
    if response.status != 200:
        raise RuntimeError(f"{response.status} {body[:300]!r}")


def _make_key(file: Path, name: str) -> str:
    code = "from gateway.cli import main; main()"
    options = ["keys", "create", "--keys-file", str(file), "--name", name, "--json"]
    command = [sys.executable, "-c", code, *options]
    made = subprocess.run(command, check=True, capture_output=True)
    key: str = json.loads(made.stdout)["key"]
    return key


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
