"""The roles that members of requests and responses play, judged by their names alone.

A path is a tuple of member names, with `"[]"` for each element of an array and `"*"` for any name
in a map. Case style does not matter: `updatedAt`, `updated_at` and `UPDATEDAT` are the same name.
The result is a guess with a score, for the choice of the next probe; it never proves
anything. The names themselves are in `usual_names.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.discovery.claims.name_table import (
    AT_THE_ROOT,
    BY_OTHERS,
    WRAPPERS,
    Part,
    Role,
    is_in,
    patterns_of,
)

Path = tuple[str, ...]
"""Names of members from the outside in; `"[]"` is each element, `"*"` any member."""

EACH = "[]"
ANY = "*"
MAX_STEPS = 16
MAX_LETTERS = 300
_NO_LETTERS = re.compile(r"[^a-z0-9]+")
_PER_STRANGER = 0.8
_PER_OTHERS = 0.3


@dataclass(frozen=True, slots=True)
class RoleScore:
    """A role that a member may have; `score` is between 0 and 1, and 0.5 is a serious candidate."""

    role: Role
    score: float


def role_of(path: Path, part: Part | None = None) -> list[RoleScore]:
    """Return the roles that the names of a path suggest, best first.

    Args:
        path: the member's path; rows start at the row, responses and requests at the body.
        part: where the member was found; None if any part is possible.

    >>> role_of(("learner", "ID"), Part.ROW)[0]
    RoleScore(role=<Role.USER_ID: 'user_id'>, score=0.95)
    >>> [found.role.value for found in role_of(("filters", "updated_at", "gte"), Part.REQUEST)]
    ['updated_from']
    """
    name = plain_path(path)
    if not name:
        return []
    scored = ((role, round(_score(role, name), 3)) for role in Role if is_in(role, part))
    found = [RoleScore(role, score) for role, score in scored if score > 0]
    return sorted(found, key=lambda one: (-one.score, one.role.value))


def best_paths(role: Role, paths: Iterable[Path], least: float = 0.3) -> list[tuple[Path, float]]:
    """Return the paths that may have a role, best first, of equal ones the shorter first."""
    found = [(path, _score(role, plain_path(path))) for path in paths]
    kept = [(path, round(score, 3)) for path, score in found if score >= least]
    return sorted(kept, key=lambda one: (-one[1], len(one[0])))


def roles_of(paths: Iterable[Path], part: Part | None = None) -> Mapping[Role, list[Path]]:
    """Return the candidates of each role, best first; roles without one are absent."""
    known = list(dict.fromkeys(paths))
    roles = [role for role in Role if is_in(role, part)]
    ranked = {role: [path for path, _ in best_paths(role, known)] for role in roles}
    return {role: candidates for role, candidates in ranked.items() if candidates}


def plain_name(name: str) -> str:
    """Return a name without case and separators.

    >>> plain_name("Updated-At"), plain_name("user_IDs"), plain_name("$top")
    ('updatedat', 'userids', 'top')
    """
    return _NO_LETTERS.sub("", name.lower())


def plain_path(path: Path) -> str:
    """Return the names joined by dots, without array steps; empty if the path is too long.

    >>> plain_path(("user", "Groups", "[]", "group_id"))
    'user.groups.groupid'
    """
    names = ["~" if step == ANY else plain_name(step) for step in path if step != EACH]
    joined = ".".join(name for name in names if name)
    return joined if len(names) <= MAX_STEPS and len(joined) <= MAX_LETTERS else ""


def _score(role: Role, name: str) -> float:
    strangers = _PER_OTHERS if role in AT_THE_ROOT else _PER_STRANGER
    scores = (_of_pattern(pattern, name, score, strangers) for pattern, score in patterns_of(role))
    return max(scores, default=0.0)


def _of_pattern(pattern: re.Pattern[str], name: str, score: float, strangers: float) -> float:
    """Return the score of a pattern for the longest end of the path that it matches."""
    steps = name.split(".")
    for start in range(len(steps)):
        if pattern.fullmatch(".".join(steps[start:])):
            return score * _discount(steps[:start], strangers)
    return 0.0


def _discount(before: list[str], strangers: float) -> float:
    """Return the factor for names around the matched ones; usual wrappers cost nothing."""
    factor = 1.0
    for name in before:
        if BY_OTHERS.fullmatch(name):
            factor *= _PER_OTHERS
        elif not WRAPPERS.fullmatch(name):
            factor *= strangers
    return factor
