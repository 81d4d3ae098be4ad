"""The findings of a run: durations of responses, refusals, and problems."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

_MOST_PROBLEMS = 50


@dataclass
class Ledger:
    """The findings of the whole run; `problems` must stay empty."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sent: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    rounds: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)

    def answered(self, kind: str, seconds: float, size: int) -> None:
        """Record a response and its number of bytes on the wire."""
        self.seconds[kind].append(seconds)
        self.sent[kind] += size

    def problem(self, text: str) -> None:
        """Record a problem."""
        if text in self.problems or len(self.problems) < _MOST_PROBLEMS:
            self.problems[text] += 1

    def print(self) -> None:
        """Return responses by kind, refusals, and problems, as text."""
        print(
            f"\n{'answers':<24} {'number':>8} {'p50':>9} {'p95':>9} {'p99':>9} {'max':>9}    bytes"
        )
        for kind in sorted(self.seconds):
            times = self.seconds[kind]
            shown = " ".join(
                f"{at(times, share) * 1000:6,.0f} ms" for share in (0.5, 0.95, 0.99, 1)
            )
            print(f"{kind:<24} {len(times):>8,} {shown} {self.sent[kind] / 1e6:>8,.1f} MB")
        rounds = ", ".join(f"{name} {count:,}" for name, count in sorted(self.rounds.items()))
        print(f"\nwhole and checked: {rounds}; {sum(self.rows.values()):,} rows")
        refused = ", ".join(f"{name} {count}" for name, count in sorted(self.refusals.items()))
        print(f"refused, with a way out, and asked again: {refused or 'nothing'}")
        print(f"problems: {self.problems.total() or 'none'}")
        for text, times in self.problems.most_common():
            print(f"  {times} times: {text}")


def at(numbers: Iterable[float], share: float) -> float:
    """Return the number below which this share of them lies."""
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
