"""Plans rely on proved abilities alone, and proofs end."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.loader import built_in_contract, load_contract
from gateway.planner.plan import Route, plan_query
from gateway.planner.pushdown import PushedValues
from gateway.proofs.abilities import (
    Kind,
    abilities_of,
    limited,
    name_of,
    plan_proved,
    relied_on,
)
from gateway.proofs.store import Proof, ProofStore
from gateway.proofs.trust import ANYONE, VALID_FOR, Trust, owner_of
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery
from tests.planner.cases import CONTRACT
from tests.support.examples import examples

ABILITIES = abilities_of(CONTRACT)
NAMES = [ability.name for ability in ABILITIES]
QUERIES = [
    ("Results", ""),
    ("Results", "$top=5"),
    ("Results", "$top=5&$orderby=updatedAt asc"),
    ("Results", "$top=5&$filter=state eq 'FAILED'"),
    ("Results", "$top=0&$count=true"),
    ("Results", "$filter=userId in ('a','b') and state eq 'FAILED' and progress gt 3"),
    ("Results", "$filter=department eq 'HR' or department eq 'IT'"),
    ("Results", "$filter=groupIds/any(g:g eq 'x') and updatedAt gt 2024-01-01T00:00:00Z"),
    ("Results", "$filter=expiryDate lt 2024-01-01T00:00:00Z and contentId eq 'c'"),
    ("Results/$count", ""),
    ("Results/$count", "$filter=enrollmentType eq 'MANDATORY'"),
    ("Results", "$apply=groupby((state),aggregate($count as n))"),
    ("Results", "$apply=filter(state eq 'FAILED')/aggregate(userId with countdistinct as n)"),
    ("Users", "$filter=id eq 'a'"),
]


def bound(path: str, query: str) -> BoundQuery:
    raw = query.replace(" ", "%20").encode()
    found = bind(parse_request(path.encode(), raw), CONTRACT.schema, None)
    assert isinstance(found, BoundQuery)
    return found


@given(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 500)))
@examples(60)
def test_a_plan_relies_on_proved_abilities_alone(proved: dict[str, int]) -> None:
    contract = limited(CONTRACT, proved)
    for path, query in QUERIES:
        plan = plan_proved(bound(path, query), contract, proved)
        assert set(relied_on(plan)) <= set(proved), (path, query)
        assert len(plan.pushdown.terms) <= 1
        for term in plan.pushdown.terms:
            if isinstance(term, PushedValues):
                assert len(term.values) <= proved[name_of(Kind.FILTER, term.column)]


def test_with_all_proofs_plans_are_those_of_the_contract() -> None:
    everything = dict.fromkeys(NAMES, 500)
    for path, query in QUERIES:
        plan = plan_proved(bound(path, query), limited(CONTRACT, everything), everything)
        stated = plan_query(bound(path, query), CONTRACT)
        assert set(relied_on(stated)) <= set(NAMES)
        if len(stated.pushdown.terms) < 2:
            assert plan == stated
        else:
            assert plan.pushdown.terms[0] in stated.pushdown.terms
            assert plan.route is Route.SNAPSHOT


def test_without_proofs_every_row_is_read() -> None:
    for path, query in QUERIES:
        plan = plan_query(bound(path, query), limited(CONTRACT, {}))
        assert plan.route in (Route.SNAPSHOT, Route.NOTHING)
        assert not plan.pushdown.terms


def test_a_digest_is_the_same_in_every_process() -> None:
    code = (
        "from tests.proofs.test_trust import ABILITIES\n"
        "print(*[a.digest for a in ABILITIES], sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [ability.digest for ability in ABILITIES]


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ('"${states}"', '"${states or []}"', set(NAMES)),
        ('label = "Progress in percent', 'label = "Done in percent', set()),
        (
            "[filters.states]\n",
            "[filters.states]\nmax_values = 5\n",
            {name for name in NAMES if name.endswith("filter by state")},
        ),
    ],
)
def test_a_proof_counts_for_the_entries_that_it_was_made_with(
    old: str, new: str, lost: set[str]
) -> None:
    shipped = built_in_contract()
    assert old in shipped
    fields = (("department", "cf_department"),)
    before = {a.name: a.digest for a in abilities_of(load_contract(shipped, fields))}
    after = {
        a.name: a.digest for a in abilities_of(load_contract(shipped.replace(old, new), fields))
    }
    assert {name for name in before if before[name] != after.get(name)} == lost


class Hours:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def trust_in(store: ProofStore, clock: Hours, owner: str = "api/1") -> Trust:
    return Trust(CONTRACT, store, lambda: owner, clock)


def test_proofs_end_and_are_renewed_before() -> None:
    clock, store = Hours(), ProofStore(None)
    trust = trust_in(store, clock)
    assert trust.proved() == {}
    assert trust.due() == ABILITIES
    trust.record(*(Proof(a.name, a.digest, True, clock(), 9) for a in ABILITIES))
    assert trust.proved() == dict.fromkeys(NAMES, 9)
    assert trust.proved() is trust.proved()
    assert trust.due() == ()
    clock.at += timedelta(hours=30)
    assert trust.due() == ABILITIES
    assert set(trust.proved() or ()) == set(NAMES)
    clock.at += VALID_FOR
    assert trust.proved() == {}


def test_a_contradiction_withdraws_a_proof_at_once() -> None:
    clock, store = Hours(), ProofStore(None)
    trust = trust_in(store, clock)
    trust.record(*(Proof(a.name, a.digest, True, clock(), 9) for a in ABILITIES))
    assert trust.withdraw(("filter by state", "no such"), "why") == ("filter by state",)
    assert "filter by state" not in (trust.proved() or {})
    assert trust.contradicted() == {"filter by state"}
    assert trust.withdraw(("filter by state",), "why") == ()


def test_another_contract_or_owner_has_no_proofs() -> None:
    clock, store = Hours(), ProofStore(None)
    ability = ABILITIES[0]
    trust_in(store, clock).record(Proof(ability.name, "other", True, clock()))
    assert trust_in(store, clock).proved() == {}
    trust_in(store, clock).record(Proof(ability.name, ability.digest, True, clock()))
    assert trust_in(store, clock).proved() == {ability.name: 0}
    assert trust_in(store, clock, "api/2").proved() == {}


def test_callers_use_proofs_and_make_none() -> None:
    clock, store = Hours(), ProofStore(None)
    callers, ability = trust_in(store, clock, owner_of("b", ANYONE)), ABILITIES[0]
    found = Proof(ability.name, ability.digest, True, clock())
    callers.record(found)
    assert callers.proved() == {}
    trust_in(store, clock, owner_of("b", "anna")).record(found)
    assert callers.proved() == {ability.name: 0}
    assert callers.withdraw((ability.name,), "why") == ()
    assert callers.proved() == {ability.name: 0}


def test_what_is_stated_can_be_trusted_by_choice() -> None:
    trust = Trust(CONTRACT, ProofStore(None), lambda: "a/1", Hours(), stated=True)
    assert trust.proved() is None
    assert trust.usable(CONTRACT) is CONTRACT
    role = replace(CONTRACT, has_total=False)
    assert trust.usable(role) is role


def test_what_moves_by_time_is_never_proved() -> None:
    """A row may show another state than the one that the API has stored, and filters by."""
    columns = (replace(c, changes_by_time=c.name == "state") for c in CONTRACT.columns)
    contract = replace(CONTRACT, columns=tuple(columns))
    names = {ability.name for ability in abilities_of(contract)}
    assert set(NAMES) - names == {
        "filter by state",
        "total with the filter by state",
        "order with the filter by state",
        "statistics with the filter by state",
        "statistic states",
    }
    kept = limited(contract, dict.fromkeys(names, 500))
    assert kept.column("state").filter is None
    assert "states" not in {statistic.name for statistic in kept.statistics}
