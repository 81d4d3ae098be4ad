"""One question, asked in several ways, against the truth."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from gateway.contract.loader import load_contract
from gateway.contract.model import Contract
from tests.fuzz.gateways import ROLES, Gateways
from tests.fuzz.questions import Question, Questions
from tests.fuzz.reading import complaint
from tests.fuzz.truth import answer_to
from tests.fuzz.world import Nested, World, contract_toml, make_rows, world_of
from tests.support.live import FIELDS


@dataclass(frozen=True, slots=True)
class Awaited:
    """A fault that is known: a pattern of its questions as they are printed, what is complained of,
    and a URL that still has it.
    """

    asked: str
    what: str
    example: str


_KEYS = r"id|rowId|userId|contentId|groupId|userId,groupId|groupId,userId"
AWAITS: tuple[Awaited, ...] = (
    Awaited(rf"groupby\(\(({_KEYS})\)", "status 500", "Users?$apply=groupby((id))"),
    Awaited(
        r"\$expand=.*\$orderby=|(top|bottom)count",
        "status 500",
        "Users?$expand=results($orderby=substring(contentName,0,1))",
    ),
    Awaited(
        r"\$apply=.*\b(user|content|group|results|memberships|members|statistics)\b",
        "status 501",
        "Results?$apply=groupby((user/name))",
    ),
    Awaited(r"^\w+\(.*\$skip=", "status 200 instead of 404", "Groups('none')/members?$skip=3"),
    Awaited(
        r"^\w+\(.*\[(csv|arrow|parquet),",
        "status 200 instead of 404",
        "Groups('none')/members?$skip=0&$format=csv",
    ),
    Awaited(
        r"(user|content|group|results|memberships|members|statistics)/.*\[(csv|arrow|parquet),",
        "status 500",
        "Results?$orderby=user/name&$top=0&$format=csv",
    ),
)
"""To be emptied when they are mended."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with an answer, where it came from, and to what."""

    question: Question
    mode: str
    what: str

    def __str__(self) -> str:
        return f"{self.question}\n  {self.mode}: {self.what}"


class Judge:
    """Knows the truth about a world, for all rows and for each role."""

    def __init__(self, seed: int, awaits: tuple[Awaited, ...] = AWAITS) -> None:
        self._awaits = awaits
        self.rows: tuple[Nested, ...] = make_rows(Random(seed))
        self.contract: Contract = load_contract(contract_toml(), FIELDS)
        self._worlds: dict[str, World] = {
            "": world_of(self.rows),
            **{role: world_of(filter(sees, self.rows)) for role, (_, sees) in ROLES.items()},
        }

    def world(self, role: str) -> World:
        """Return what a role sees; all rows without one."""
        return self._worlds[role]

    def questions(self, random: Random) -> Questions:
        """Return what draws questions about it."""
        return Questions(self.contract, self._worlds[""], random)

    def judge(
        self, gateways: Gateways, question: Question, modes: Iterable[str]
    ) -> Complaint | None:
        """Return the first complaint about the answers, if there is one."""
        truth = answer_to(self._worlds[question.role], replace(question, format="minimal").url)
        for mode in modes:
            pages = gateways.pages(question, mode)
            what = complaint(truth, pages, question.format)
            if what and not self._is_awaited(question, what):
                return Complaint(question, mode, what)
        return None

    def _is_awaited(self, question: Question, what: str) -> bool:
        asked = str(question)
        return any(re.search(a.asked, asked) and what.startswith(a.what) for a in self._awaits)
