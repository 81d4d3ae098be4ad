"""Sample rows -> columns of a contract file, with evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.analytics.read.instants import to_micros_of
from gateway.contract import file
from gateway.contract.decoding import Undecodable, decode, parse_steps
from gateway.discovery.infer.build import CLOSE, Context, Made, build, build_joined
from gateway.discovery.infer.candidates import (
    GROUPS,
    INSTANTS,
    PARTS_OF_NAME,
    ROLES,
    Candidate,
    Ranked,
    rank,
)
from gateway.discovery.infer.custom_fields import find_custom_fields
from gateway.discovery.infer.found import Inferred, Key, OrderColumn, Question, Row, Steps
from gateway.discovery.infer.instants import find_format
from gateway.discovery.infer.keys import Parts, find_key
from gateway.discovery.infer.members import Member, find_members
from gateway.discovery.infer.words import meaning

_ATTEMPT = file.ColumnEntry(
    name="attempt", type="Edm.Int64", label="Number of the attempt", optional=True
)
_NO_CLAIMS: Mapping[str, str] = {}
_NO_ROWS = Key(
    "none",
    "no rows",
    advice="the token sees no result, so nothing can be learnt; use a token that sees people with"
    " results, or start from a contract file",
)


def infer_columns(
    rows: Sequence[Row],
    *,
    usual: file.ContractFile,
    claims: Mapping[str, str] | None = None,
    pages: Sequence[Sequence[int]] = (),
) -> Inferred:
    """Return the columns that rows have.

    Args:
        rows: sample rows, as `profile.merge_pages` returns them.
        usual: the shipped contract, whose columns are looked for.
        claims: paths that a description or an example names, by column.
        pages: the numbers of the rows of each page; without, all rows are one page.
    """
    if not rows:
        return Inferred(0, (), _NO_ROWS, missing=tuple(c.name for c in usual.columns))
    members = find_members(rows)
    key_name = usual.service.key
    wanted = [entry for entry in usual.columns if entry.name in ROLES]
    names = [*(entry.name for entry in usual.columns), "attempt"]
    fields, described = find_custom_fields(members, usual.custom_fields, names)
    plain = [member for member in members if member.steps not in described]
    ranked = _latest_first(rank(plain, [*wanted, _ATTEMPT], claims or _NO_CLAIMS))
    made = _build_all([*wanted, _ATTEMPT], ranked)
    pages = pages or (tuple(range(len(rows))),)
    key_entry = next(entry for entry in usual.columns if entry.name == key_name)
    key, id_entry = find_key(plain, _parts(made, ranked), pages, key_entry)
    entries = {name: m.entry for name, m in made.items() if m.entry is not None}
    entries = _paired_groups(entries, ranked)
    if id_entry is not None:
        entries[key_name] = id_entry
    order = [e.name for e in (*usual.columns, _ATTEMPT) if e.name in entries]
    columns = tuple(entries[name] for name in order)
    return Inferred(
        rows=len(rows),
        columns=columns,
        key=key,
        custom_fields=fields,
        order=tuple(_orders(made, ranked)),
        zone_unknown=tuple(name for name in order if name in made and made[name].zone_unknown),
        questions=tuple(_questions(made)),
        missing=tuple(c.name for c in usual.columns if c.name not in entries),
        undecoded={name: m.undecoded for name, m in made.items() if m.undecoded},
        repeated=_repeated(columns, fields, usual.response.repeated),
    )


def _build_all(wanted: Iterable[file.ColumnEntry], ranked: Ranked) -> dict[str, Made]:
    """Return the reading of each column; `updatedAt` and `state` help with others."""
    made: dict[str, Made] = {}
    first = ("updatedAt", "state")
    for entry in sorted(wanted, key=lambda e: e.name not in first):
        if entry.name in ranked:
            made[entry.name] = build(entry, ranked[entry.name], _context(made, ranked, entry))
        if entry.name == "userName" and _has_two_names(ranked):
            names = [ranked[part][0].member for part in PARTS_OF_NAME]
            made[entry.name] = build_joined(entry, *names)
    return made


def _has_two_names(ranked: Ranked) -> bool:
    """Return True if people have a first and a last name, and no member with both.

    Most full names have several words, unlike the names of logins.
    """
    if not all(part in ranked for part in PARTS_OF_NAME):
        return False
    values = ranked["userName"][0].member.known if "userName" in ranked else []
    full = sum(isinstance(value, dict) or " " in value.strip() for value in values)
    return full * 2 <= len(values)


def _latest_first(ranked: Ranked) -> Ranked:
    """Prefer as `updatedAt`, of equally likely members, the one that is most often the latest."""
    several = ranked.get("updatedAt", ())
    rivals = [c for c in several if c.score >= several[0].score - CLOSE and c.member.values]
    if len(rivals) < 2 or several[0].is_exact:
        return ranked
    moments = []
    for candidate in rivals:
        found = find_format(candidate.member.known)
        moments.append({} if found is None else _moments(candidate, found.steps))
    rows = {number for each in moments for number in each}
    latest = {number: max(each.get(number, 0) for each in moments) for number in rows}
    wins = [sum(each.get(number) == most for number, most in latest.items()) for each in moments]
    best = rivals[wins.index(max(wins))]
    return {**ranked, "updatedAt": (best, *(c for c in several if c is not best))}


def _context(made: Mapping[str, Made], ranked: Ranked, entry: file.ColumnEntry) -> Context:
    if entry.name in INSTANTS and "updatedAt" in made:
        updated = made["updatedAt"]
        steps = () if updated.entry is None else updated.entry.decode
        return Context(steps, updated.zone_unknown)
    if entry.name == "progress" and "state" in ranked:
        states = ranked["state"][0].member.values
        return Context(
            approved=frozenset(n for n, v in states.items() if meaning(v, ("APPROVED",)))
        )
    return Context()


def _parts(made: Mapping[str, Made], ranked: Ranked) -> Parts:
    def member_of(name: str) -> dict[str, Member]:
        return {name: ranked[name][0].member} if name in made else {}

    updated = made.get("updatedAt")
    moments: dict[int, int] = {}
    if updated is not None and updated.entry is not None:
        moments = _moments(ranked["updatedAt"][0], updated.entry.decode)
    attempt = member_of("attempt").get("attempt")
    person = {**member_of("userId"), **member_of("userEmail")}
    return Parts(person, member_of("contentId"), attempt, moments)


def _moments(candidate: Candidate, steps: Steps) -> dict[int, int]:
    """Return instants in microseconds by row; without an offset, as if in UTC."""
    zoned = tuple(
        {"zone": "UTC", **step} if isinstance(step, dict) and "instant" in step else step
        for step in steps
    )
    parsed, moments = parse_steps(zoned, ""), {}
    for number, value in candidate.member.values.items():
        try:
            moments[number] = to_micros_of(decode(value, parsed)) or 0
        except (Undecodable, ValueError, TypeError):
            continue
    return moments


def _paired_groups(
    entries: dict[str, file.ColumnEntry], ranked: Ranked
) -> dict[str, file.ColumnEntry]:
    """Leave out names of groups that are not parallel to the ids."""
    if "groupNames" not in entries:
        return entries
    ids, names = (ranked[name][0].member if name in ranked else None for name in GROUPS)
    if "groupIds" in entries and ids is not None and names is not None:
        lengths = {n: len(v) for n, v in ids.values.items() if isinstance(v, list)}
        others = {n: len(v) for n, v in names.values.items() if isinstance(v, list)}
        if ids.is_each and ids.steps[:-1] == names.steps[:-1]:
            return entries
        if ids.is_each and names.is_each and lengths == others:
            return entries
    return {name: entry for name, entry in entries.items() if name != "groupNames"}


def _orders(made: Mapping[str, Made], ranked: Ranked) -> Iterable[OrderColumn]:
    for name in INSTANTS:
        if name in made and made[name].entry is not None:
            member = ranked[name][0].member
            yield OrderColumn(name, member.rows, member.nulls + made[name].undecoded)


def _questions(made: Mapping[str, Made]) -> Iterable[Question]:
    return (each.question for each in made.values() if each.question is not None)


def _repeated(
    columns: Sequence[file.ColumnEntry],
    fields: file.CustomFieldsSection | None,
    usual: Sequence[str],
) -> tuple[str, ...]:
    """Return the usual repeated objects that columns go through."""
    if fields is not None and not fields.path:
        return ()
    usual = [name for name in usual if fields is None or name != fields.path]
    paths = [path for c in columns for path in ((c.path,) if isinstance(c.path, str) else c.path)]
    return tuple(
        name
        for name in usual
        if any(path.startswith(f"{name}.") for path in paths)
        and not any(path == name or path.startswith((f"{name}[", f"{name}.[")) for path in paths)
    )
