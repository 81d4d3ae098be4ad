"""A made-up company whose data a person believes: for the demo and for screenshots.

Dates are relative to a given day, over the year before it. Some stories are planted: Logistics is
behind; Information security expires next month for nearly everybody; the sales exam went wrong two
weeks ago; new joiners have not started. For tests, `gateway.sandbox.generator` has harder data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.sandbox.dataset import Dataset
from gateway.sandbox.draws import Draw
from gateway.sandbox.generator import make_row
from gateway.sandbox.histories import History
from gateway.sandbox.instants import (
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_MILLISECOND,
    to_instant,
)
from gateway.sandbox.records import Content, Row, User, build_content, build_user
from gateway.sandbox.vocabulary import FIRST_NAMES, LAST_NAMES

_OPTIONAL_PER_PERSON = 5
_MET, _MET_IN_LOGISTICS = 0.93, 0.62
_JOINER_PROBABILITY = 0.05
_JOINED_DAYS = 21
_DEPARTMENTS = {
    "Sales": ("Account Manager", "Sales Representative"),
    "Engineering": ("Engineer", "Senior Engineer"),
    "Production": ("Machine Operator", "Shift Leader"),
    "Logistics": ("Warehouse Worker", "Forklift Driver"),
    "Customer Service": ("Service Agent", "Team Coach"),
    "Finance": ("Accountant", "Controller"),
    "Human Resources": ("Recruiter", "HR Partner"),
}
_SHARES = tuple(
    name
    for name, share in zip(_DEPARTMENTS, (4, 5, 6, 4, 3, 2, 1), strict=True)
    for _ in range(share)
)
_REGIONS = ("DACH", "Nordics", "Benelux", "UK & Ireland")
_LOGISTICS, _SALES = "Logistics", "Sales"
_SECURITY, _EXAM, _FORKLIFT = "Information security", "Sales certification exam", "Forklift licence"


@dataclass(frozen=True, slots=True)
class _Course:
    """A content; `valid_days` is 0 if what was learnt does not expire, `only` a department."""

    name: str
    type: Literal["COURSE", "PROGRAM", "DOCUMENT", "EVENT", "QUIZ"]
    valid_days: int = 0
    only: str = ""


_MANDATORY = (
    _Course("Data protection basics", "COURSE", 365),
    _Course(_SECURITY, "COURSE", 365),
    _Course("Fire safety", "COURSE", 730),
    _Course("Code of conduct", "DOCUMENT"),
    _Course("Anti-corruption", "COURSE", 730),
    _Course("Health and safety at work", "COURSE", 365),
    _Course(_FORKLIFT, "EVENT", 365, _LOGISTICS),
    _Course(_EXAM, "QUIZ", 0, _SALES),
)
_OPTIONAL = (
    *(
        _Course(name, "COURSE")
        for name in (
            "Giving feedback",
            "Negotiation",
            "Excel for reports",
            "Time management",
            "Project management",
            "Presenting with confidence",
            "English for business",
            "Working in remote teams",
            "First steps as a leader",
            "Agile methods",
            "Customer conversations",
            "Handling conflict",
        )
    ),
    _Course("Onboarding", "PROGRAM"),
    _Course("First aid", "EVENT", 730),
)


@dataclass(frozen=True, slots=True)
class _Person:
    user: User
    department: str
    is_new: bool


def generate_company(rows: int, today: datetime, seed: int = 7) -> Dataset:
    """Generate a dataset with this number of rows; no date is later than `today`, aware, UTC.

    Ends of validity are the exception.
    """
    draw, now = Draw(seed), to_instant(today)
    now -= now % MICROSECONDS_PER_MILLISECOND
    courses = [*_MANDATORY, *_OPTIONAL]
    contents = {course.name: _content(number, course) for number, course in enumerate(courses)}
    found: list[Row] = []
    number = -1
    while len(found) < rows:
        number += 1
        person = _person(number, draw)
        for course, enrollment in _assigned(person, draw):
            if len(found) == rows:
                break
            history = _history(course, enrollment, person, now, draw)
            content = contents[course.name]
            row_id = f"{person.user.id}_{content.id}"
            found.append(make_row(len(found), row_id, person.user, content, history))
    return Dataset(tuple(found))


def _content(number: int, course: _Course) -> Content:
    return build_content({"id": f"cnt-{number:04}", "name": course.name, "type": course.type})


def _person(number: int, draw: Draw) -> _Person:
    first, last = draw.pick(FIRST_NAMES), draw.pick(LAST_NAMES)
    department, region = draw.pick(_SHARES), draw.pick(_REGIONS)
    is_new, is_manager = draw.chance(_JOINER_PROBABILITY), draw.chance(0.1)
    groups = ["Everyone", department, *(["Managers"] if is_manager else [])]
    groups += ["New joiners"] if is_new else []
    letters = (c for c in f"{first}.{last}".lower() if c.isalnum() or c == ".")
    fields = {
        "cf_department": ("Department", department),
        "cf_region": ("Region", region),
        "cf_job_title": (
            "Job Title",
            "Manager" if is_manager else draw.pick(_DEPARTMENTS[department]),
        ),
    }
    user = {
        "id": f"usr-{number:06}",
        "name": f"{first} {last}",
        "email": f"{''.join(letters)}{number}@example.com",
        "avatar": None,
        "groups": [{"id": _group_id(name), "name": name} for name in groups],
        "customFields": [
            {"customFieldId": id_, "customFieldName": name, "value": value}
            for id_, (name, value) in fields.items()
        ],
    }
    return _Person(build_user(user), department, is_new)


def _group_id(name: str) -> str:
    return "grp-" + "".join(c if c.isalnum() else "-" for c in name.lower())


def _assigned(person: _Person, draw: Draw) -> Iterator[tuple[_Course, str]]:
    """Yield the contents of a person with the kind of enrollment, each once."""
    for course in _MANDATORY:
        if course.only in ("", person.department):
            yield course, "MANDATORY"
    chosen = {draw.below(len(_OPTIONAL)) for _ in range(_OPTIONAL_PER_PERSON)}
    for number in sorted(chosen):
        yield _OPTIONAL[number], "NOT_ENROLLED" if draw.chance(0.1) else "OPTIONAL"


def _history(course: _Course, enrollment: str, person: _Person, now: int, draw: Draw) -> History:
    if person.is_new and (enrollment == "MANDATORY" or draw.chance(0.7)):
        return _open(enrollment, "NOT_STARTED", now, _JOINED_DAYS, draw)
    met = _MET_IN_LOGISTICS if person.department == _LOGISTICS else _MET
    if enrollment != "MANDATORY":
        met = 0.55
    if course.name == _EXAM and draw.chance(0.4):
        return _failed(enrollment, _ago(now, 10, 16, draw), draw)
    if draw.chance(met):
        return _approved(course, enrollment, now, draw)
    if draw.chance(0.08):
        return _failed(enrollment, _ago(now, 1, 360, draw), draw)
    if draw.chance(0.55):
        return _open(enrollment, "IN_PROGRESS", now, 150 if draw.chance(0.2) else 35, draw)
    return _open(enrollment, "NOT_STARTED", now, 200, draw)


def _ago(now: int, fewest: int, most: int, draw: Draw) -> int:
    """Return an instant some days before now, at whole milliseconds."""
    span = (most - fewest) * MICROSECONDS_PER_DAY // MICROSECONDS_PER_MILLISECOND
    moment = now - fewest * MICROSECONDS_PER_DAY - draw.below(span) * MICROSECONDS_PER_MILLISECOND
    return moment - moment % MICROSECONDS_PER_MILLISECOND


def _open(enrollment: str, state: str, now: int, days: int, draw: Draw) -> History:
    updated = _ago(now, 0, days, draw)
    is_started = state == "IN_PROGRESS"
    started = updated - draw.below(20) * MICROSECONDS_PER_DAY if is_started else None
    progress = float(5 + draw.below(18) * 5) if is_started else 0.0
    return History(enrollment, state, progress, started, None, updated, None, None)


def _failed(enrollment: str, completed: int, draw: Draw) -> History:
    started = completed - (1 + draw.below(9)) * MICROSECONDS_PER_DAY
    progress = float(40 + draw.below(40))
    return History(enrollment, "FAILED", progress, started, completed, completed, None, None)


def _approved(course: _Course, enrollment: str, now: int, draw: Draw) -> History:
    """Return a result that is done: most are valid, some have run out."""
    if course.name == _SECURITY:
        completed = _ago(now, 325, 355, draw)
    else:
        completed = _ago(now, 1, 360 if draw.chance(0.93) else 420, draw)
    started = completed - (1 + draw.below(25)) * MICROSECONDS_PER_DAY
    expiry = completed + course.valid_days * MICROSECONDS_PER_DAY if course.valid_days else None
    certificate = completed if course.valid_days else None
    state, updated = "APPROVED", completed
    if expiry is not None and expiry <= now and draw.chance(0.6):
        state, updated = "EXPIRED", expiry
    return History(enrollment, state, 100.0, started, completed, updated, expiry, certificate)
