"""The roles of members, and the patterns of their usual names, which `usual_names.toml` lists."""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any


class Part(StrEnum):
    """The place of a member."""

    REQUEST = "request"
    RESPONSE = "response"
    ROW = "row"
    LOGIN = "login"


class Role(StrEnum):
    """The purpose of a member for the gateway."""

    LIMIT = "limit"
    SKIP = "skip"
    PAGE = "page"
    CURSOR = "cursor"
    ORDER_FIELD = "order_field"
    ORDER_DIRECTION = "order_direction"
    GROUPS = "groups"
    USERS = "users"
    CONTENTS = "contents"
    STATES = "states"
    ENROLLMENT_TYPES = "enrollment_types"
    CUSTOM_FIELDS = "custom_fields"
    UPDATED_RANGE = "updated_range"
    UPDATED_FROM = "updated_from"
    UPDATED_TO = "updated_to"
    EXPIRY_RANGE = "expiry_range"
    EXPIRY_FROM = "expiry_from"
    EXPIRY_TO = "expiry_to"

    ROWS = "rows"
    TOTAL = "total"
    TOTAL_PAGES = "total_pages"
    PAGE_ROWS = "page_rows"
    HAS_MORE = "has_more"
    IS_LAST = "is_last"
    NEXT_CURSOR = "next_cursor"
    ERROR = "error"

    KEY = "key"
    USER_ID = "user_id"
    USER_NAME = "user_name"
    USER_FIRST_NAME = "user_first_name"
    USER_LAST_NAME = "user_last_name"
    USER_EMAIL = "user_email"
    USER_AVATAR = "user_avatar"
    CONTENT_ID = "content_id"
    CONTENT_NAME = "content_name"
    CONTENT_TYPE = "content_type"
    PROGRESS = "progress"
    STATE = "state"
    ENROLLMENT_TYPE = "enrollment_type"
    UPDATED_AT = "updated_at"
    STARTED_AT = "started_at"
    COMPLETED_AT = "completed_at"
    EXPIRY_DATE = "expiry_date"
    CERTIFICATE_ISSUED_AT = "certificate_issued_at"
    GROUP_IDS = "group_ids"
    GROUP_NAMES = "group_names"
    ROW_CUSTOM_FIELDS = "row_custom_fields"
    CUSTOM_FIELD_ID = "custom_field_id"
    CUSTOM_FIELD_VALUE = "custom_field_value"
    CUSTOM_FIELD_LABEL = "custom_field_label"
    ATTEMPT = "attempt"

    LOGIN_NAME = "login_name"
    LOGIN_SECRET = "login_secret"  # noqa: S105 - the name of a role
    TOKEN = "token"  # noqa: S105 - the name of a role
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a role
    EXPIRES_IN = "expires_in"


_FIRST_OF_PART = {
    Role.LIMIT: Part.REQUEST,
    Role.ROWS: Part.RESPONSE,
    Role.KEY: Part.ROW,
    Role.LOGIN_NAME: Part.LOGIN,
}


def _parts() -> dict[Role, Part]:
    part, parts = Part.REQUEST, {}
    for role in Role:
        part = _FIRST_OF_PART.get(role, part)
        parts[role] = part
    return parts


_PARTS = _parts()


def is_in(role: Role, part: Part | None) -> bool:
    """Return True if a part may hold members of a role; None is any part."""
    in_filters = part is Part.REQUEST and role in (Role.CUSTOM_FIELD_ID, Role.CUSTOM_FIELD_VALUE)
    return part in (None, _PARTS[role]) or in_filters


WRAPPERS = re.compile(
    r"options?|filters?|filter|where|query|criteria|params?|parameters?|request|body|input|search"
    r"|payload|data|response|result|results|attributes|meta|metadata|page|paging|pagination|pageinfo"
    r"|envelope|row|record|item|node|edges|info|details?|_?source|variables|and|bool|must|conditions?"
)
"""Names around others that do not change what these mean."""

AT_THE_ROOT = frozenset({Role.KEY, Role.STATE, Role.UPDATED_AT, Role.ENROLLMENT_TYPE, Role.ATTEMPT})
"""Roles of the row itself: inside an object that is no wrapper, the names mean another thing."""

BY_OTHERS = re.compile(
    r"(?:created?|updated?|modified|changed|edited|deleted|assigned|approved|enrolled|graded)by"
    r"|managers?|authors?|owners?|creators?|instructors?|teachers?|trainers?|approvers?|supervisors?"
    r"|editors?|leaders?|admins?|company|organi[sz]ation|workspace|tenant|customer"
)
"""Names of other people and things: what is inside belongs to them, not to the row's person."""


@cache
def patterns_of(role: Role) -> tuple[tuple[re.Pattern[str], float], ...]:
    """Return the compiled patterns of a role, each with its score."""
    table = _table()
    return tuple(
        (re.compile(_spelled("|".join(names), table["words"])), float(score))
        for score, names in table["roles"][role.value].items()
    )


@cache
def _table() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files(__package__).joinpath("usual_names.toml").read_text("utf-8"))


def _spelled(pattern: str, words: dict[str, list[str]]) -> str:
    """Return a regular expression: word lists inserted, dots literal, `/` an optional dot."""
    while "<" in pattern:
        pattern = re.sub(r"<(\w+)>", lambda found: f"({'|'.join(words[found[1]])})", pattern)
    return pattern.replace(".", r"\.").replace("/", r"\.?")
