"""The usual forms of requests, most likely first; `${...}` are the placeholders of a contract.

The first of each list is the assumed API's own form. The lists are hypotheses: probes decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.discovery.probe.trees import Tree, at, merged

LIMITS = (
    "options.limit",
    "limit",
    "pageSize",
    "options.pageSize",
    "page.size",
    "take",
    "perPage",
    "per_page",
    "page_size",
    "size",
    "options.take",
    "options.size",
    "pagination.limit",
    "pagination.pageSize",
    "pagination.size",
    "paging.limit",
    "paging.size",
    "page.limit",
    "maxResults",
    "max_results",
    "itemsPerPage",
    "top",
    "first",
    "count",
    "rows",
)
SKIPS = (
    "options.skip",
    "skip",
    "offset",
    "options.offset",
    "from",
    "start",
    "options.from",
    "options.start",
    "startIndex",
    "page.offset",
    "pagination.offset",
    "pagination.skip",
    "paging.offset",
    "paging.skip",
    "firstResult",
)
PAGES = (
    "options.page",
    "page",
    "pageNumber",
    "page.number",
    "page_number",
    "pageIndex",
    "options.pageNumber",
    "pagination.page",
    "pagination.pageNumber",
    "pagination.number",
    "paging.page",
    "page.index",
    "page.page",
    "pageNo",
    "currentPage",
)
CURSORS = (
    "options.cursor",
    "cursor",
    "after",
    "pageToken",
    "nextToken",
    "page.cursor",
    "page.after",
    "pagination.cursor",
    "paging.cursor",
    "continuationToken",
    "nextCursor",
    "next",
    "options.after",
    "scrollId",
    "page_token",
    "next_cursor",
    "searchAfter",
)


@dataclass(frozen=True, slots=True)
class OrderForm:
    """A form of an order: a tree, and the texts of both directions."""

    tree: Tree
    ascending: str
    descending: str


_UPPER, _LOWER = _WORDS = (("ASC", "DESC"), ("asc", "desc"))
_PAIRS = (
    ("options.orderBy", "options.order"),
    ("orderBy", "order"),
    ("sortBy", "sortOrder"),
    ("options.sortBy", "options.sortOrder"),
    ("sortBy", "sortDirection"),
    ("sort", "order"),
    ("orderBy", "orderDirection"),
    ("options.orderBy", "options.orderDirection"),
    ("options.sort", "options.order"),
    ("sort.field", "sort.order"),
    ("sort.field", "sort.direction"),
    ("sort.by", "sort.order"),
    ("order.field", "order.direction"),
    ("order.by", "order.direction"),
    ("sortField", "sortOrder"),
    ("sort_by", "sort_order"),
    ("order_by", "order"),
    ("sortField", "sortDirection"),
    ("sortBy", "order"),
    ("orderBy", "direction"),
    ("sortBy", "direction"),
)
_WHOLE = ("options.orderBy", "sort", "orderBy", "order", "options.sort", "options.order", "sortBy")
_KEYS = (
    ("field", "order"),
    ("field", "direction"),
    ("by", "order"),
    ("property", "direction"),
    ("name", "direction"),
    ("column", "direction"),
    ("key", "order"),
    ("field", "dir"),
)


def order_forms() -> list[OrderForm]:
    """Return all forms; those that can be sent together are found by `trees.grouped`."""
    forms = [_pair(pair, _UPPER) for pair in _PAIRS] + [_pair(pair, _LOWER) for pair in _PAIRS]
    forms += [OrderForm(at(name, "${order.direction}${order.field}"), "", "-") for name in _WHOLE]
    for keys in (*_KEYS[:2], None, *_KEYS[2:]):
        for name in _WHOLE:
            forms += [OrderForm(at(name, node), *w) for node in _nodes(keys) for w in _WORDS]
    for name in _WHOLE:
        for separator in (":", ",", " "):
            for words in (_LOWER, _UPPER):
                text = "${order.field}" + separator + "${order.direction}"
                forms.append(OrderForm(at(name, text), *words))
    return forms


def _nodes(keys: tuple[str, str] | None) -> list[Any]:
    """Return the lists and objects that say an order with these names, or with the field's own."""
    if keys is None:
        own = {"${order.field}": "${order.direction}"}
        return [own, [own]]
    return [[{keys[0]: "${order.field}", keys[1]: "${order.direction}"}]]


def _pair(pair: tuple[str, str], words: tuple[str, str]) -> OrderForm:
    field, direction = pair
    tree = merged(at(field, "${order.field}"), at(direction, "${order.direction}"))
    return OrderForm(tree, *words)


_ENDS = (
    ("from", "to"),
    ("start", "end"),
    ("gte", "lte"),
    ("gte", "lt"),
    ("after", "before"),
    ("min", "max"),
    ("startDate", "endDate"),
    ("gt", "lt"),
    ("since", "until"),
    ("begin", "end"),
)
RANGES = {
    "updated_at": (
        "updatedAtDateRange",
        "updatedAt",
        "updatedAtRange",
        "updated_at",
        "updated",
        "dateRange",
        "lastModified",
        "modifiedAt",
        "updateDate",
        "updated_at_range",
        "lastUpdated",
        "changedAt",
    ),
    "expiry_date": (
        "expiryDateRange",
        "expiryDate",
        "expiry",
        "expiry_date",
        "expiresAt",
        "expiryRange",
        "expirationDate",
        "expires",
        "validUntil",
        "dueDate",
    ),
}
WITHIN = ("", "filters", "filter", "where", "options", "query", "criteria")
"""Objects that filters may be in."""
LISTS = {
    "groups": ("groupIds", "groups", "group_ids", "groupId", "userGroupIds", "teams", "userGroups"),
    "users": (
        "userIds",
        "users",
        "user_ids",
        "userId",
        "learnerIds",
        "employeeIds",
        "participantIds",
        "personIds",
    ),
    "contents": (
        "contentIds",
        "contents",
        "content_ids",
        "contentId",
        "courseIds",
        "courses",
        "trainingIds",
    ),
    "states": ("states", "state", "status", "statuses", "resultStates", "state_in"),
    "enrollment_types": (
        "enrollmentTypes",
        "enrollmentType",
        "enrollment_types",
        "enrolmentTypes",
        "enrollments",
        "types",
    ),
}

FIELD_FILTERS = (
    "customFields",
    "custom_fields",
    "customFieldFilters",
    "fields",
    "attributes",
    "properties",
    "userFields",
)
"""Members that may hold a filter by custom fields."""


def range_trees(name: str, within: str) -> list[tuple[Tree, str]]:
    """Return (tree, words for evidence) of a range filter in an object."""
    start, end = f"${{{name}.from}}", f"${{{name}.to}}"
    objects, flat = [], []
    for member in RANGES[name]:
        place = f"{within}.{member}" if within else member
        objects += [(at(place, {a: start, b: end}), f"{place} {{{a}, {b}}}") for a, b in _ENDS]
        objects.append((at(place, [start, end]), f"{place} [from, to]"))
    for first, second in _flat_pairs(name):
        places = [f"{within}.{each}" if within else each for each in (first, second)]
        tree = merged(at(places[0], start), at(places[1], end))
        flat.append((tree, ", ".join(places)))
    usual = (len(_ENDS) + 1) * _USUAL_RANGES
    return [*objects[:usual], *flat[:_USUAL_FLAT], *objects[usual:], *flat[_USUAL_FLAT:]]


_USUAL_RANGES, _USUAL_FLAT = 2, 4
_STEMS = {
    "updated_at": ("updatedAt", "updated", "updated_at"),
    "expiry_date": ("expiryDate", "expiry", "expiry_date"),
}
_SUFFIXES = (
    ("From", "To"),
    ("After", "Before"),
    ("Start", "End"),
    ("_from", "_to"),
    ("Gte", "Lte"),
    ("_gte", "_lte"),
    ("Min", "Max"),
    ("_after", "_before"),
)


def _flat_pairs(name: str) -> list[tuple[str, str]]:
    """Return the names of two members that are a range, likeliest first."""
    pairs = [(suffix, stem) for suffix in _SUFFIXES for stem in _STEMS[name]]
    fitting = [(x, stem) for x, stem in pairs if ("_" in x[0]) == ("_" in stem)]
    odd = [pair for pair in pairs if pair not in fitting]
    return [(f"{stem}{x[0]}", f"{stem}{x[1]}") for x, stem in (*fitting, *odd)]


def list_trees(name: str, within: str) -> list[tuple[Tree, str]]:
    """Return (tree, words) of a filter by values in an object: lists first, then one value."""
    found: list[tuple[Tree, str]] = []
    for suffix, words in (("", "list"), (".first", "one value"), (".text", "text with commas")):
        for member in LISTS[name]:
            place = f"{within}.{member}" if within else member
            found.append((at(place, f"${{{name}{suffix}}}"), f"{place} ({words})"))
    for member in LISTS[name][:3]:
        place = f"{within}.{member}" if within else member
        found.append((at(place, {"in": f"${{{name}}}"}), f"{place} {{in}}"))
    return found


INSTANTS: tuple[tuple[str, int], ...] = (
    ("iso", 1),
    ("%Y-%m-%dT%H:%M:%S.%LZ", 1),
    ("%Y-%m-%dT%H:%M:%SZ", 1000),
    ("%Y-%m-%d %H:%M:%S", 1000),
    ("%Y-%m-%dT%H:%M:%S", 1000),
    ("epoch_milliseconds", 1),
    ("epoch_seconds", 1000),
    ("%Y-%m-%d", 86_400_000),
    ("%Y-%m-%dT%H:%M:%S+00:00", 1000),
)
"""Formats of instants in ranges, with the milliseconds of their resolution."""
