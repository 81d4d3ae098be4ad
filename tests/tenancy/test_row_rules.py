"""A role sees what a workspace would have that holds nothing but its rows: there is no way around.

The oracle is a second gateway, without roles, over an Analytics API that has only those rows; which
they are is told by plain Python. Every answer must be the same, byte for byte, refusals too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox import generate
from tests.support.examples import examples
from tests.support.flat import flat_row
from tests.tenancy.support import House, house, sandbox

RULES: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
    "group": (
        "groupIds/any(g: g in ('grp-00', 'grp-03'))",
        lambda row: not {"grp-00", "grp-03"}.isdisjoint(row["groupIds"]),
    ),
    "person": (
        "startswith(userEmail, 'i') or contentType eq 'COURSE'",
        lambda row: str(row["userEmail"]).startswith("i") or row["contentType"] == "COURSE",
    ),
    "state": (
        "state ne 'APPROVED' and progress gt 20",
        lambda row: row["state"] != "APPROVED" and (row["progress"] or 0) > 20,
    ),
    "field": ("department eq null", lambda row: row["department"] is None),
    "nobody": ("false", lambda row: False),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """The gateway with roles, and for each role one that has its rows alone."""

    limited: House
    alone: dict[str, House]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    rows = generate(500, seed=11).to_rows()
    flat = [flat_row(row) for row in rows]
    toml = "\n".join(f'[roles.{name}]\nrows = "{rule}"' for name, (rule, _) in RULES.items())
    with ExitStack() as stack:
        limited = stack.enter_context(house(stack.enter_context(sandbox(rows)), toml, page_size=40))
        alone = {}
        for name, (_, sees) in RULES.items():
            own = [row for row, told in zip(rows, flat, strict=True) if sees(told)]
            upstream = stack.enter_context(sandbox(own))
            alone[name] = stack.enter_context(house(upstream, page_size=40, early_pages="false"))
        yield Pair(limited, alone)


SETS = [
    *("Results", "ResultRows", "Users", "Contents", "Groups", "GroupMembers"),
    *("Statistics", "ContentStatistics", "UserStatistics", "GroupStatistics"),
]
COUNTED = ("ContentStatistics", "UserStatistics", "GroupStatistics")
USERS = [f"usr-{number:06}" for number in range(120)]
CONTENTS = [f"cnt-{number:04}" for number in range(40)]
GROUPS = [f"grp-{number:02}" for number in range(12)]

_text = st.sampled_from(["a", "i", "ex", "Safety", "Excel", "example", "100", "Trainee"])
_comparison = st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"])
_condition = st.one_of(
    st.builds("state {} '{}'".format, st.sampled_from(["eq", "ne"]), st.sampled_from(
        ["APPROVED", "FAILED", "IN_PROGRESS", "NOT_STARTED", "EXPIRED"])),
    st.builds("progress {} {}".format, _comparison, st.integers(0, 100)),
    st.builds("userId {} '{}'".format, _comparison, st.sampled_from(USERS)),
    st.builds("contains(userName,'{}')".format, _text),
    st.builds("groupIds/any(g:g eq '{}')".format, st.sampled_from(GROUPS)),
    st.builds("user/results/$count gt {}".format, st.integers(0, 6)),
    st.builds("user/results/any(r:r/state eq 'FAILED' and r/progress ge {})".format,
              st.integers(0, 90)),
    st.builds("user/memberships/any(m:m/groupId eq '{}')".format, st.sampled_from(GROUPS)),
    st.just("content/statistics/users gt 2"),
    st.just("content/name ne contentName"),
    st.just("year(updatedAt) eq 2024"),
    st.just("certificateIssuedAt ne null"),
)  # fmt: skip
_filter = st.one_of(
    _condition,
    st.builds("not ({})".format, _condition),
    st.builds("({} and {})".format, _condition, _condition),
    st.builds("({} or {})".format, _condition, _condition),
)
_order = st.sampled_from(
    ["updatedAt desc", "userName,id", "progress desc,id", "user/results/$count desc,id", "id"]
)
_question = st.one_of(
    st.sampled_from(SETS),
    st.builds("{}?$count=true&$top={}&$skip={}".format, st.sampled_from(SETS),
              st.integers(0, 60), st.integers(0, 60)),
    st.builds("{}/$count".format, st.sampled_from(SETS)),
    st.builds("Results?$filter={}&$orderby={}&$count=true".format, _filter, _order),
    st.builds("Results/$count?$filter={}".format, _filter),
    st.builds("Results/$filter(@f)/$count?@f={}".format, _filter),
    st.builds("Results?$search={}&$count=true".format, _text),
    st.builds("Users?$search=NOT {}".format, _text),
    st.builds("Results?$apply=filter({})/aggregate($count as n,progress with sum as s)".format,
              _filter),
    st.builds("Results?$apply=groupby(({}),aggregate($count as n,userId with countdistinct as u))"
              .format, st.sampled_from(["state", "contentId", "enrollmentType", "state,userId"])),
    st.just("Results?$apply=aggregate($count as n,id with countdistinct as d)"),
    st.builds("Results?$apply=groupby(({}),aggregate($count as n,user/results/$count as m))"
              .format, st.sampled_from(["user/name", "content/type,state"])),
    st.builds("Users?$apply=filter(results/$count gt {})/aggregate(results/progress with sum as s,"
              "memberships/group/name with max as g,results/$count as n)".format,
              st.integers(0, 5)),
    st.just("Results?$apply=topcount(7,progress)/aggregate(progress with sum as s)"),
    st.just("Results?$apply=concat(aggregate($count as n),groupby((state)))"),
    st.builds("Results?$compute=progress mul 2 as twice&$filter=twice gt {}&$select=id,twice"
              .format, st.integers(0, 200)),
    st.builds("Users('{}')".format, st.sampled_from(USERS)),
    st.builds("Users('{}')/results?$count=true".format, st.sampled_from(USERS)),
    st.builds("Users('{}')/name/$value".format, st.sampled_from(USERS)),
    st.builds("Users('{}')/memberships/$ref".format, st.sampled_from(USERS)),
    st.builds("Results('{}_{}')".format, st.sampled_from(USERS), st.sampled_from(CONTENTS)),
    st.builds("Results('{}_{}')/user/results/$count".format, st.sampled_from(USERS),
              st.sampled_from(CONTENTS)),
    st.builds("Groups('{}')/members?$expand=user($expand=results($count=true;$top=2))".format,
              st.sampled_from(GROUPS)),
    st.builds("Contents('{}')?$expand=results($filter={};$select=id,state),statistics".format,
              st.sampled_from(CONTENTS), _condition),
    st.builds("Users?$expand=results($count=true;$orderby=progress desc;$top={})&$top=20".format,
              st.integers(0, 4)),
    st.builds("{}?$filter=results gt {}&$orderby=results desc".format, st.sampled_from(COUNTED),
              st.integers(0, 9)),
    st.builds("$entity?$id=Users('{}')".format, st.sampled_from(USERS)),
    st.builds("{}?$format=csv".format, st.sampled_from(SETS[:9])),
    st.builds("Results?$filter={}&$format=csv".format, _filter),
    st.just("Results?$select=groupIds($count;$filter=$this gt 'grp-03')"),
)  # fmt: skip


def told(answer: httpx.Response, own: House) -> tuple[int, str, str]:
    """What a client learns, but for what belongs to one gateway and one extract."""
    text = answer.text.replace(own.root, "ROOT")
    text = re.sub(r'"@[^"]*[sS]napshotTakenAt":"[^"]*",?', "", text)
    text = re.sub(r'(skiptoken=|deltatoken=)[^"&]*', r"\1TOKEN", text)
    return answer.status_code, answer.headers.get("content-type", ""), text


@pytest.mark.parametrize("role", RULES)
@examples(40)
@given(question=_question)
def test_every_answer_is_that_of_a_workspace_with_the_roles_rows_alone(
    pair: Pair, role: str, question: str
) -> None:
    alone = pair.alone[role]
    mine, theirs = pair.limited.odata(question, f"default/{role}"), alone.odata(question)
    assert told(mine, pair.limited) == told(theirs, alone)


@pytest.mark.parametrize("role", RULES)
def test_whole_feeds_are_the_same_through_all_pages(pair: Pair, role: str) -> None:
    for name in SETS:
        mine, theirs = pair.limited.feed(name, f"default/{role}"), pair.alone[role].feed(name)
        assert mine == theirs


def test_a_link_of_one_role_leads_another_nowhere(pair: Pair) -> None:
    first = pair.limited.odata("Results", "default/group").json()["@odata.nextLink"]
    assert pair.limited.ask(first, "default/group").status_code == 200
    for other in ("default/person", "default"):
        refused = pair.limited.ask(first, other)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "InvalidSkipToken"


def test_what_one_role_has_cached_no_other_gets(pair: Pair) -> None:
    """The same URL at the same time, and a conditional request with the other's ETag."""
    tags = {}
    for role in ("", "/group", "/person", "/state"):
        answer = pair.limited.odata("Results?$top=30&$orderby=id", f"default{role}")
        tags[role] = answer.headers["etag"]
    assert len(set(tags.values())) == len(tags)
    for role in tags:
        for other, tag in tags.items():
            again = pair.limited.odata(
                "Results?$top=30&$orderby=id", f"default{role}", headers={"If-None-Match": tag}
            )
            assert again.status_code == (304 if role == other else 200)


def test_parts_of_a_batch_are_the_roles_too(pair: Pair) -> None:
    urls = ["Results/$count", "Users?$top=3", "Statistics", "Results?$apply=aggregate($count as n)"]
    body = {"requests": [{"id": str(n), "method": "GET", "url": u} for n, u in enumerate(urls)]}
    role = "group"
    answers = []
    for own, caller in ((pair.limited, f"default/{role}"), (pair.alone[role], "")):
        found = own.odata("$batch", caller, method="POST", json=body).text
        found = re.sub(r'"@[^"]*napshotTakenAt":"[^"]*",?', "", found.replace(own.root, ""))
        answers.append([(r["status"], r.get("body")) for r in json.loads(found)["responses"]])
    assert answers[0] == answers[1]


def test_a_long_query_as_a_body_is_the_roles_too(pair: Pair) -> None:
    body = "$filter=" + " or ".join(f"userId eq '{user}'" for user in USERS) + "&$count=true"
    mine, theirs = (
        own.odata("Results/$query", caller, method="POST", content=body,
                  headers={"Content-Type": "text/plain"})
        for own, caller in ((pair.limited, "default/state"), (pair.alone["state"], ""))
    )  # fmt: skip
    assert told(mine, pair.limited) == told(theirs, pair.alone["state"])


def test_numbers_of_all_rows_are_told_to_nobody_with_a_role(pair: Pair) -> None:
    everyone = pair.limited.odata("Results/$count").text
    for path in ("/status", "/explain/Results", "/explain/Results?$filter=state eq 'FAILED'"):
        assert everyone in pair.limited.ask(path).text or "explain" in path
        for role in RULES:
            shown = pair.limited.ask(path, f"default/{role}").text
            assert not re.search(rf"\b{everyone}\b", shown)
            assert "grp-0" not in shown


@pytest.mark.parametrize(
    "question",
    [
        "Results/$count",
        "Results?$top=0&$count=true",
        "Results?$top=5",
        "Results?$top=5&$orderby=updatedAt desc&$count=true",
        "Results?$filter=state eq 'FAILED'&$top=3",
        "Results?$apply=aggregate($count as n)",
        "Results?$apply=groupby((state),aggregate($count as n))&$orderby=state",
        "Results?$filter=state eq 'FAILED'&$format=csv",
        "Users/$count",
        "Results",
    ],
)
def test_the_first_question_of_all_is_answered_the_same(question: str) -> None:
    """Nothing is at hand: what the Analytics API could tell at once it would tell of all rows."""
    rows = generate(120, seed=3).to_rows()
    rule, sees = RULES["group"]
    own = [row for row in rows if sees(flat_row(row))]
    answers = []
    for upstream_rows, toml, caller in (
        (rows, f'[roles.group]\nrows = "{rule}"', "default/group"),
        (own, "", ""),
    ):
        with (
            sandbox(upstream_rows) as upstream,
            house(upstream, toml, early_pages="false") as gateway,
        ):
            answers.append(told(gateway.odata(question, caller), gateway))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "question",
    [
        "Results/$count?$filter=matchespattern(contentName,userName)",
        "Results?$filter=matchespattern(contentName,userName) and progress ge 0",
        "Results?$orderby=matchespattern(contentName,userName),id",
        "Results?$compute=matchespattern(contentName,userName) as m&$select=m",
        "Results?$apply=filter(matchespattern(contentName,userName))/aggregate($count as n)",
        "Users/$count?$filter=matchespattern(id,name)",
        "Users?$filter=results/any(r:matchespattern(r/contentName,r/userName))",
        "Results?$filter=matchespattern(contentName,userName)&$format=csv",
    ],
)
def test_a_row_that_is_not_seen_makes_no_question_fail(question: str) -> None:
    """A name that is no pattern fails where it is looked at; who does not see it must not learn."""
    rows = generate(80, seed=7).to_rows()
    unseen = next(row for row in rows if not flat_row(row)["groupIds"])
    person = unseen["user"]
    for row in rows:
        user = row["user"]
        assert isinstance(user, dict)
        row["user"] = {**user, "name": "(" if user == person else "x"}
    toml = '[roles.grouped]\nrows = "groupIds/$count gt 0"'
    with sandbox(rows) as upstream, house(upstream, toml, early_pages="false") as gateway:
        assert gateway.odata(question).status_code == 400
        assert gateway.odata(question, "default/grouped").status_code == 200
