"""One question, asked in several ways, against the truth."""

from __future__ import annotations

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
class Complaint:
    """What is wrong with an answer, where it came from, and to what."""

    question: Question
    mode: str
    what: str

    def __str__(self) -> str:
        return f"{self.question}\n  {self.mode}: {self.what}"


class Judge:
    """Knows the truth about a world, for all rows and for each role."""

    def __init__(self, seed: int) -> None:
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
            if what:
                return Complaint(question, mode, what)
        return None
