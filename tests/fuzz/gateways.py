"""A sandbox over a world, and gateways that answer from different sources.

`warm` has a snapshot of all rows; `cold` keeps nothing, so that each question costs what it costs:
one upstream page, statistics, a filtered extract; `draft` begins to answer while an extract runs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.fuzz.questions import FILE_FORMATS, Question
from tests.fuzz.world import UPSTREAM_PAGE, Nested, contract_toml
from tests.tenancy.support import House, house, sandbox

Sees = Callable[[Nested], bool]
MODES = ("warm", "cold", "draft")


def _in_a_group(row: Nested) -> bool:
    groups = {group["id"] for group in row["user"]["groups"]}
    return bool(groups & {"a", "ü"}) or row["state"] == "FAILED"


def _of_a_field(row: Nested) -> bool:
    fields = {field["customFieldId"]: field["value"] for field in row["user"]["customFields"]}
    return fields["cf_department"] is None or (row["score"] is not None and row["score"] > 0)


ROLES: dict[str, tuple[str, Sees]] = {
    "some": ("groupIds/any(g: g in ('a','ü')) or state eq 'FAILED'", _in_a_group),
    "field": ("department eq null or score gt 0", _of_a_field),
    "none": ("false", lambda row: False),
}
"""Which rows each role sees: as the configuration says it, and in Python."""


@dataclass(frozen=True, slots=True)
class Gateways:
    """The gateways by mode."""

    houses: dict[str, House]

    def pages(self, question: Question, mode: str) -> list[httpx.Response]:
        """Return the answer to a question, with all pages that its links lead to."""
        own = self.houses[mode]
        caller = f"default/{question.role}" if question.role else ""
        answers = [own.odata(question.url, caller, headers=question.headers)]
        while (link := _next(answers[-1], question)) is not None and len(answers) < 200:
            answers.append(own.ask(link, caller, headers=question.headers))
        return answers


def _next(answer: httpx.Response, question: Question) -> str | None:
    if question.format in (*FILE_FORMATS, "raw") or answer.status_code != 200:
        return None
    body = answer.json()
    link = body.get("@odata.nextLink", body.get("@nextLink"))
    return None if link is None else str(link)


@contextmanager
def gateways(rows: tuple[Nested, ...]) -> Iterator[Gateways]:
    """Run the sandbox and a gateway for each mode."""
    with tempfile.TemporaryDirectory() as folder:
        contract = Path(folder) / "contract.toml"
        contract.write_text(contract_toml(), "utf-8")
        roles = "\n".join(f'[roles.{name}]\nrows = "{rule}"' for name, (rule, _) in ROLES.items())
        common = {"contract": str(contract), "page_size": 25}
        with (
            sandbox(rows, page_limit=UPSTREAM_PAGE) as upstream,
            house(upstream, roles, fresh_for=86_400, **common) as warm,
            house(upstream, roles, fresh_for=0, early_pages="false", **common) as cold,
            house(upstream, roles, fresh_for=0, **common) as draft,
        ):
            warm.feed("Results?$select=id")
            yield Gateways({"warm": warm, "cold": cold, "draft": draft})
