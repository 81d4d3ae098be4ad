"""States and types in another spelling -> a map to the documented words, and words that are new."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.contract.texts import text_of
from gateway.discovery.infer.found import Steps

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GAPS = re.compile(r"[\s\-_./]+")
_MOST_WORDS = 60
_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str.lower,
    lambda word: word.lower().replace("_", "-"),
    lambda word: word.lower().replace("_", " "),
    lambda word: word.lower().replace("_", ""),
    lambda word: word.capitalize().replace("_", " "),
    lambda word: word.title().replace("_", " "),
    lambda word: word.title().replace("_", ""),
    lambda word: word[:1].lower() + word.title().replace("_", "")[1:],
    lambda word: word.capitalize(),
    lambda word: word.title(),
    lambda word: word.replace("_", " "),
    lambda word: word.replace("_", "-"),
    lambda word: word.replace("_", ""),
)
"""Spellings of NOT_STARTED: not_started, not-started, not started, Not started, NotStarted ..."""
SYNONYMS = {
    "APPROVED": "completed complete passed done finished success successful succeeded achieved",
    "NOT_STARTED": "new assigned open todo pending notbegun unstarted notattempted notstartedyet",
    "IN_PROGRESS": "started ongoing active underway incomplete processing attempted",
    "FAILED": "notpassed unsuccessful fail rejected failure",
    "EXPIRED": "overdue lapsed runout outdated invalid",
    "MANDATORY": "required compulsory obligatory true",
    "OPTIONAL": "voluntary elective recommended selfenrolled",
    "NOT_ENROLLED": "none unenrolled notassigned withoutenrollment withoutenrolment unassigned",
}
"""Words that other systems use, without case and gaps: the owner confirms them."""
_MEANINGS = {word: known for known, words in SYNONYMS.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a column: `pairs` of the upstream's word and the documented one, if they differ.

    `others` are words without a documented spelling, `guesses` what these usually mean.
    """

    pairs: tuple[tuple[str, str], ...]
    others: tuple[str, ...]
    guesses: tuple[tuple[str, str], ...]
    texts: bool

    def steps(self, *, guessed: bool = False) -> Steps:
        """Return the steps of `decode`; with the guesses if the owner confirms them."""
        pairs = dict((*self.pairs, *(self.guesses if guessed else ())))
        as_text: Steps = () if self.texts else ("text",)
        return (*as_text, {"map": pairs}) if pairs else as_text


def plain_word(value: Any) -> str:
    """Return a word as documented words are spelt.

    >>> plain_word(" in progress"), plain_word("NotStarted"), plain_word("not-enrolled")
    ('IN_PROGRESS', 'NOT_STARTED', 'NOT_ENROLLED')
    """
    return _GAPS.sub("_", _HUMP.sub("_", text_of(value).strip())).upper().strip("_")


def is_closed_set(values: Sequence[Any]) -> bool:
    """Return True if values are few different short words, numbers or yes and no."""
    different = {text_of(value) for value in values}
    small = len(different) <= max(8, min(_MOST_WORDS, len(values) // 4))
    return small and all(len(word) <= 60 and "@" not in word for word in different)


def documented_part(values: Sequence[Any], documented: Sequence[str]) -> float:
    """Return the share of values that are documented words, in any spelling."""
    known = set(documented) | {word.replace("_", "") for word in documented}
    counts = Counter(text_of(value) for value in values)
    met = sum(number for word, number in counts.items() if plain_word(word) in known)
    return met / max(1, len(values))


def guessed_part(values: Sequence[Any], documented: Sequence[str]) -> float:
    """Return the share of values that are documented words or usual synonyms of these."""
    counts = Counter(text_of(value) for value in values)
    met = sum(number for word, number in counts.items() if meaning(word, documented))
    return met / max(1, len(values))


def meaning(value: Any, documented: Sequence[str]) -> str | None:
    """Return the documented word that a value or its synonym means; None if unknown."""
    word = plain_word(value)
    spelt = {known.replace("_", ""): known for known in documented}.get(word.replace("_", ""))
    guess = spelt or _MEANINGS.get(word.replace("_", "").lower())
    return guess if guess in documented else None


def find_words(values: Sequence[Any], documented: Sequence[str]) -> Words:
    """Return how the documented words are spelt, also those that no row has."""
    counts = Counter(text_of(value) for value in values)
    known = {word.replace("_", ""): word for word in documented}
    spelt = {word: known.get(plain_word(word).replace("_", "")) for word in counts}
    pairs = {word: found for word, found in spelt.items() if found is not None}
    others = [word for word, found in sorted(spelt.items()) if found is None]
    if all(word == found for word, found in pairs.items()):
        pairs = {}
    else:
        pairs |= _unseen(pairs, documented)
    guesses = [(word, guess) for word in others if (guess := meaning(word, documented))]
    texts = all(isinstance(value, str) for value in values)
    return Words(tuple(sorted(pairs.items())), tuple(others), tuple(guesses), texts)


def _unseen(pairs: dict[str, str], documented: Sequence[str]) -> dict[str, str]:
    """Return the words that no row has, in each spelling that fits the words that rows have."""
    fitting = [
        spell for spell in _SPELLINGS if all(spell(known) == word for word, known in pairs.items())
    ]
    left = [known for known in documented if known not in pairs.values()]
    made = {spell(known): known for known in left for spell in fitting}
    return {word: known for word, known in made.items() if word != known}
