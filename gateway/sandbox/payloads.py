"""Request bodies as typed, hashable values; members outside of the contract are rejected.

Unknown members, wrong types, unknown states and instants without an offset get a 400 whose message
names the member. So does an empty list or an empty range: the API does not document whether it
matches all rows or none, so clients must not rely on either.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from gateway.sandbox.failures import ApiFailure

OrderField = Literal[
    "id",
    "state",
    "enrollmentType",
    "progress",
    "startedAt",
    "completedAt",
    "updatedAt",
    "expiryDate",
    "certificateIssuedAt",
]
State = Literal["NOT_STARTED", "IN_PROGRESS", "APPROVED", "FAILED", "EXPIRED"]
EnrollmentType = Literal["MANDATORY", "OPTIONAL", "NOT_ENROLLED"]

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_AtLeastOne = msgspec.Meta(min_length=1)
_Texts = Annotated[tuple[str, ...], _AtLeastOne]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The base of all bodies: frozen, with camelCase names and no other members."""


class DateRange(_Strict, frozen=True):
    """A range that includes both ends; either may be left out, but not both."""

    start: _Instant | UnsetType = msgspec.field(default=UNSET, name="from")
    end: _Instant | UnsetType = msgspec.field(default=UNSET, name="to")

    def __post_init__(self) -> None:
        """Raise ValueError for a range without ends."""
        if self.start is UNSET and self.end is UNSET:
            raise ValueError("A date range needs `from` or `to`")


class CustomFieldFilter(_Strict, frozen=True):
    """A custom field, by id, and the values that match exactly."""

    custom_field_id: str
    values: _Texts


class Filters(_Strict, frozen=True):
    """Filters that a row must all pass; the values inside one are alternatives."""

    group_ids: _Texts | UnsetType = UNSET
    user_ids: _Texts | UnsetType = UNSET
    content_ids: _Texts | UnsetType = UNSET
    states: Annotated[tuple[State, ...], _AtLeastOne] | UnsetType = UNSET
    enrollment_types: Annotated[tuple[EnrollmentType, ...], _AtLeastOne] | UnsetType = UNSET
    custom_fields: Annotated[tuple[CustomFieldFilter, ...], _AtLeastOne] | UnsetType = UNSET
    updated_at_date_range: DateRange | UnsetType = UNSET
    expiry_date_range: DateRange | UnsetType = UNSET


class Options(_Strict, frozen=True):
    """The page and the order of rows; without `order_by`, the order of insertion."""

    limit: Annotated[int, msgspec.Meta(ge=1)] = 20
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    order_by: OrderField | UnsetType = UNSET
    order: Literal["ASC", "DESC"] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError for a direction without a field."""
        if self.order_by is UNSET and self.order is not UNSET:
            raise ValueError("`order` needs `orderBy`")


class ResultsRequest(Filters, frozen=True):
    """The body of `POST /analyse/results`."""

    options: Options = Options()

    def filters(self) -> Filters:
        """Return the filters alone, which are equal for all pages of a query."""
        members = {name: getattr(self, name) for name in Filters.__struct_fields__}
        return Filters(**members)


Body = TypeVar("Body", Filters, ResultsRequest)


def parse_body(body: bytes, kind: type[Body]) -> Body:
    """Parse a request body.

    Raises:
        ApiFailure: 400; the message names the unknown or wrong member.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise ApiFailure(400, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiFailure(400, f"The body is not valid JSON: {error}") from error


def parse_results_request(body: bytes, page_limit: int) -> ResultsRequest:
    """Parse the body of `POST /analyse/results`, with up to `page_limit` rows a page.

    Raises:
        ApiFailure: 400; the message names the unknown or wrong member.
    """
    request = parse_body(body, ResultsRequest)
    if request.options.limit > page_limit:
        raise ApiFailure(400, f"Expected `int` <= {page_limit} - at `$.options.limit`")
    return request
