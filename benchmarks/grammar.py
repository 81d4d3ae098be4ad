"""Parsing filters: our parser against odata-query, medians and ratios of one run.

    python -m benchmarks.grammar      (as a module: its folder has a `grammar` too)

Both parse the same texts in turn, so that whatever else the machine does hits both. Nothing is
cached.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median

from odata_query.grammar import ODataLexer, ODataParser

from grammar import parse_filter

TEXTS = {
    "short comparison": "state eq 'FAILED'",
    "refresh range": ("updatedAt ge 2024-01-01T00:00:00Z and updatedAt lt 2024-02-01T00:00:00Z"),
    "or chain of 50": " or ".join(f"state eq 'S{n}'" for n in range(50)),
    "in of 500": "state in (" + ",".join(f"'value{n}'" for n in range(500)) + ")",
    "nested functions": (
        "contains(tolower(concat(concat(userName,' '),trim(userEmail))),"
        "substring(toupper(contentName),1,length(trim(userName)))) eq true"
    ),
    "or chain of 500": " or ".join(f"state eq 'S{n}'" for n in range(500)),
}
GOAL = 0.7


def main() -> None:
    lexer, parser = ODataLexer(), ODataParser()
    begin = time.perf_counter()
    parse_filter("a")
    print(f"tables and first parse: {(time.perf_counter() - begin) * 1e3:.0f} ms, once\n")
    print(f"{'':18}{'ours':>10}{'odata-query':>13}{'ratio':>8}{'goal':>6}   (us)")
    for name, text in TEXTS.items():
        ours, theirs = measure(
            lambda text=text: parse_filter(text),
            lambda text=text: parser.parse(lexer.tokenize(text)),
        )
        met = "met" if ours / theirs <= GOAL else "no"
        print(f"{name:18}{ours:10.1f}{theirs:13.1f}{ours / theirs:8.2f}{met:>6}")


def measure(*functions: Callable[[], object]) -> list[float]:
    """Return the median microseconds of each function, measured in turn."""
    samples: list[list[float]] = [[] for _ in functions]
    end = time.perf_counter() + 3
    gc.disable()
    while time.perf_counter() < end or len(samples[0]) < 9:
        for function, sample in zip(functions, samples, strict=True):
            begin = time.perf_counter()
            function()
            sample.append(time.perf_counter() - begin)
    gc.enable()
    return [median(sample) * 1e6 for sample in samples]


if __name__ == "__main__":
    main()
