"""`python -m tests.fuzz --seconds 600`: asks until the time is over, and prints what is wrong.

Each failure comes with the smallest URL found, what came, what is right, and the seed: with
`--seed` the same questions come again. The exit status is 1 when anything was wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from random import Random

from tests.fuzz.gateways import MODES, Gateways, gateways
from tests.fuzz.judging import Complaint, Judge
from tests.fuzz.questions import Question
from tests.fuzz.shrinking import shrunk

_QUESTIONS_PER_WORLD = 400


def complaints(seed: int, number: int, deadline: float = float("inf")) -> Iterator[Complaint]:
    """Yield what is wrong with the answers to `number` questions about the world of a seed."""
    judge = Judge(seed)
    with gateways(judge.rows) as running:
        for position in range(number):
            if time.monotonic() > deadline:
                return
            found = _asked(judge, running, seed, position)
            if found is not None:
                yield found


def _asked(judge: Judge, running: Gateways, seed: int, position: int) -> Complaint | None:
    """Ask one question, of a warm gateway and in turn of one that keeps nothing."""
    question = judge.questions(Random(f"{seed} {position}")).question()
    modes = _modes(question) if position % 4 else MODES
    found = judge.judge(running, question, modes)
    if found is None:
        return None
    return shrunk(found, lambda smaller: judge.judge(running, smaller, (found.mode,)))


def _modes(question: Question) -> tuple[str, ...]:
    """Where another source than the snapshot of all rows may answer, that one too."""
    if question.role or not question.path.startswith("Results"):
        return ("warm",)
    names = {name for name, _ in question.options}
    early = question.pages and names.isdisjoint({"$orderby", "$apply", "$count", "$expand"})
    return ("warm", "draft" if early else "cold")


def main() -> int:
    """Run for a time, a world after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=None, help="the first world's; else by chance")
    given = parser.parse_args()
    seed = Random().randrange(10**6) if given.seed is None else given.seed
    deadline, failures = time.monotonic() + given.seconds, 0
    while time.monotonic() < deadline:
        print(f"seed {seed}", flush=True)  # noqa: T201 - a command: it prints
        for complaint in complaints(seed, _QUESTIONS_PER_WORLD, deadline):
            failures += 1
            print(f"seed {seed}: {complaint}", flush=True)  # noqa: T201
        seed += 1
    print(f"{failures} failures")  # noqa: T201
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
