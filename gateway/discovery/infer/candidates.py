"""Candidates for the usual columns: members, judged by names, values and neighbours."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.contract import file
from gateway.discovery.claims.name_table import Part, Role
from gateway.discovery.claims.names import EACH, plain_name, role_of
from gateway.discovery.infer.instants import find_format
from gateway.discovery.infer.members import Member, is_number, is_scalar, spread
from gateway.discovery.infer.splitting import has_separator
from gateway.discovery.infer.words import documented_part, is_closed_set

ROLES: Mapping[str, Role] = {
    "userId": Role.USER_ID,
    "userName": Role.USER_NAME,
    "userEmail": Role.USER_EMAIL,
    "userAvatar": Role.USER_AVATAR,
    "contentId": Role.CONTENT_ID,
    "contentName": Role.CONTENT_NAME,
    "contentType": Role.CONTENT_TYPE,
    "progress": Role.PROGRESS,
    "state": Role.STATE,
    "enrollmentType": Role.ENROLLMENT_TYPE,
    "updatedAt": Role.UPDATED_AT,
    "startedAt": Role.STARTED_AT,
    "completedAt": Role.COMPLETED_AT,
    "expiryDate": Role.EXPIRY_DATE,
    "certificateIssuedAt": Role.CERTIFICATE_ISSUED_AT,
    "groupIds": Role.GROUP_IDS,
    "groupNames": Role.GROUP_NAMES,
    "attempt": Role.ATTEMPT,
    "firstName": Role.USER_FIRST_NAME,
    "lastName": Role.USER_LAST_NAME,
}
"""The roles of columns that one member makes, and of parts of a name; the key is found apart."""
PARTS_OF_NAME = ("firstName", "lastName")
INSTANTS = ("updatedAt", "startedAt", "completedAt", "expiryDate", "certificateIssuedAt")
NAMES = ("userName", "contentName")
WORDS = ("state", "enrollmentType")
_BY_VALUES = (*WORDS, "userEmail")
GROUPS = ("groupIds", "groupNames")
_LEAST = {"progress": 0.5, "attempt": 0.7, **dict.fromkeys(INSTANTS, 0.5)}
_LEAST_OF_ALL = 0.38
_EXACT, _CLAIMED, _UNSEEN, _NEIGHBOUR = 0.06, 1.0, 0.7, 0.85
_BY_VALUE = 0.45
_DOCUMENTED = 0.5
_SURE_SHARE = 0.8
_JUDGED_VALUES = 300
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?|default")
_ID_NAMES = frozenset({"id", "key", "uuid", "guid", "code", "number", "identifier", "externalid"})
_NAME_NAMES = frozenset({"name", "title", "label", "displayname", "fullname"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member for a column; `is_exact` is True if its name is usual or claimed."""

    member: Member
    score: float
    is_exact: bool


Ranked = Mapping[str, tuple[Candidate, ...]]
"""The candidates of each column, best first; a member is the first candidate of one column only."""


def rank(
    members: Sequence[Member], usual: Sequence[file.ColumnEntry], claims: Mapping[str, str]
) -> Ranked:
    """Return the candidates of each column that has any."""
    aliases = _aliases(members)
    found: dict[str, list[Candidate]] = defaultdict(list)
    entries = {entry.name: entry for entry in usual}
    for member in members:
        scores = _scores(member, aliases)
        for column, role in ROLES.items():
            entry = entries.get(column)
            made = _candidate(member, column, scores.get(role, 0.0), entry, claims.get(column))
            if made is not None:
                found[column].append(made)
    return _assigned(found)


def _scores(member: Member, aliases: Mapping[tuple[str, ...], str]) -> dict[Role, float]:
    """Return the scores of roles, also by the neighbours in an object of an unknown name."""
    scores = member.roles()
    alias = aliases.get(member.holder)
    if alias is not None:
        for found in role_of((alias, member.steps[-1]), Part.ROW):
            scores[found.role] = max(scores.get(found.role, 0.0), found.score * _NEIGHBOUR)
    return scores


def _candidate(
    member: Member, column: str, score: float, entry: file.ColumnEntry | None, claim: str | None
) -> Candidate | None:
    documented = () if entry is None else entry.values
    values = member.known
    least = _LEAST.get(column, _LEAST_OF_ALL) * (1 if values else _UNSEEN)
    claimed = claim is not None and claim == member.path
    if score < least and not claimed and column not in _BY_VALUES:
        return None
    if values:
        fit = _FITS[column](member, values)
        by_value = _by_value(member, column, values, documented)
        score = max(score * fit + (_DOCUMENTED * by_value if score else 0), by_value * _BY_VALUE)
        score = score if fit else 0.0
    else:
        score = 0.0 if member.is_each else score * _UNSEEN
    exact = claimed or _is_usual(member, column, entry)
    if score < least and not (claimed and score > 0):
        return None
    return Candidate(member, score + _EXACT * exact + _CLAIMED * claimed, exact)


def _is_usual(member: Member, column: str, entry: file.ColumnEntry | None) -> bool:
    usual = "" if entry is None or not isinstance(entry.path, str) else entry.path
    plain = ".".join(plain_name(step) for step in usual.replace(EACH, "").split("."))
    own = ".".join(plain_name(step) for step in member.steps if step != EACH)
    return own == plain or member.name == plain_name(column)


def _by_value(
    member: Member, column: str, values: Sequence[Any], documented: Sequence[str]
) -> float:
    """Return how much the values alone say that a member is a column, from 0 to 1."""
    if member.is_by_others:
        return 0.0
    if column in WORDS and not member.is_each and all(map(is_scalar, values)):
        part = documented_part(values, documented) if is_closed_set(values) else 0.0
        return part if part >= _SURE_SHARE else 0.0
    if column == "userEmail" and not member.is_each and _part(values, _is_mail) >= _SURE_SHARE:
        return 1.0
    return 0.0


def _assigned(found: Mapping[str, list[Candidate]]) -> Ranked:
    """Give each member to the column that it suits best; equal ones to the less nested."""
    triples = [(made, column) for column, several in found.items() for made in several]
    order = sorted(
        triples, key=lambda t: (-round(t[0].score, 3), len(t[0].member.steps), [*ROLES].index(t[1]))
    )
    taken: dict[tuple[str, ...], str] = {}
    ranked: dict[str, list[Candidate]] = defaultdict(list)
    for made, column in order:
        steps = made.member.steps
        if ranked[column] or taken.setdefault(steps, column) == column:
            ranked[column].append(made)
    kept = {
        column: tuple(c for c in several if taken.get(c.member.steps, column) == column)
        for column, several in ranked.items()
    }
    return {column: several for column, several in kept.items() if several}


def _aliases(members: Sequence[Member]) -> dict[tuple[str, ...], str]:
    """Return the roles of objects with unknown names: the one with an address is the person.

    The content is the only other object with an id and a name.
    """
    inside: dict[tuple[str, ...], list[Member]] = defaultdict(list)
    for member in members:
        if member.holder and not member.is_each and not member.is_by_others:
            inside[member.holder].append(member)
    people = [holder for holder, parts in inside.items() if any(map(_is_personal, parts))]
    named = {holder for holder, parts in inside.items() if _has_id_and_name(parts)}
    known = {m.holder for m in members for role in _strong(m) if role in _OF_THINGS}
    others = [holder for holder in named if holder not in people and holder not in known]
    aliases = {holder: "user" for holder in people if holder not in known}
    if len(others) == 1:
        aliases[others[0]] = "content"
    return aliases


_OF_THINGS = frozenset({Role.USER_ID, Role.USER_NAME, Role.CONTENT_ID, Role.CONTENT_NAME})


def _strong(member: Member) -> Iterator[Role]:
    yield from (role for role, score in member.roles().items() if score >= _DOCUMENTED)


def _is_personal(member: Member) -> bool:
    values = member.known
    return bool(values) and _part(values, _is_mail) >= _SURE_SHARE


def _has_id_and_name(parts: Iterable[Member]) -> bool:
    names = {part.name for part in parts if all(map(is_scalar, part.known))}
    return bool(names & _ID_NAMES) and bool(names & _NAME_NAMES)


def is_language_map(value: Any) -> bool:
    """Return True for `{"en": "Safety", "de": "Sicherheit"}`."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(name, str) and _LANGUAGE.fullmatch(name) for name in value)
        and all(isinstance(text, str | None) for text in value.values())
    )


def _is_mail(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[^@\s]+@[^@\s]+", value.strip()) is not None


def _part(values: Sequence[Any], fits: Callable[[Any], bool]) -> float:
    """Return the share of values that fit, from a sample of a few hundred."""
    few = spread(values, _JUDGED_VALUES)
    return sum(map(fits, few)) / max(1, len(few))


def _fits_id(member: Member, values: Sequence[Any]) -> float:
    whole = all(isinstance(v, str | int) and not isinstance(v, bool) for v in values)
    if member.is_each or not whole:
        return 0.0
    return 0.6 if _part(values, _is_mail) >= _SURE_SHARE else 1.0


def _fits_name(member: Member, values: Sequence[Any]) -> float:
    if member.is_each or any(is_language_map(v) for v in values):
        maps = all(is_language_map(v) or isinstance(v, str) for v in values)
        return float(maps and not member.is_each)
    texts = all(isinstance(v, str) for v in values)
    return float(texts) * (0.6 if _part(values, _is_mail) >= _SURE_SHARE else 1.0)


def _fits_mail(member: Member, values: Sequence[Any]) -> float:
    if member.is_each or not all(isinstance(v, str) for v in values):
        return 0.0
    return 1.0 if _part(values, _is_mail) >= _DOCUMENTED else 0.5


def _fits_text(member: Member, values: Sequence[Any]) -> float:
    return float(not member.is_each and all(isinstance(v, str) for v in values))


def _fits_word(member: Member, values: Sequence[Any]) -> float:
    closed = not member.is_each and all(map(is_scalar, values)) and is_closed_set(values)
    return float(closed)


def _fits_type(member: Member, values: Sequence[Any]) -> float:
    says_nothing = len(member.steps) == 1 and len(set(map(str, values))) == 1 and len(values) > 1
    return _fits_word(member, values) * (0.5 if says_nothing and member.name == "type" else 1.0)


def _fits_progress(member: Member, values: Sequence[Any]) -> float:
    numbers = not member.is_each and all(is_number(v) or _is_numeric(v) for v in values)
    return float(numbers)


def _is_numeric(value: Any) -> bool:
    pattern = r"[+-]?[0-9]{1,6}(?:[.,][0-9]{0,12})?(?: ?%)?|"
    return isinstance(value, str) and re.fullmatch(pattern, value.strip()) is not None


def _fits_instant(member: Member, values: Sequence[Any]) -> float:
    if member.is_each or any(isinstance(v, dict | list | bool) for v in values):
        return 0.0
    return 1.0 if find_format(spread(values, _JUDGED_VALUES // 5)) is not None else 0.6


def _fits_groups(member: Member, values: Sequence[Any]) -> float:
    whole = all(isinstance(v, str | int) and not isinstance(v, bool) for v in values)
    if member.is_each:
        return float(whole)
    listed = member.name.endswith(("s", "list")) or any(has_separator(value) for value in values)
    return 0.8 * float(whole and listed)


def _fits_attempt(member: Member, values: Sequence[Any]) -> float:
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in values)
    return float(whole and not member.is_each)


_FITS: Mapping[str, Callable[[Member, Sequence[Any]], float]] = {
    **dict.fromkeys(("userId", "contentId"), _fits_id),
    **dict.fromkeys(NAMES, _fits_name),
    "userEmail": _fits_mail,
    **dict.fromkeys(("userAvatar", *PARTS_OF_NAME), _fits_text),
    "contentType": _fits_type,
    "progress": _fits_progress,
    **dict.fromkeys(WORDS, _fits_word),
    **dict.fromkeys(INSTANTS, _fits_instant),
    **dict.fromkeys(GROUPS, _fits_groups),
    "attempt": _fits_attempt,
}
