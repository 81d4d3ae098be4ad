"""Variations of filters and date ranges."""

from datetime import UTC, datetime

from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.ranges import RangeForm
from gateway.sandbox.variations.selection import LIST_ROLES, FilterForm

_GTE_LTE = RangeForm(updated_at="updatedAt", expiry_date="expiryDate", start="gte", end="lte")
_GTE_LT = RangeForm(
    updated_at="updatedAt", expiry_date="expiryDate", start="gte", end="lt", end_exclusive=True
)

REQUESTS: dict[str, Variation] = {
    # date ranges
    "range-start-end": Variation(ranges=RangeForm(start="start", end="end")),
    "range-gte-lte": Variation(ranges=_GTE_LTE),
    "range-gte-lt": Variation(ranges=_GTE_LT),
    "range-list": Variation(ranges=RangeForm(shape="list")),
    "range-flat": Variation(
        ranges=RangeForm(
            shape="flat", updated_at="updatedAt", expiry_date="expiryDate", start="From", end="To"
        )
    ),
    "range-epoch-seconds": Variation(ranges=RangeForm(instant="epoch-seconds")),
    "range-epoch-milliseconds": Variation(ranges=RangeForm(instant="epoch-milliseconds")),
    "range-date": Variation(ranges=RangeForm(instant="date")),
    "range-date-exclusive": Variation(ranges=RangeForm(instant="date", end_exclusive=True)),
    "range-date-berlin": Variation(ranges=RangeForm(instant="date", zone="Berlin")),
    "range-whole-days": Variation(ranges=RangeForm(whole_days=True)),
    "range-end-exclusive": Variation(ranges=RangeForm(end_exclusive=True)),
    "range-start-exclusive": Variation(ranges=RangeForm(start_exclusive=True)),
    "range-both-required": Variation(ranges=RangeForm(both_required=True)),
    "range-milliseconds-z": Variation(ranges=RangeForm(instant="milliseconds-z")),
    "range-seconds-z": Variation(ranges=RangeForm(instant="seconds-z")),
    "range-offset": Variation(ranges=RangeForm(instant="offset")),
    "range-naive": Variation(ranges=RangeForm(instant="naive")),
    "range-naive-berlin": Variation(ranges=RangeForm(instant="naive", zone="Berlin")),
    "range-blank": Variation(ranges=RangeForm(instant="blank-seconds")),
    "range-date-range": Variation(ranges=RangeForm(updated_at="dateRange")),
    "range-open-limited": Variation(ranges=RangeForm(open_days=90)),
    "range-default-since": Variation(ranges=RangeForm(since=datetime(2023, 6, 1, tzinfo=UTC))),
    "range-updated-required": Variation(ranges=RangeForm(updated_at_required=True)),
    "range-updated-absent": Variation(ranges=RangeForm(updated_at_support="absent")),
    "range-updated-ignored": Variation(ranges=RangeForm(updated_at_support="ignored")),
    "range-expiry-absent": Variation(ranges=RangeForm(expiry_date_support="absent")),
    "range-expiry-ignored": Variation(ranges=RangeForm(expiry_date_support="ignored")),
    "ranges-ignored": Variation(
        ranges=RangeForm(updated_at_support="ignored", expiry_date_support="ignored")
    ),
    # filters
    "filters-nested": Variation(filters=FilterForm(nested="filters")),
    "filters-where": Variation(filters=FilterForm(nested="where", list_shape="operator")),
    "filters-short-names": Variation(
        filters=FilterForm(groups="groups", users="users", contents="contents")
    ),
    "filters-status": Variation(filters=FilterForm(states="status")),
    "filters-snake": Variation(
        filters=FilterForm(
            groups="group_ids",
            users="user_ids",
            contents="content_ids",
            enrollment_types="enrollment_types",
            custom_fields="custom_fields",
            custom_id="custom_field_id",
        ),
        ranges=RangeForm(updated_at="updated_at_date_range", expiry_date="expiry_date_range"),
    ),
    "filters-all-ignored": Variation(filters=FilterForm(ignored=frozenset(LIST_ROLES))),
    "filter-users-ignored": Variation(filters=FilterForm(ignored=frozenset({"users"}))),
    "filter-states-ignored": Variation(filters=FilterForm(ignored=frozenset({"states"}))),
    "filter-groups-absent": Variation(filters=FilterForm(absent=frozenset({"groups"}))),
    "filters-all-absent": Variation(
        filters=FilterForm(absent=frozenset({*LIST_ROLES, "custom_fields"}))
    ),
    "filters-required": Variation(
        filters=FilterForm(required=frozenset({"groups", "users", "contents"}))
    ),
    "filters-most-100": Variation(filters=FilterForm(most_values=100)),
    "filters-most-100-cut": Variation(filters=FilterForm(most_values=100, over_most_values="cut")),
    "filters-first-value-only": Variation(
        filters=FilterForm(most_values=1, over_most_values="cut")
    ),
    "filter-state-single": Variation(
        filters=FilterForm(single=frozenset({"states"}), states="state")
    ),
    "filters-single": Variation(filters=FilterForm(single=frozenset(LIST_ROLES))),
    "filters-comma": Variation(filters=FilterForm(list_shape="comma")),
    "filters-operator": Variation(filters=FilterForm(list_shape="operator")),
    "filters-insensitive": Variation(filters=FilterForm(matching="insensitive")),
    "filters-contain": Variation(filters=FilterForm(matching="contains")),
    "filters-lower-words": Variation(filters=FilterForm(words="lower")),
    "custom-filter-object": Variation(filters=FilterForm(custom_shape="object")),
    "custom-filter-names": Variation(
        filters=FilterForm(custom_fields="attributes", custom_id="id", custom_values="in")
    ),
    "custom-filter-ignored": Variation(filters=FilterForm(ignored=frozenset({"custom_fields"}))),
    "custom-filter-absent": Variation(filters=FilterForm(absent=frozenset({"custom_fields"}))),
}
