"""The choice among an API's operations: the ones for results, statistics and login.

Only operations whose names indicate reading are candidates; one that may write never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.discovery.claims.name_table import Part, Role
from gateway.discovery.claims.names import EACH, Path, role_of

LEAST_SCORE = 5.0
"""Below this an operation is not chosen; `/analyse/results` alone has more."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ANALYSE = re.compile(r"analy[sz]e|analytics?|analys[ei]s|reports?|reporting|insights?")
_RESULTS = re.compile(r"results?|records?|progress|completions?|enroll?ments?")
_READS = re.compile(r"search|query|list|find|filter|get|fetch|read|page|paged|paginated")
_STATISTICS = re.compile(
    r"statistics?|stats?|summary|summaries|aggregat(?:e|es|ion|ions)|overview|kpis?"
)
_WRITES = re.compile(
    r"creat(?:e|es|ion)|updat(?:e|es)|delet(?:e|es|ion)|remov(?:e|al)|import|upload|sync|webhooks?"
    r"|reset|assign|unassign|invit(?:e|es)|archive|restore|mark|submit|upsert|bulk|set|add|edit"
    r"|enroll?|unenroll?|send|notify|approve|reject|cancel|revoke|publish"
)
_EXPORTS = re.compile(r"exports?|csv|xlsx|excel|pdf|downloads?|files?")
_LOGIN = {"login", "signin", "auth", "authenticate", "authentication", "token", "oauth", "session",
          "sessions", "jwt", "tokens"}  # fmt: skip
_NO_LOGIN = {"refresh", "logout", "revoke", "forgot", "register", "signup", "verify", "reset",
             "out", "introspect", "confirm", "invite"}  # fmt: skip
_WANTED = {
    Role.LIMIT, Role.SKIP, Role.PAGE, Role.CURSOR, Role.ORDER_FIELD, Role.ORDER_DIRECTION,
    Role.GROUPS, Role.USERS, Role.CONTENTS, Role.STATES, Role.ENROLLMENT_TYPES, Role.UPDATED_RANGE,
    Role.USER_ID, Role.CONTENT_ID, Role.STATE, Role.PROGRESS, Role.UPDATED_AT, Role.ENROLLMENT_TYPE,
}  # fmt: skip


_PAGING = {Role.LIMIT, Role.SKIP, Role.PAGE, Role.CURSOR}


def words_of(*texts: str) -> list[str]:
    """Return the words of names in any case style, in lower case.

    >>> words_of("/analyse/results", "getAnalyseResults")
    ['analyse', 'results', 'get', 'analyse', 'results']
    """
    return [word.lower() for text in texts for word in _WORDS.findall(text[:500])]


def results_score(path: str, operation_id: str = "", prose: str = "") -> float:
    """Return how well the names of an operation suit the one that lists results."""
    usual = 6.0 if _ends(path, "results") else 0.0
    return (
        usual + _score(path, operation_id, prose, _RESULTS) - 4 * _has(_STATISTICS, words_of(path))
    )


def statistics_score(path: str, operation_id: str = "", prose: str = "") -> float:
    """Return how well the names of an operation suit the one that counts results."""
    usual = 6.0 if _ends(path, "statistics") else 0.0
    return usual + _score(path, operation_id, prose, _STATISTICS)


def login_score(path: str, operation_id: str = "") -> float:
    """Return how well the names of an operation suit the one that returns a token."""
    words = set(words_of(path, operation_id))
    if words & _NO_LOGIN:
        return 0.0
    return 3.0 * len(words & _LOGIN) + 3.0 * (len(words & {"log", "sign", "in"}) > 1)


def shape_score(request: Iterable[Path], response: Iterable[Path]) -> float:
    """Return how many of the members that the gateway needs an operation has, 8 at most."""
    roles = {role for path in request for role in _sure(path, Part.REQUEST)}
    for path in response:
        start = next((at for at, step in enumerate(path) if step == EACH), None)
        if start is not None:
            roles |= set(_sure(path[start + 1 :], Part.ROW))
    return float(min(8, len(roles & _WANTED)))


def reads(path: str, operation_id: str, request: Iterable[Path]) -> bool:
    """Return True if the words of an operation, or a page in its request, indicate reading."""
    if _may_write(path, operation_id):
        return False
    words = words_of(path, operation_id)
    paged = any(_PAGING & set(_sure(one, Part.REQUEST)) for one in request)
    return _has(_ANALYSE, words) or _has(_READS, words) or paged


def total_headers(names: Iterable[str]) -> tuple[str, ...]:
    """Return the headers that may hold a total, or a link to the next page."""
    return tuple(dict.fromkeys(name for name in names if _is_total(name)))


def _is_total(name: str) -> bool:
    lower = name.lower().removeprefix("x-")
    roles = {found.role for found in role_of((lower,), Part.RESPONSE) if found.score >= 0.7}
    wanted = roles & {Role.TOTAL, Role.TOTAL_PAGES, Role.NEXT_CURSOR}
    return lower == "link" or (bool(wanted) and not lower.startswith("content"))


def _sure(path: Path, part: Part) -> list[Role]:
    return [found.role for found in role_of(path, part) if found.score >= 0.9]


def _ends(path: str, name: str) -> bool:
    return re.search(rf"/analy[sz]e/{name}/?$", path, re.IGNORECASE) is not None


def _may_write(path: str, operation_id: str) -> bool:
    """Return True if a word indicates writing; documented paths and reading verbs excuse it."""
    if _ends(path, "results") or _ends(path, "statistics"):
        return False
    names = words_of(operation_id)
    writes = _has(_WRITES, names) and not _has(_READS, names)
    return writes or _has(_WRITES, words_of(path))


def _score(path: str, operation_id: str, prose: str, wanted: re.Pattern[str]) -> float:
    steps, others = words_of(path), words_of(operation_id, prose)
    last = words_of(path.rstrip("/").rpartition("/")[2])
    if _may_write(path, operation_id):
        return 0.0
    score = 4.0 * _has(wanted, steps) + 1.0 * _has(wanted, others) + 1.0 * _has(wanted, last)
    score += 3.0 * _has(_ANALYSE, steps) + 1.0 * _has(_ANALYSE, others)
    score += 0.5 * _has(_READS, steps + others)
    score -= 6.0 * _has(_EXPORTS, steps) + 3.0 * ("{" in path)
    return score if _has(wanted, steps + others) else 0.0


def _has(pattern: re.Pattern[str], words: list[str]) -> bool:
    return any(pattern.fullmatch(word) for word in words)
