"""Random draws that are the same on every machine and Python version.

They use `Random.random` only, the one method whose sequence Python guarantees.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """A stream of draws from one seed."""

    __slots__ = ("_random",)

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random

    def chance(self, probability: float) -> bool:
        """Return true with a probability from 0 to 1."""
        return self._random() < probability

    def below(self, bound: int) -> int:
        """Return an integer from 0 to `bound - 1`."""
        return int(self._random() * bound)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, all equally likely."""
        return options[int(self._random() * len(options))]
