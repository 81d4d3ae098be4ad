"""Claims of a description or an example -> candidates for probes, tried before the usual ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.discovery.claims.claims import Claims, EndpointClaim, RequestMember, path_below
from gateway.discovery.claims.name_table import Part, Role
from gateway.discovery.claims.names import ANY, EACH, role_of
from gateway.discovery.probe.trees import ClashError, Tree, at, merged
from gateway.discovery.probe.usual import OrderForm

_CERTAIN_SCORE = 0.5
_NUMBERS = {"limit": Role.LIMIT, "skip": Role.SKIP, "page": Role.PAGE, "cursor": Role.CURSOR}
_LISTS = {
    "groups": Role.GROUPS,
    "users": Role.USERS,
    "contents": Role.CONTENTS,
    "states": Role.STATES,
    "enrollment_types": Role.ENROLLMENT_TYPES,
}
_RANGES = {
    "updated_at": (Role.UPDATED_FROM, Role.UPDATED_TO),
    "expiry_date": (Role.EXPIRY_FROM, Role.EXPIRY_TO),
}
_WORDS = (("ASC", "DESC"), ("asc", "desc"), ("ascending", "descending"), ("1", "-1"))
Candidates = Sequence[tuple[Tree, str]]


@dataclass(frozen=True, slots=True)
class Hints:
    """Candidates for each step; empty without claims.

    `numbers` are paths of the limit, the skip, the page and the cursor. `constants` are members
    that the description demands and whose value it states.
    """

    paths: tuple[str, ...] = ()
    statistics_path: str | None = None
    numbers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    orders: tuple[OrderForm, ...] = ()
    order_fields: tuple[str, ...] = ()
    ranges: Mapping[str, Candidates] = field(default_factory=dict)
    filters: Mapping[str, Candidates] = field(default_factory=dict)
    constants: Tree = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    largest: int | None = None


def hints_of(claims: Claims | None, base_url: str) -> Hints:
    """Return the candidates that claims suggest."""
    endpoint = None if claims is None else claims.results
    if claims is None or endpoint is None:
        return Hints()
    by_role = _by_role(endpoint.request)
    statistics = claims.statistics
    limits = by_role.get(Role.LIMIT, ())
    return Hints(
        paths=(path_below(base_url, endpoint.path),),
        statistics_path=None if statistics is None else path_below(base_url, statistics.path),
        numbers={
            name: [_dotted(member) for member in by_role.get(role, ()) if _is_plain(member)]
            for name, role in _NUMBERS.items()
        },
        orders=tuple(_orders(by_role)),
        order_fields=tuple(
            str(value) for member in by_role.get(Role.ORDER_FIELD, ()) for value in member.enum
        ),
        ranges={name: _ranges(by_role, *roles) for name, roles in _RANGES.items()},
        filters={name: _filters(by_role.get(role, ()), name) for name, role in _LISTS.items()},
        constants=_constants(endpoint),
        headers={h.name: h.value for h in endpoint.headers if h.required and h.value is not None},
        largest=next((int(m.maximum) for m in limits if m.maximum), None),
    )


def _by_role(members: Iterable[RequestMember]) -> dict[Role, list[RequestMember]]:
    found: dict[Role, list[RequestMember]] = {}
    for member in members:
        roles = role_of(member.path, Part.REQUEST)
        if roles and roles[0].score >= _CERTAIN_SCORE:
            found.setdefault(roles[0].role, []).append(member)
    return found


def _dotted(member: RequestMember) -> str:
    return ".".join(step for step in member.path if step not in (EACH, ANY))


def _is_plain(member: RequestMember) -> bool:
    return EACH not in member.path and ANY not in member.path


def _orders(by_role: Mapping[Role, Sequence[RequestMember]]) -> Iterable[OrderForm]:
    directions = by_role.get(Role.ORDER_DIRECTION, ())
    for member in by_role.get(Role.ORDER_FIELD, ()):
        near = [d for d in directions if d.path[:-1] == member.path[:-1]] or list(directions)
        for words in _words(near):
            made = [_order(member, direction, words) for direction in near[:2]]
            yield from (form for form in made if form is not None)


def _words(directions: Sequence[RequestMember]) -> Sequence[tuple[str, str]]:
    allowed = {str(value) for member in directions for value in member.enum}
    fitting = [pair for pair in _WORDS if set(pair) <= allowed]
    return fitting or _WORDS[:2]


def _order(
    member: RequestMember, direction: RequestMember, words: tuple[str, str]
) -> OrderForm | None:
    field_, word = "${order.field}", "${order.direction}"
    if EACH in member.path and member.path[:-1] == direction.path[:-1]:
        list_path = member.path[: member.path.index(EACH)]
        node = {member.path[-1]: field_, direction.path[-1]: word}
        return OrderForm(at(".".join(list_path), [node]), *words)
    if not (_is_plain(member) and _is_plain(direction)):
        return None
    try:
        return OrderForm(merged(at(_dotted(member), field_), at(_dotted(direction), word)), *words)
    except ClashError:
        return None


def _ranges(by_role: Mapping[Role, Sequence[RequestMember]], start: Role, end: Role) -> Candidates:
    name = "updated_at" if start is Role.UPDATED_FROM else "expiry_date"
    found: list[tuple[Tree, str]] = []
    for lower in by_role.get(start, ()):
        for upper in by_role.get(end, ()):
            if lower.path[:-1] != upper.path[:-1] or not _is_plain(lower):
                continue
            tree = merged(
                at(_dotted(lower), f"${{{name}.from}}"), at(_dotted(upper), f"${{{name}.to}}")
            )
            found.append((tree, f"{_dotted(lower)}, {_dotted(upper)}"))
    return found


def _filters(members: Sequence[RequestMember], name: str) -> Candidates:
    found: list[tuple[Tree, str]] = []
    for member in members:
        is_list = member.type == "array" or member.path[-1:] == (EACH,) or not member.type
        if EACH in member.path[:-1] or ANY in member.path:
            continue
        slots = (f"${{{name}}}",) if is_list else (f"${{{name}.first}}", f"${{{name}.text}}")
        found += [(at(_dotted(member), slot), _dotted(member)) for slot in slots]
    return found


def _constants(endpoint: EndpointClaim) -> Tree:
    """Return members that are required, play no role, and have one possible or a usual value."""
    made: Tree = {}
    for member in endpoint.request:
        roles = role_of(member.path, Part.REQUEST)
        if (
            not member.required
            or not _is_plain(member)
            or (roles and roles[0].score >= _CERTAIN_SCORE)
        ):
            continue
        value: Any = member.constant if member.constant is not None else member.default
        if value is None and len(member.enum) == 1:
            value = member.enum[0]
        if value is None and member.type == "boolean":
            value = False
        if value is not None:
            try:
                made = merged(made, at(_dotted(member), value))
            except ClashError:
                continue
    return made
