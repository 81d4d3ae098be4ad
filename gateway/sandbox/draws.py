"""Random draws that come out the same on every machine and Python version.

Only `Random.random` is asked: it is the one method whose sequence Python promises to keep.
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
        """Return true that often, 0 to 1."""
        return self._random() < probability

    def below(self, bound: int) -> int:
        """Return an integer from 0 to `bound - 1`."""
        return int(self._random() * bound)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, each as likely as the others."""
        return options[int(self._random() * len(options))]
