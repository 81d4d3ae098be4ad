"""What is wrong with a workspace: each rule by a table, then on running gateways."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.observe.health import (
    ContractFacts,
    DiskFacts,
    HealthFacts,
    Kind,
    Severity,
    SnapshotFacts,
    TokenFacts,
    UpstreamFacts,
    find_problems,
)
from gateway.pages.languages import read_texts
from gateway.sandbox import Dataset, Faults, generate
from gateway.sandbox.variations import VARIATIONS
from tests.proofs.gateways import Gateway, started
from tests.support.live import SECRET, Bridge, bridge
from tests.tenancy.support import house, sandbox

NOW = 1_800_000_000.0
DAY = 86_400.0
HOUR = timedelta(hours=1)
FRESH, OLD, IDLE = (SnapshotFacts(HOUR * age, HOUR * 2) for age in (1, 3, 30))
FAILED = UpstreamFacts(failed=(HOUR, "UpstreamUnavailable"))
ERROR, WARNING, NOTICE = Severity
HTML = {"Accept": "text/html"}


def token(days: float, **more: bool) -> HealthFacts:
    return HealthFacts(NOW, token=TokenFacts(ends_at=NOW + days * DAY, **more))


def disk(free: int | None, stored: int = 0) -> HealthFacts:
    return HealthFacts(NOW, disk=DiskFacts(free=free, stored=stored, budget=1_000))


def upstream(facts: UpstreamFacts, snapshot: SnapshotFacts | None = None) -> HealthFacts:
    return HealthFacts(NOW, upstream=facts, snapshot=snapshot)


def contract(snapshot: SnapshotFacts | None, *unproved: str, contradicted: str = "") -> HealthFacts:
    facts = ContractFacts(unproved, (contradicted,) if contradicted else ())
    return HealthFacts(NOW, contract=facts, snapshot=snapshot)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (HealthFacts(NOW), {}),
        (HealthFacts(NOW, token=TokenFacts(is_there=False)), {Kind.TOKEN_MISSING: ERROR}),
        (token(14.1), {}),
        (token(13.9), {Kind.TOKEN_ENDS: WARNING}),
        (token(3.1), {Kind.TOKEN_ENDS: WARNING}),
        (token(2.9), {Kind.TOKEN_ENDS: ERROR}),
        (token(0), {Kind.TOKEN_ENDED: ERROR}),
        (token(-400), {Kind.TOKEN_ENDED: ERROR}),
        (token(0.04, is_renewed=True), {}),
        (token(-0.04, is_renewed=True), {Kind.TOKEN_ENDED: ERROR}),
        (upstream(UpstreamFacts(is_down=True)), {Kind.UPSTREAM_DOWN: ERROR}),
        (upstream(UpstreamFacts(typical_seconds=4.9)), {}),
        (upstream(UpstreamFacts(typical_seconds=5.0)), {Kind.UPSTREAM_SLOW: WARNING}),
        (upstream(FAILED), {Kind.EXTRACT_FAILED: ERROR}),
        (upstream(FAILED, FRESH), {Kind.EXTRACT_FAILED: ERROR}),
        (upstream(FAILED, OLD), {Kind.EXTRACT_FAILED: ERROR, Kind.SNAPSHOT_OLD: WARNING}),
        (upstream(UpstreamFacts(), OLD), {}),
        (upstream(UpstreamFacts(), IDLE), {Kind.SNAPSHOT_IDLE: NOTICE}),
        (HealthFacts(NOW, disk=DiskFacts(is_usable=False)), {Kind.DISK_UNUSABLE: ERROR}),
        (disk(None), {}),
        (disk(1_000), {}),
        (disk(400, stored=600), {}),
        (disk(399, stored=600), {Kind.DISK_FULL: WARNING}),
        (disk(49, stored=600), {Kind.DISK_FULL: ERROR}),
        (disk(49, stored=951), {}),
        (contract(None, "total"), {}),
        (contract(FRESH, "total"), {Kind.UNPROVED: NOTICE}),
        (contract(None, contradicted="total"), {Kind.CONTRADICTED: WARNING}),
    ],
)
def test_each_rule_holds_on_its_facts_alone(
    facts: HealthFacts, found: dict[Kind, Severity]
) -> None:
    assert {problem.kind: problem.severity for problem in find_problems(facts)} == found


moments = st.one_of(st.none(), st.floats(allow_nan=False), st.just(1e308))
ages = st.timedeltas(min_value=timedelta(0))
facts_of_all_kinds = st.builds(
    HealthFacts,
    st.just(NOW),
    st.builds(TokenFacts, st.booleans(), moments, st.booleans()),
    st.builds(
        UpstreamFacts,
        st.booleans(),
        st.one_of(st.none(), st.tuples(ages, st.sampled_from(["Code"]))),
        st.one_of(st.none(), st.floats(0, 1_000)),
    ),
    st.builds(DiskFacts, st.booleans(), st.one_of(st.none(), st.integers(0)), st.integers(0)),
    st.builds(ContractFacts, st.lists(st.text()).map(tuple), st.lists(st.text()).map(tuple)),
    st.one_of(st.none(), st.builds(SnapshotFacts, ages, ages)),
)


@given(facts_of_all_kinds)
def test_the_most_urgent_comes_first_and_no_kind_twice(facts: HealthFacts) -> None:
    problems = find_problems(facts)
    order = [list(Severity).index(problem.severity) for problem in problems]
    assert order == sorted(order)
    assert len({problem.kind for problem in problems}) == len(problems)


def test_each_kind_has_texts_and_no_text_is_left_over() -> None:
    texts = read_texts()
    assert vars(texts.problems).keys() == {*Kind}
    assert vars(texts.status.severities).keys() == {*Severity}
    for words in vars(texts.problems).values():
        assert vars(words).keys() == {"title", "remedy"}


# --- on running gateways --------------------------------------------------------------------------


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(token_with(exp=time.time() + 9.5 * DAY), "utf-8")
    return file


def test_the_end_of_the_token_is_a_warning_a_metric_and_on_the_page(
    token_file: Path, dataset: Dataset
) -> None:
    with bridge(dataset, settings={"token_file": str(token_file)}) as gateway:
        assert _readiness(gateway)["ready"] is True
        assert "ends in 9 days" in str(_readiness(gateway)["warnings"])
        assert "ends in 9 days" in _status(gateway)
        token_file.write_text(token_with(exp=time.time() - 60), "utf-8")
        assert "has ended" in str(_readiness(gateway)["warnings"])
        token_file.write_text(token_with(exp=4e9), "utf-8")
        assert "warnings" not in _readiness(gateway)
        assert read_texts().status.fine in _status(gateway)
        assert _gauge(gateway, "token_expires_timestamp_seconds") == 4e9
        token_file.write_text("a token that is no JWT", "utf-8")
        assert "warnings" not in _readiness(gateway)
        assert _gauge(gateway, "token_expires_timestamp_seconds") == 0
        token_file.unlink()
        assert "no usable token" in str(_readiness(gateway)["warnings"])
        assert "no usable token" in _status(gateway)


@pytest.mark.parametrize("settings", [{}, {"pass_through": True}])
def test_no_token_is_a_problem_unless_callers_bring_their_own(
    settings: dict[str, object], dataset: Dataset
) -> None:
    with bridge(dataset, settings={"token_file": None, **settings}) as gateway:
        assert ("warnings" in _readiness(gateway)) == (not settings)


def test_a_token_that_a_program_replaces_is_no_warning(token_file: Path, dataset: Dataset) -> None:
    now = time.time()
    token_file.write_text(token_with(exp=now + 600, iat=now - 3_000), "utf-8")
    with bridge(dataset, settings={"token_file": str(token_file)}) as gateway:
        assert "warnings" not in _readiness(gateway)


def test_failures_are_found_until_they_are_over(dataset: Dataset) -> None:
    with bridge(dataset, faults=Faults(wrong_shape_next=1)) as gateway:
        assert gateway.get("Results?$orderby=progress").status_code == 502
        title = read_texts().problems.extractFailed.title.partition("{")[0]
        assert title in _status(gateway)
        deadline = time.monotonic() + 20
        while gateway.get("Results?$orderby=progress").status_code != 200:
            assert time.monotonic() < deadline
        assert title not in _status(gateway)


def test_an_outage_is_found(dataset: Dataset) -> None:
    with bridge(dataset, settings={"retry_budget": 30}) as gateway:
        gateway.sandbox.faults.error_next = 1_000
        deadline = time.monotonic() + 30
        while read_texts().problems.upstreamDown.title not in _status(gateway):
            assert time.monotonic() < deadline
            gateway.get(f"Results?$orderby=progress&$filter=progress gt {time.monotonic_ns()}")


def test_only_those_who_see_everything_see_problems() -> None:
    rules = '[roles.all]\nsets = ["Users"]\n'
    with sandbox(generate(20)) as api, house(api, rules) as gateway:
        wrong = read_texts().status.wrong
        assert wrong in gateway.ask("/status", headers=HTML).text
        assert wrong not in gateway.ask("/status", "default/all", headers=HTML).text
        own = gateway.ask("/status", token=token_with(exp=4e9, sub="me"), headers=HTML)
        assert (own.status_code, wrong in own.text) == (200, False)


@pytest.mark.anyio
async def test_what_is_unproved_or_contradicted_is_found(tmp_path: Path) -> None:
    variation = VARIATIONS["filter-users-ignored"]
    async with started(variation, generate(300, seed=11), tmp_path) as gateway:
        assert await _kinds(gateway) == set()
        await gateway.get("Results?$select=id")
        assert await _kinds(gateway) == {Kind.UNPROVED}
        await gateway.prove()
        assert Kind.CONTRADICTED in await _kinds(gateway)
        response = await gateway.client.get("/status", headers=HTML)
        assert "filter by userId" in unescape(response.text)


async def _kinds(gateway: Gateway) -> set[Kind]:
    service = gateway.app.state.workspaces[0].service_of(None, None)
    facts = await service.health()
    return {problem.kind for problem in find_problems(facts)}


def token_with(**claims: object) -> str:
    return jwt.encode(claims, SECRET, algorithm="HS256")


def _status(gateway: Bridge) -> str:
    base = gateway.root.removesuffix("/odata/v4/")
    return unescape(httpx.get(f"{base}/status", headers=HTML).text)


def _readiness(gateway: Bridge) -> dict[str, object]:
    answer = httpx.get(f"{gateway.root.removesuffix('/odata/v4/')}/readyz")
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


def _gauge(gateway: Bridge, name: str) -> float:
    text = httpx.get(f"{gateway.root.removesuffix('/odata/v4/')}/metrics").text
    [value] = re.findall(rf"^skillhabit_odata_{name}(?:\{{.*\}})? (.+)$", text, re.MULTILINE)
    return float(value)
