"""The waits of other clients: for a small page while a feed is served, and for the event loop."""

from __future__ import annotations

import multiprocessing
import time
from statistics import median

from benchmarks.reading import follow
from benchmarks.support import IDENTITY, Line, connect, gateway, get

_QUERIES = (
    "Results?$filter=contains(contentName,'First%20aid')&$orderby=userName,progress%20desc&$top=100",
    "Results?$orderby=userName,progress%20desc",
    "Results?$filter=contains(tolower(userName),'a')&$count=true",
    "Results/$count?$filter=contains(tolower(userName),'a')",
    "Results?$orderby=contentName,userName%20desc&$skip=500000&$top=20000",
)


def latency(upstream: str, kept: tuple[str, ...], rows: int) -> list[Line]:
    """Measure processes that serve the snapshot for the first time, and so make its pages."""
    with gateway(upstream, *kept) as server:
        waits = _waits(server.url)
    with gateway(upstream, *kept, "--page-budget", "0", module="watched") as server:
        get(server.url + _QUERIES[0])
        stalls = {query: _stall(server.url, query) for query in _QUERIES}
    worst = max(stalls, key=stalls.__getitem__)
    middle = f"median {median(waits) * 1000:.1f} ms of {len(waits):,}"
    return [
        Line(
            "longest wait for a small page while a feed is served",
            max(waits) * 1000,
            100,
            middle,
            "ms",
        ),
        Line(
            "longest stall of the event loop while a query runs",
            stalls[worst],
            50,
            f"{worst[:50]}; others {', '.join(f'{s:.0f}' for s in sorted(stalls.values())[:-1])}",
            "ms",
        ),
    ]


def _waits(root: str) -> list[float]:
    """Return the seconds of each request for a small page, from the feed's start to its end."""
    url, link = f"{root}Results?$top=100", connect(root)
    get(url, link)
    reader = multiprocessing.get_context("spawn").Process(
        target=follow, args=(root + "Results", IDENTITY)
    )
    reader.start()
    waits: list[float] = []
    while reader.is_alive():
        started = time.perf_counter()
        get(url, link)
        waits.append(time.perf_counter() - started)
        time.sleep(0.005)
    reader.join()
    if reader.exitcode != 0:
        raise RuntimeError("the feed was not read to its end")
    return waits


def _stall(root: str, query: str) -> float:
    """Return the longest gap, in milliseconds, between turns of the event loop; see `watched`."""
    clock = root.removesuffix("odata/v4/") + "stall"
    get(clock)
    get(root + query, None, Prefer="odata.maxpagesize=20000", **IDENTITY)
    return float(get(clock))
