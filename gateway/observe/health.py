"""Problems of a workspace: facts about it, and the rules that find problems in them.

Facts are plain values, so that a table of them tests every rule. Pages write each problem in the
reader's language, by its kind; `doctor` uses the rules of the token and the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

_ENDS_SOON = timedelta(days=14)
_ENDS_VERY_SOON = timedelta(days=3)
_SLOW_SECONDS = 5.0
_IDLE = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_NEARLY_NOTHING = 0.05
_MAX_AGE = timedelta(days=3_650)
_MAX_NAMES = 5


class Severity(StrEnum):
    """ERROR: clients get errors, or soon will. WARNING: it needs attention. NOTICE: worth knowing.

    The order is that of urgency.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


class Kind(StrEnum):
    """The kind of a problem; the names of its texts."""

    TOKEN_MISSING = "tokenMissing"  # noqa: S105 - a name
    TOKEN_ENDED = "tokenEnded"  # noqa: S105 - a name
    TOKEN_ENDS = "tokenEnds"  # noqa: S105 - a name
    UPSTREAM_DOWN = "upstreamDown"
    EXTRACT_FAILED = "extractFailed"
    UPSTREAM_SLOW = "upstreamSlow"
    DISK_UNUSABLE = "diskUnusable"
    DISK_FULL = "diskFull"
    CONTRADICTED = "contradicted"
    UNPROVED = "unproved"
    SNAPSHOT_OLD = "snapshotOld"
    SNAPSHOT_IDLE = "snapshotIdle"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem and the values that its texts may use; sizes are in bytes."""

    kind: Kind
    severity: Severity
    age: timedelta = timedelta(0)
    size: int = 0
    budget: int = 0
    names: tuple[str, ...] = ()
    others: int = 0


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """The gateway's own token of the Analytics API.

    `ends_at` is in seconds since 1970; it is None without a known end, and for a token that the
    gateway obtains itself. `is_renewed` is True if its lifetime is so short that a program must
    replace it, not a person.
    """

    is_there: bool = True
    ends_at: float | None = None
    is_renewed: bool = False


@dataclass(frozen=True, slots=True)
class UpstreamFacts:
    """The calls to the Analytics API.

    `is_down` is True while calls pause after an outage. `failed` is the age and the code of the
    last extract's failure, None if the last extract succeeded. `typical_seconds` is the median of
    the recent calls, None without enough of them.
    """

    is_down: bool = False
    failed: tuple[timedelta, str] | None = None
    typical_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """The data directory; `free` is None if it is not known. All sizes are in bytes."""

    is_usable: bool = True
    free: int | None = None
    stored: int = 0
    budget: int = 0


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """The names of the contract's abilities without a proof, and of the contradicted ones."""

    unproved: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """The newest snapshot of all results: its age, and the age at which a refresh is due."""

    age: timedelta
    limit: timedelta


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """The facts about one workspace; `now` is in seconds since 1970."""

    now: float
    token: TokenFacts = field(default_factory=TokenFacts)
    upstream: UpstreamFacts = field(default_factory=UpstreamFacts)
    disk: DiskFacts = field(default_factory=DiskFacts)
    contract: ContractFacts = field(default_factory=ContractFacts)
    snapshot: SnapshotFacts | None = None


def find_problems(facts: HealthFacts) -> tuple[Problem, ...]:
    """Return all problems, the most urgent first.

    >>> find_problems(HealthFacts(now=0.0))
    ()
    """
    found = [problem for rule in _RULES if (problem := rule(facts)) is not None]
    order = list(Severity)
    return tuple(sorted(found, key=lambda problem: order.index(problem.severity)))


def token_problem(token: TokenFacts, now: float) -> Problem | None:
    """Return what is wrong with a token at `now`, in seconds since 1970; None if nothing is.

    >>> token_problem(TokenFacts(ends_at=9 * 86_400.0), 0.0).age.days
    9
    """
    if not token.is_there:
        return Problem(Kind.TOKEN_MISSING, Severity.ERROR)
    if token.ends_at is None:
        return None
    left = token.ends_at - now
    if left <= 0:
        return Problem(Kind.TOKEN_ENDED, Severity.ERROR, age=_span(-left))
    if token.is_renewed or _span(left) > _ENDS_SOON:
        return None
    is_very_soon = _span(left) <= _ENDS_VERY_SOON
    severity = Severity.ERROR if is_very_soon else Severity.WARNING
    return Problem(Kind.TOKEN_ENDS, severity, age=_span(left))


def disk_problem(disk: DiskFacts) -> Problem | None:
    """Return what is wrong with the data directory; None if nothing is.

    The disk is too small if snapshots cannot grow to their budget.
    """
    if not disk.is_usable:
        return Problem(Kind.DISK_UNUSABLE, Severity.ERROR)
    if disk.free is None or disk.free + disk.stored >= disk.budget:
        return None
    is_nearly_full = disk.free < _NEARLY_NOTHING * disk.budget
    severity = Severity.ERROR if is_nearly_full else Severity.WARNING
    return Problem(Kind.DISK_FULL, severity, size=disk.free, budget=disk.budget)


def _token(facts: HealthFacts) -> Problem | None:
    return token_problem(facts.token, facts.now)


def _outage(facts: HealthFacts) -> Problem | None:
    return Problem(Kind.UPSTREAM_DOWN, Severity.ERROR) if facts.upstream.is_down else None


def _failed_extract(facts: HealthFacts) -> Problem | None:
    if facts.upstream.failed is None:
        return None
    age, code = facts.upstream.failed
    return Problem(Kind.EXTRACT_FAILED, Severity.ERROR, age=age, names=(code,))


def _slow(facts: HealthFacts) -> Problem | None:
    seconds = facts.upstream.typical_seconds
    if seconds is None or seconds < _SLOW_SECONDS:
        return None
    return Problem(Kind.UPSTREAM_SLOW, Severity.WARNING, age=timedelta(seconds=seconds))


def _disk(facts: HealthFacts) -> Problem | None:
    return disk_problem(facts.disk)


def _contradicted(facts: HealthFacts) -> Problem | None:
    return _about(facts.contract.contradicted, Kind.CONTRADICTED, Severity.WARNING)


def _unproved(facts: HealthFacts) -> Problem | None:
    """Return the missing proofs, which are made only after an extract of all rows."""
    if facts.snapshot is None:
        return None
    return _about(facts.contract.unproved, Kind.UNPROVED, Severity.NOTICE)


def _old(facts: HealthFacts) -> Problem | None:
    """Return the age of the snapshot: a fault if extracts fail, else a lack of requests."""
    if facts.snapshot is None or facts.snapshot.age <= max(facts.snapshot.limit, _MINUTE):
        return None
    age = facts.snapshot.age
    if facts.upstream.failed is not None:
        return Problem(Kind.SNAPSHOT_OLD, Severity.WARNING, age=age)
    return Problem(Kind.SNAPSHOT_IDLE, Severity.NOTICE, age=age) if age > _IDLE else None


def _about(names: tuple[str, ...], kind: Kind, severity: Severity) -> Problem | None:
    if not names:
        return None
    return Problem(kind, severity, names=names[:_MAX_NAMES], others=max(0, len(names) - _MAX_NAMES))


def _span(seconds: float) -> timedelta:
    """Return a span; `exp` may be any number, and a span has limits."""
    return timedelta(seconds=min(seconds, _MAX_AGE.total_seconds()))


_RULES: tuple[Callable[[HealthFacts], Problem | None], ...] = (
    _token,
    _outage,
    _failed_extract,
    _disk,
    _slow,
    _contradicted,
    _old,
    _unproved,
)
