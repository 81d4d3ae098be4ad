"""The first rows: the path of the results, the members that the API needs, and the envelope."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.analytics.read.members import MISSING
from gateway.discovery.claims.hint_table import HintKind
from gateway.discovery.claims.hints import Hint, read_hints
from gateway.discovery.claims.name_table import Part, Role
from gateway.discovery.claims.names import role_of
from gateway.discovery.infer.envelope import find_envelope
from gateway.discovery.infer.found import Envelope
from gateway.discovery.probe.caller import Door, DoorProblem, Reply
from gateway.discovery.probe.study import Study, plain
from gateway.discovery.probe.trees import Tree, at, can_merge, merged, without

_PREFIXES = ("", "/api", "/v1", "/api/v1", "/analytics", "/rest")
_ATTEMPTS = 12
_CERTAIN_SCORE = 0.5
_VERSIONS = 3


def _open(name: str, year: str) -> str:
    """Return a placeholder whose default is a far instant."""
    return f'${{{name} or "{year}-01-01T00:00:00.000Z"}}'


_ROLES: Mapping[Role, Sequence[Any]] = {
    Role.LIMIT: [f"${{limit or {number}}}" for number in (20, 100, 50, 10, 25)],
    Role.SKIP: ["${skip or 0}", "${skip or 1}"],
    Role.PAGE: ["${page or 1}", "${page or 0}"],
    Role.GROUPS: ["${groups or []}"],
    Role.USERS: ["${users or []}"],
    Role.CONTENTS: ["${contents or []}"],
    Role.STATES: ["${states or []}"],
    Role.ENROLLMENT_TYPES: ["${enrollment_types or []}"],
    Role.CUSTOM_FIELDS: [[]],
    Role.UPDATED_RANGE: [
        {start: _open("updated_at.from", "1970"), end: _open("updated_at.to", "2100")}
        for start, end in (("from", "to"), ("start", "end"), ("gte", "lte"))
    ],
    Role.UPDATED_FROM: [_open("updated_at.from", "1970")],
    Role.UPDATED_TO: [_open("updated_at.to", "2100")],
}
"""Values for a required member, by its role, in the order in which they are tried."""
_BODIES: Sequence[Tree] = (
    at("options", {"limit": "${limit or 20}", "skip": "${skip or 0}"}),
    at("limit", "${limit or 20}"),
    at("pageSize", "${limit or 20}") | at("page", "${page or 1}"),
    at("first", "${limit or 20}"),
    at("page", {"size": "${limit or 20}", "number": "${page or 1}"}),
    at("pagination", {"limit": "${limit or 20}"}),
)
"""Usual bodies, for an API that refuses an empty one and does not say why."""
_BY_TYPE: Mapping[str, Sequence[Any]] = {"boolean": [False, True], "array": [[]], "object": [{}]}
_FLAG = re.compile(r"(?:include|with|show|is|has|only|exclude|hide)[A-Z_]\w*")
_VERSION = re.compile(r"version", re.IGNORECASE)
_NEEDS = (HintKind.REQUIRED, HintKind.TYPE, HintKind.FORMAT, HintKind.ENUM)


@dataclass(frozen=True, slots=True)
class Entry:
    """The first response with rows, and what was found on the way.

    `constants` are members that the API requires and that no request of the gateway would otherwise
    have.
    """

    reply: Reply
    envelope: Envelope
    constants: tuple[str, ...] = field(default_factory=tuple)


async def enter(study: Study, paths: Sequence[str], start: Tree, told: Tree) -> Entry:
    """Find a request that returns rows, and set the study's path and base.

    Args:
        study: the API under study.
        paths: paths of the results to try, likeliest first.
        start: members that the owner names, as constants.
        told: members that a description demands; they are sent if the API refuses without them.

    Raises:
        DoorProblem: there is none.
    """
    study.base = start
    study.told = told
    refusal: Reply | None = None
    for path in [*paths, *(f"{prefix}{paths[0]}" for prefix in _PREFIXES[1:])]:
        study.path = path
        found = await _try_path(study)
        if isinstance(found, Entry):
            return found
        if found.status not in (404, 405, 501):
            refusal = found
            break
        refusal = refusal or found
    assert refusal is not None  # noqa: S101 - there is at least one path
    raise _closed(study, refusal)


async def _try_path(study: Study) -> Entry | Reply:
    """Return the first rows at the study's path, or the last refusal."""
    needs = _Needs(study)
    told = study.told
    reply = await study.caller.post(study.path, study.body({}))
    for _ in range(_ATTEMPTS):
        if reply.succeeded:
            return _entry(study, reply, needs.constants)
        if reply.status >= 500 and reply.status != 501:
            raise DoorProblem(
                Door.BUSY, f"POST {study.path} answered {reply.status}; run the command again later"
            )
        if reply.status in (404, 405, 501):
            return reply
        if not needs.answer(reply.answer):
            if not told:
                return reply
            study.base, told = merged(told, study.base), {}
        reply = await study.caller.post(study.path, study.body({}))
    return reply


class _Needs:
    """The demands of refusals, one after the other; each is added to the study's base."""

    def __init__(self, study: Study) -> None:
        self.constants: list[str] = []
        self._study = study
        self._tried: dict[str, int] = {}
        self._start = study.base
        self._bodies = 0

    def answer(self, refusal: Any) -> bool:
        """Add what a refusal asks for; return False if there is nothing to add."""
        hints = [hint for hint in read_hints(refusal) if hint.kind in (*_NEEDS, HintKind.HEADER)]
        added = [self._add(hint) for hint in hints]
        return any(added) or self._next_version() or self._next_body()

    def _next_version(self) -> bool:
        """Try the next number in a header that names a version, if one was added."""
        name = next((n for n in self._study.caller.headers if n in self._tried), None)
        if name is None or int(self._study.caller.headers[name]) >= _VERSIONS:
            return False
        self._study.caller.headers[name] = str(int(self._study.caller.headers[name]) + 1)
        return True

    def _next_body(self) -> bool:
        """Try another usual body, if the API does not say what it needs."""
        if self.constants or self._bodies >= len(_BODIES):
            return False
        self._study.base = merged(self._start, _BODIES[self._bodies])
        self._bodies += 1
        return True

    def _add(self, hint: Hint) -> bool:
        name = ".".join(plain(hint.path))
        if not name:
            return False
        number = self._tried.get(name, 0)
        self._tried[name] = number + 1
        if hint.kind is HintKind.HEADER:
            return self._add_header(name, number)
        nodes = _nodes_for(name, hint)
        if number >= len(nodes):
            return False
        tree = at(name, nodes[number])
        self._study.base = without(self._study.base, name)
        if not can_merge(self._study.base, tree):
            return False
        self._study.base = merged(self._study.base, tree)
        if "${" not in str(nodes[number]) and nodes[number] != []:
            self.constants.append(name)
        return True

    def _add_header(self, name: str, number: int) -> bool:
        """Try the first versions of an API; no other header can be guessed."""
        known = name in self._study.caller.headers and not number
        if not _VERSION.search(name) or number >= _VERSIONS or known:
            return False
        self._study.caller.headers[name] = str(number + 1)
        return True


def _entry(study: Study, reply: Reply, constants: Sequence[str]) -> Entry:
    envelope = find_envelope(reply.answer, reply.headers, limit=None, skip=0)
    if not envelope.rows:
        raise DoorProblem(
            Door.NO_ROWS,
            "the token works, but the response has no list of objects: the workspace has no result"
            " yet, or this token sees none; run the command again when there are results",
        )
    study.rows_path = tuple(envelope.rows[0].path.split(".")) if envelope.rows[0].path else ()
    return Entry(reply, envelope, tuple(constants))


def _nodes_for(name: str, hint: Hint) -> Sequence[Any]:
    """Return what may be sent for a member that the API needs; nothing if it cannot be guessed."""
    for found in role_of(tuple(name.split(".")), Part.REQUEST):
        if found.score >= _CERTAIN_SCORE and found.role in _ROLES:
            return _ROLES[found.role]
    if hint.type in _BY_TYPE:
        return _BY_TYPE[hint.type]
    if _FLAG.fullmatch(name.rpartition(".")[2]):
        return _BY_TYPE["boolean"]
    return list(hint.values) if len(hint.values) == 1 else []


def _closed(study: Study, reply: Reply) -> DoorProblem:
    """Return why no rows came, and what the owner can do."""
    if reply.status in (404, 405, 501):
        return DoorProblem(
            Door.WRONG_PLACE,
            f"POST {study.path} answered {reply.status}, and so did other usual paths: check the"
            " URL, or name a description of the API or a recorded request with --from",
        )
    if reply.answer is MISSING:
        kind = "a web page" if reply.is_html else "a body that is not JSON"
        return DoorProblem(
            Door.NOT_JSON,
            f"POST {study.path} answered {reply.status} with {kind}: check that the URL leads to"
            " the API, and not to a login or proxy page",
        )
    hints = read_hints(reply.answer)
    header = next((".".join(h.path) for h in hints if h.kind is HintKind.HEADER and h.path), None)
    if header is not None:
        return DoorProblem(
            Door.REFUSED,
            f"POST {study.path} answered {reply.status} and needs the header {header}: run the"
            f" command again with --header {header}=VALUE, or with --from and a recorded request",
        )
    needed = (hint for hint in hints if hint.path and hint.kind is not HintKind.UNKNOWN)
    names = list(dict.fromkeys(".".join(plain(hint.path)) for hint in needed))
    if not names:
        return DoorProblem(
            Door.REFUSED,
            f"POST {study.path} answered {reply.status}, and the response names no missing member:"
            " name a description of the API or a recorded request with --from, or a member that"
            " you know of with --constant NAME=VALUE",
        )
    return DoorProblem(
        Door.REFUSED,
        f"POST {study.path} answered {reply.status}; it needs {', '.join(names[:8])}: set it with"
        f" --constant {names[0]}=VALUE, or name a description or a recorded request with --from",
    )
