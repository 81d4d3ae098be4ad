"""A column and its candidates -> the entry of a contract file, and open questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from gateway.contract import file
from gateway.discovery.infer.candidates import GROUPS, INSTANTS, NAMES, WORDS, Candidate
from gateway.discovery.infer.found import Option, Question, Steps, counted
from gateway.discovery.infer.instants import InstantFormat, find_format
from gateway.discovery.infer.members import Member
from gateway.discovery.infer.progress import find_progress
from gateway.discovery.infer.splitting import find_separator
from gateway.discovery.infer.words import Words, find_words

_PROVED_ROWS = 100
CLOSE = 0.1
_MOST_LISTED = 30


@dataclass(frozen=True, slots=True)
class Made:
    """An entry, None if the safe reading leaves the column out; with a question if one is open."""

    entry: file.ColumnEntry | None
    question: Question | None = None
    undecoded: int = 0
    zone_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Facts from other columns: the steps and zone of `updatedAt`, and the approved rows."""

    instant: Steps = ()
    zone_unknown: bool = False
    approved: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """One reading of a column: the entry so far, its members, and their values by row."""

    entry: file.ColumnEntry
    usual: file.ColumnEntry
    members: Sequence[Member]
    values: Mapping[int, Any]
    context: Context

    @property
    def known(self) -> list[Any]:
        """Return the values of all members; below lists, those of the elements."""
        return [value for member in self.members for value in member.known]


def build(usual: file.ColumnEntry, ranked: Sequence[Candidate], context: Context) -> Made:
    """Return the entry of a column from its candidates, best first."""
    members = _chosen(ranked)
    values = {n: v for member in reversed(members) for n, v in member.values.items()}
    merged = structs.replace(
        usual,
        path=members[0].path if len(members) == 1 else tuple(m.path for m in members),
        nullable=not members[0].is_each,
        optional=any(m.present < m.rows for m in members) or members[0].rows < _PROVED_ROWS,
        source="observed",
        evidence=_evidence(members[0].rows, len(values)),
        decode=(),
        values=(),
    )
    if usual.name == "updatedAt" and values and len(values) == members[0].rows:
        merged = structs.replace(merged, nullable=False)
    made = _maker(usual.name)(Seen(merged, usual, members, values, context))
    rival = _rival(ranked, members)
    if rival is None or made.question is not None or made.entry is None:
        return made
    entry = structs.replace(merged, path=rival.member.path)
    other = _maker(usual.name)(Seen(entry, usual, [rival.member], rival.member.values, context))
    return replace(made, question=_which(usual.name, made, other, members[0], rival.member))


def build_joined(usual: file.ColumnEntry, first: Member, last: Member) -> Made:
    """Return the entry of a name that has two members."""
    either = len(first.values.keys() | last.values.keys())
    entry = structs.replace(
        usual,
        path=(first.path, last.path),
        decode=({"join": " "},),
        optional=True,
        source="observed",
        evidence=f"{_evidence(first.rows, either)}; first and last name",
    )
    return Made(entry)


def _maker(name: str) -> Callable[[Seen], Made]:
    if name in INSTANTS:
        return _instant
    if name in WORDS:
        return _words
    if name in GROUPS:
        return _groups
    if name in NAMES:
        return _name
    return {"progress": _progress, "contentType": _type}.get(name, _text)


def _evidence(rows: int, known: int) -> str:
    if not known:
        return f"{counted(rows)}, all null"
    return (
        f"{counted(rows)}, {rows - known:,} null" if known < rows else f"{counted(rows)}, no null"
    )


def _chosen(ranked: Sequence[Candidate]) -> list[Member]:
    """Return the best candidate, with others that have values only where it has none."""
    best = ranked[0].member
    chosen, known = [best], set(best.values)
    for other in ranked[1:]:
        member = other.member
        is_close = other.score >= ranked[0].score - 2 * CLOSE and member.is_each == best.is_each
        if is_close and member.values and not best.is_each and not known & set(member.values):
            chosen.append(member)
            known |= set(member.values)
    return chosen if best.values else [best]


def _rival(ranked: Sequence[Candidate], members: Sequence[Member]) -> Candidate | None:
    """Return a second reading whose values differ, unless the first has the usual name."""
    if ranked[0].is_exact:
        return None
    for other in ranked[1:]:
        if other.member in members or other.score < ranked[0].score - CLOSE:
            continue
        both = set(other.member.values) & set(members[0].values)
        if any(other.member.values[n] != members[0].values[n] for n in both):
            return other
    return None


def _which(name: str, made: Made, other: Made, member: Member, rival: Member) -> Question:
    options = (
        Option(f"{member.path}: {_shape(member)}", made.entry),
        Option(f"{rival.path}: {_shape(rival)}", other.entry),
        Option("neither: leave the column out", None),
    )
    said = "its name and values fit best"
    return Question(name, f"which member is {name}?", options, 0, said)


def _shape(member: Member) -> str:
    kinds = Counter(_kind(value) for value in member.known)
    found = ", ".join(f"{kind} in {number:,}" for kind, number in kinds.most_common(3))
    return f"{found or 'no value'}; {member.nulls:,} null"


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "yes or no"
        case int() | float():
            return "number"
        case str():
            return "text with @" if "@" in value else "text"
        case list():
            return "list"
        case _:
            return "object"


def _text(seen: Seen) -> Made:
    is_text = seen.usual.type == "Edm.String"
    plain = not is_text or all(isinstance(value, str) for value in seen.known)
    return Made(structs.replace(seen.entry, decode=() if plain else ("text",)))


def _name(seen: Seen) -> Made:
    languages = Counter(code for value in seen.known if isinstance(value, dict) for code in value)
    if not languages:
        return _text(seen)
    english = sorted(code for code in languages if code.lower().startswith("en"))
    others = [code for code, _ in languages.most_common() if code not in english]
    codes = [*english, *others][:_MOST_LISTED]
    evidence = f"{seen.entry.evidence}, by language: {', '.join(codes)}"
    return Made(structs.replace(seen.entry, decode=({"language": codes},), evidence=evidence))


def _words(seen: Seen) -> Made:
    found = find_words(seen.known, seen.usual.values)
    evidence = f"{seen.entry.evidence}; not documented: {_listed([*found.others], 'word')}"
    safe = structs.replace(
        seen.entry,
        decode=found.steps(),
        values=(*seen.usual.values, *(w for w in found.others if len(w) <= 60))[:_MOST_LISTED],
        evidence=evidence if found.others else seen.entry.evidence,
    )
    if not found.guesses:
        return Made(safe)
    return Made(safe, _meaning(safe, seen.usual, found))


def _meaning(safe: file.ColumnEntry, usual: file.ColumnEntry, found: Words) -> Question:
    guessed = {word for word, _ in found.guesses}
    left = tuple(word for word in safe.values if word not in guessed)
    other = structs.replace(safe, decode=found.steps(guessed=True), values=left)
    pairs = ", ".join(f"{word} is {known}" for word, known in found.guesses)
    return Question(
        usual.name,
        f"do these words mean the same: {pairs}?",
        (Option("no: keep them as they are", safe), Option("yes", other)),
        0,
        f"words that are not documented are kept as they are, so measures do not count them; if"
        f" {pairs}, add {{ map = {{ ... }} }} to `decode` of the column",
    )


def _type(seen: Seen) -> Made:
    made = _text(seen)
    words = sorted({str(v) for v in seen.known if len(str(v)) <= 60})
    if made.entry is None or not words:
        return made
    evidence = f"{seen.entry.evidence}; {_listed(words, 'word')}"
    return Made(structs.replace(made.entry, evidence=evidence))


def _listed(words: Sequence[str], noun: str) -> str:
    shown = ", ".join(words[:_MOST_LISTED])
    return f"{counted(len(words), noun)}: {shown}"


def _instant(seen: Seen) -> Made:
    known = seen.known
    if not known:
        evidence = f"{seen.entry.evidence}; the format of updatedAt is assumed"
        like = structs.replace(seen.entry, decode=seen.context.instant, evidence=evidence)
        return Made(like, zone_unknown=seen.context.zone_unknown)
    found = find_format(known, seen.context.instant)
    if found is None:
        said = "no known format; the column is left out"
        question = _format_question(seen.usual.name, (), said)
        return Made(None, question, len(known))
    if found.others:
        options = tuple(structs.replace(seen.entry, decode=s) for s in (found.steps, *found.others))
        question = _format_question(seen.usual.name, options, "the day or the month may be first")
        return Made(None, question, len(known), found.zone_unknown)
    entry = seen.entry
    if found.undecoded:
        entry = structs.replace(entry, nullable=True)
    return Made(
        structs.replace(entry, decode=found.steps, evidence=_said(entry.evidence, found)),
        None,
        found.undecoded,
        found.zone_unknown,
    )


def _said(evidence: str, found: InstantFormat) -> str:
    unread = f"; {counted(found.undecoded, 'value')} cannot be read" if found.undecoded else ""
    return f"{evidence}; {found.said}{unread}"


def _format_question(name: str, entries: Sequence[file.ColumnEntry], said: str) -> Question:
    options = [Option(f"{entry.decode[-1]}", entry) for entry in entries]
    leave = Option("leave the column out", None)
    return Question(
        name, f"in which format are the instants of {name}?", (*options, leave), len(options), said
    )


def _progress(seen: Seen) -> Made:
    found = find_progress(seen.values, seen.context.approved)
    read = structs.replace(
        seen.entry,
        decode=(*found.steps, {"scale": 100}) if found.scale else found.steps,
        evidence=f"{seen.entry.evidence}; {found.said}",
    )
    if found.is_decided:
        return Made(read, None, found.undecoded)
    percent = structs.replace(read, decode=found.steps)
    fraction = structs.replace(read, decode=(*(found.steps or ("number",)), {"scale": 100}))
    question = Question(
        "progress",
        "is 1 in progress one percent, or all of it?",
        (
            Option("percent: 1 is one percent", percent),
            Option("a part of 1: times 100", fraction),
            Option("leave the column out", None),
        ),
        2,
        "a wrong scale would be silently wrong by a factor of 100",
    )
    return Made(None, question, found.undecoded)


def _groups(seen: Seen) -> Made:
    known = seen.known
    if seen.members[0].is_each:
        texts = all(isinstance(value, str) for value in known)
        return Made(structs.replace(seen.entry, decode=() if texts else ("text",)))
    separator, is_sure = find_separator(known)
    split = structs.replace(
        seen.entry,
        decode=({"split": separator},),
        nullable=False,
        evidence=f"{seen.entry.evidence}; texts, separated by {separator!r}",
    )
    if is_sure:
        return Made(split)
    question = Question(
        seen.usual.name,
        f"does {separator!r} separate the groups in {seen.members[0].path}, or is it in names?",
        (
            Option(f"it separates groups: {_shape(seen.members[0])}", split),
            Option("leave the column out", None),
        ),
        1,
        "a name that is split in two would make groups that do not exist",
    )
    return Made(None, question)
