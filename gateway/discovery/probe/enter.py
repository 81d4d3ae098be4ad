"""The first rows: the path of the results, the members that the API needs, and the envelope."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.analytics.read.members import MISSING
from gateway.contract.template import compile_template
from gateway.discovery.claims.name_table import Part, Role
from gateway.discovery.claims.names import role_of
from gateway.discovery.infer.envelope import find_envelope
from gateway.discovery.infer.found import Envelope
from gateway.discovery.probe.caller import Door, DoorProblem, Reply
from gateway.discovery.probe.study import Study, texts_in
from gateway.discovery.probe.trees import ClashError, Tree, at, merged

_PREFIXES = ("", "/api", "/v1", "/api/v1", "/analytics", "/rest")
_ATTEMPTS = 10
_FIRST_ROWS = 20
_NEEDED = re.compile(
    r"(?:property\s+)?['\"`\[]?([A-Za-z_][\w.\-]*)['\"`\]]?:?\s+(?:is\s+(?:a\s+)?required|must not be empty|should "
    r"not be (?:empty|null)|must be (?:an?\s+)?\w+|is missing|cannot be (?:blank|empty|null)|field required"
    r"|required|may not be null|has to be|needs)|"
    r"(?:[Mm]issing|[Rr]equired)(?: required)?(?: field| member| property| parameter| value| key)?s?:?\s+"
    r"['\"`]?([A-Za-z_][\w.\-]*)",
)
_HEADER = re.compile(
    r"\b([Xx]-[A-Za-z][A-Za-z-]*[A-Za-z]|[A-Z][A-Za-z]+-(?:Id|ID|Key|Version|Workspace))\b"
)
_BOOLEAN = re.compile(r"^(?:include|with|show|is|has|only|exclude)[A-Z_]|must be (?:a )?boolean")
_ROLES: Mapping[Role, Any] = {
    Role.LIMIT: "${limit or 20}",
    Role.SKIP: "${skip or 0}",
    Role.PAGE: "${page or 1}",
    Role.GROUPS: "${groups or []}",
    Role.USERS: "${users or []}",
    Role.CONTENTS: "${contents or []}",
    Role.STATES: "${states or []}",
    Role.ENROLLMENT_TYPES: "${enrollment_types or []}",
    Role.CUSTOM_FIELDS: [],
}


@dataclass(frozen=True, slots=True)
class Entry:
    """The first response with rows, and what was found on the way.

    `constants` are members that the API refuses to do without, and that no request of the gateway
    would say.
    """

    reply: Reply
    envelope: Envelope
    constants: tuple[str, ...] = field(default_factory=tuple)


async def enter(study: Study, paths: Sequence[str], start: Tree, told: Tree) -> Entry:
    """Find a request that the API answers with rows; the study's path and base are set.

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
    """Return the first rows at the study's path, or the refusal that nothing helps against."""
    constants: list[str] = []
    tried: set[str] = set()
    told = study.told
    reply = await study.caller.post(study.path, study.body({}))
    for _ in range(_ATTEMPTS):
        if reply.succeeded:
            return _entry(study, reply, constants)
        if reply.status in (404, 405, 501) or reply.status >= 500:
            return reply
        added = _answer_to(study, texts_in(reply.answer), tried)
        if added is None and told:
            study.base, told, added = merged(told, study.base), {}, []
        if added is None:
            return reply
        constants += added
        reply = await study.caller.post(study.path, study.body({}))
    return reply


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


def _answer_to(study: Study, texts: Sequence[str], tried: set[str]) -> list[str] | None:
    """Add what a refusal asks for to the base; return the names of constants, None if nothing."""
    names: list[str] = []
    for text in texts:
        for match in _NEEDED.finditer(text):
            names.append((match[1] or match[2]).removeprefix("body.").strip("."))
    known = [text for text in texts if re.fullmatch(r"[A-Za-z_][\w.]*", text) and "." in text]
    names += [text.removeprefix("body.") for text in known if text.startswith("body.")]
    constants: list[str] = []
    progressed = False
    for name in dict.fromkeys(names):
        node = _node_for(name, texts)
        if name in tried or node is None:
            continue
        tried.add(name)
        try:
            study.base = merged(study.base, at(name, node))
        except ClashError:
            continue
        progressed = True
        if not (isinstance(node, str) and "${" in node) and node != []:
            constants.append(name)
    return constants if progressed else None


def _node_for(name: str, texts: Sequence[str]) -> Any:
    """Return what to send for a member that the API needs; None if nothing can be guessed."""
    last = name.rpartition(".")[2]
    words = " ".join(text for text in texts if last in text)
    for found in role_of(tuple(name.split(".")), Part.REQUEST):
        if found.score >= 0.5 and found.role in _ROLES:
            return _ROLES[found.role]
    if _BOOLEAN.search(last) or re.search(rf"{re.escape(last)}\W+must be (?:a )?bool", words):
        return False
    if re.search(r"must be an array|array|list", words):
        return []
    return None


def _closed(study: Study, reply: Reply) -> DoorProblem:
    """Return why no rows came, and what the owner can do."""
    texts = texts_in(reply.answer)
    if reply.status in (404, 405, 501):
        return DoorProblem(
            Door.WRONG_PLACE,
            f"POST {study.path} answered {reply.status}, and so did other usual paths: check the"
            " URL, or name a description of the API or a recorded request with --from",
        )
    if reply.answer is MISSING:
        kind = "a web page" if reply.is_html else "no JSON"
        return DoorProblem(
            Door.NOT_JSON,
            f"POST {study.path} answered {reply.status} with {kind}: check that the URL leads to"
            " the API, and not to a login or proxy page",
        )
    header = next((match[1] for text in texts if (match := _HEADER.search(text))), None)
    if header is not None:
        return DoorProblem(
            Door.REFUSED,
            f"POST {study.path} answered {reply.status} and needs the header {header}: run the"
            f" command again with --header {header}=VALUE, or with --from and a recorded request",
        )
    names = ", ".join(dict.fromkeys(_names_in(texts))) or "no member by name"
    return DoorProblem(
        Door.REFUSED,
        f"POST {study.path} answered {reply.status}; it mentions {names}. Name what it needs with"
        " --constant NAME=VALUE, or a description or a recorded request with --from",
    )


def _names_in(texts: Sequence[str]) -> list[str]:
    found = [match[1] or match[2] for text in texts for match in _NEEDED.finditer(text)]
    return [name for name in found if len(name) <= 60][:8]


async def detect_strictness(study: Study) -> None:
    """Send a member that no API knows; note whether unknown members are refused."""
    reply = await study.ask({}, {"zzUnknownMember": True})
    study.is_strict = not reply.succeeded


def sample_body(study: Study) -> Any:
    """Return the body of the smallest request."""
    return compile_template(merged(study.base, study.form)).render({})
