"""Profiles: variations that combine differences as real APIs do.

Each function says why such an API exists; `PROFILES` has them by name.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gateway.sandbox.variations.aggregates import StatisticsForm
from gateway.sandbox.variations.attributes import CustomFieldForm, GroupForm
from gateway.sandbox.variations.door import DoorForm
from gateway.sandbox.variations.envelope import EnvelopeForm
from gateway.sandbox.variations.layout import LayoutForm
from gateway.sandbox.variations.model import DescriptionForm, Variation
from gateway.sandbox.variations.ordering import OrderForm
from gateway.sandbox.variations.paging import PagingForm
from gateway.sandbox.variations.parts import ContentForm, KeyForm, PersonForm
from gateway.sandbox.variations.population import PopulationForm
from gateway.sandbox.variations.ranges import RangeForm
from gateway.sandbox.variations.refusals import StatusForm
from gateway.sandbox.variations.selection import LIST_ROLES, FilterForm
from gateway.sandbox.variations.values import ValueForm


def nestjs() -> Variation:
    """NestJS with class-validator and Swagger: a POST is 201, and errors are a list of texts.

    The framework's defaults make all of it, without a line of the vendor's own. Its documents are
    in MongoDB, hence `_id`.
    """
    return Variation(
        status=StatusForm(success=201, error="list", wording="class-validator"),
        door=DoorForm(prefix="/api"),
        paging=PagingForm(largest=100),
        envelope=EnvelopeForm(rows="data", total="meta.total"),
        key=KeyForm(name="_id"),
        layout=LayoutForm(renamed=(("state", "status"),)),
        filters=FilterForm(states="status"),
        description=DescriptionForm(page="/docs", embedded="script"),
    )


def search_backed() -> Variation:
    """A search index behind the API: no page beyond row 10,000, and no exact total above it.

    Such indexes cap offset plus size and count only as far; they sort missing values last in both
    directions and return ties in any order.
    """
    return Variation(
        paging=PagingForm(limit="size", position="from", largest=500, deepest_row=10_000),
        order=OrderForm(
            shape="list",
            member="sort",
            ascending="asc",
            descending="desc",
            ties="reshuffled",
        ),
        ranges=RangeForm(
            updated_at="updatedAt", expiry_date="expiryDate", start="gte", end="lt",
            end_exclusive=True,
        ),
        filters=FilterForm(nested="query"),
        envelope=EnvelopeForm(
            rows="hits.items", total="hits.total", total_kind="capped", decoy=True
        ),
        population=PopulationForm(null_updates=True),
        status=StatusForm(error="nested", wording="zod"),
        statistics=StatisticsForm(present=False),
    )  # fmt: skip


def cursor() -> Variation:
    """A keyset behind opaque cursors: pages cannot be skipped, and there is no total.

    Vendors with large tables give up offsets and counts, since both cost a scan.
    """
    return Variation(
        status=StatusForm(error="errors", wording="joi"),
        door=DoorForm(prefix="/v1"),
        paging=PagingForm(
            kind="cursor", limit="limit", position="cursor", largest=200, cursor_seconds=600
        ),
        order=OrderForm(shape="signed", member="sort", fields=("updatedAt",)),
        envelope=EnvelopeForm(
            rows="data", total=None, has_more="meta.hasMore", next_cursor="meta.nextCursor"
        ),
        statistics=StatisticsForm(names="other", inside="data"),
    )


def no_order() -> Variation:
    """A report without an order: rows come as the database finds them, page by page.

    The page was made for a screen of twenty rows; a parallel scan returns them in another order on
    every call.
    """
    return Variation(
        order=OrderForm(support="absent", unordered="reshuffled"),
        paging=PagingForm(kind="page", first=1, limit="pageSize", position="page", largest=500),
        envelope=EnvelopeForm(rows="items", total="totalCount"),
        ranges=RangeForm(updated_at_support="absent", expiry_date_support="absent"),
        statistics=StatisticsForm(present=False),
    )


def composite_key() -> Variation:
    """A join table: a result has no id of its own, only those of user and course.

    Flat rows of a relational database, with numbers as ids and names in snake case.
    """
    return Variation(
        key=KeyForm(name=None),
        user=PersonForm(shape="flat", id_number=True, name="split"),
        content=ContentForm(member="course", shape="flat", id_number=True, name_member="title"),
        groups=GroupForm(place="row", shape="ids", member="groupIds"),
        fields=CustomFieldForm(place="row", shape="object"),
        layout=LayoutForm(case="snake"),
        values=ValueForm(instants="seconds-z", words="lower"),
        filters=FilterForm(
            words="lower", groups="group_ids", users="user_ids", contents="course_ids",
            enrollment_types="enrollment_types", custom_fields="custom_fields",
            custom_shape="object",
        ),
        ranges=RangeForm(updated_at="updated_at", expiry_date="expiry_date", instant="seconds-z"),
        order=OrderForm(
            member="order_by", direction="order", ascending="asc", descending="desc",
            names=(("updatedAt", "updated_at"),),
        ),
        paging=PagingForm(limit="limit", position="offset", largest=1000),
    )  # fmt: skip


def email_only() -> Variation:
    """People who were invited by e-mail and never signed in: no name, and often no group.

    The vendor creates a user from an address alone. Deleted people leave rows without a user.
    """
    return Variation(
        user=PersonForm(member="participant", avatar=None),
        population=PopulationForm(null_names=3, emails="all", null_users=5, archived=4),
        layout=LayoutForm(nulls="absent"),
        status=StatusForm(success=201),
    )


def attempts() -> Variation:
    """Several attempts for a person and a course: a course opens again when it expires.

    Rows have no id; they differ by the attempt's number.
    """
    return Variation(
        key=KeyForm(name=None),
        population=PopulationForm(attempts=5, attempt_numbers=True, by_time=True),
        paging=PagingForm(largest=200),
        envelope=EnvelopeForm(rows="attempts", total="count"),
        statistics=StatisticsForm(counts="people"),
    )


def archived() -> Variation:
    """Archived people, whose rows the unfiltered list leaves out and filters return.

    The list was made for managers, for whom people who have left are noise; exports, which must be
    complete, use the same query with a filter.
    """
    return Variation(
        population=PopulationForm(archived=4, hidden="unfiltered"),
        door=DoorForm(constants=(("workspaceId", "ws_1"),), headers=(("X-Api-Version", "2"),)),
        status=StatusForm(error="list", wording="class-validator"),
    )


def eloomi_like() -> Variation:
    """A public learning platform's form: rows in `data`, progress as text, no zone, no id.

    Deadlines are dates only, and pages are numbered from 1.
    """
    return Variation(
        key=KeyForm(name=None),
        values=ValueForm(progress="text", instants="blank-seconds", expiry_date="date"),
        ranges=RangeForm(
            updated_at="updated_at", expiry_date="deadline", shape="object",
            instant="blank-seconds", both_required=True,
        ),
        paging=PagingForm(kind="page", first=1, limit="per_page", position="page", largest=100),
        envelope=EnvelopeForm(rows="data", total="meta.total"),
        order=OrderForm(
            shape="signed", member="sort", names=(("updatedAt", "updated_at"),),
        ),
        layout=LayoutForm(case="snake", renamed=(("expiryDate", "deadline"),)),
        groups=GroupForm(member="teams"),
        fields=CustomFieldForm(place="absent"),
        filters=FilterForm(absent=frozenset({"custom_fields"})),
        statistics=StatisticsForm(present=False),
    )  # fmt: skip


def legacy_php() -> Variation:
    """An old PHP application: errors inside a 200, local time, lists joined by commas.

    It answers everything with 200, ignores unknown members, clamps silently, and has no empty
    lists.
    """
    return Variation(
        status=StatusForm(error="inside", success_word="ok", unknown_members="ignored"),
        door=DoorForm(prefix="/api/v1", results="/analyse/results"),
        paging=PagingForm(
            kind="page", limit="limit", position="page", largest=200, over_largest="clamped",
            beyond_end="repeat",
        ),
        envelope=EnvelopeForm(rows="data", total="total", total_kind="text"),
        values=ValueForm(instants="blank-seconds", zone="Berlin", progress="text"),
        ranges=RangeForm(
            shape="flat", updated_at="updated_", expiry_date="expiry_", start="from", end="to",
            instant="blank-seconds", zone="Berlin",
        ),
        filters=FilterForm(list_shape="comma"),
        groups=GroupForm(shape="text"),
        order=OrderForm(shape="words", member="order", ascending="asc", descending="desc"),
        layout=LayoutForm(case="snake"),
        statistics=StatisticsForm(present=False),
    )  # fmt: skip


def graph() -> Variation:
    """A REST facade over GraphQL: edges and nodes, typed order, `where` with operators.

    The facade passes the query's shape through.
    """
    return Variation(
        status=StatusForm(error="errors", wording="mute"),
        paging=PagingForm(
            kind="cursor", limit="first", position="after", largest=100, limit_required=True
        ),
        envelope=EnvelopeForm(
            rows="data.results.edges", rows_in="node", total="data.results.totalCount",
            has_more="data.results.pageInfo.hasNextPage",
            next_cursor="data.results.pageInfo.endCursor",
        ),
        order=OrderForm(
            shape="list", member="orderBy", direction_key="direction",
            names=(("updatedAt", "UPDATED_AT"),), fields=("updatedAt", "progress"),
        ),
        filters=FilterForm(nested="where", list_shape="operator"),
        ranges=RangeForm(
            updated_at="updatedAt", expiry_date="expiryDate", start="gte", end="lt",
            end_exclusive=True, instant="milliseconds-z",
        ),
        user=PersonForm(member="learner", name="languages"),
        content=ContentForm(name="languages"),
        fields=CustomFieldForm(shape="nested", id="id"),
        statistics=StatisticsForm(inside="data.statistics", shape="list"),
    )  # fmt: skip


def slow_and_limited() -> Variation:
    """A reporting database that is shared by all customers: six seconds a page, 60 calls a minute.

    A gateway in front counts the calls and shows them in headers; tokens last twenty minutes.
    """
    return Variation(
        door=DoorForm(
            calls_a_minute=60, retry_after=False, rate_headers="x-ratelimit", seconds_a_page=6,
            login="oauth", token_seconds=1200,
        ),
        paging=PagingForm(largest=500),
        envelope=EnvelopeForm(total=None, total_header="X-Total-Count"),
        status=StatusForm(error="problem", wording="joi"),
    )  # fmt: skip


def fastapi() -> Variation:
    """FastAPI with Pydantic: 422 with a list of details, snake case, and an honest description.

    The framework serves `/openapi.json` by itself.
    """
    return Variation(
        status=StatusForm(error="detail", wording="pydantic", invalid=422),
        description=DescriptionForm(path="/openapi.json", version="3.1.0"),
        layout=LayoutForm(case="snake"),
        paging=PagingForm(limit="limit", position="offset", largest=500),
        order=OrderForm(
            member="order_by", direction="direction", ascending="asc", descending="desc",
            names=(("updatedAt", "updated_at"),),
        ),
        filters=FilterForm(
            groups="group_ids", users="user_ids", contents="content_ids",
            enrollment_types="enrollment_types", custom_fields="custom_fields",
            custom_id="custom_field_id",
        ),
        ranges=RangeForm(updated_at="updated_at_range", expiry_date="expiry_date_range",
                         start="start", end="end"),
        values=ValueForm(instants="microseconds-z", progress="fraction", words="lower"),
    )  # fmt: skip


def dotnet() -> Variation:
    """ASP.NET Core: problem details, names in Pascal case, seven digits, numbers as ids.

    Its serializer writes ticks, and the validation is the framework's.
    """
    return Variation(
        status=StatusForm(error="problem", wording="plain"),
        layout=LayoutForm(case="pascal"),
        values=ValueForm(instants="ticks-z", words="pascal"),
        filters=FilterForm(words="pascal"),
        population=PopulationForm(sub_milliseconds=True, last_year=10),
        key=KeyForm(shape="number"),
        envelope=EnvelopeForm(rows="Items", total="TotalCount"),
        paging=PagingForm(kind="page", first=1, limit="PageSize", position="PageNumber"),
        order=OrderForm(
            shape="colon", member="OrderBy", ascending="asc", descending="desc",
        ),
        description=DescriptionForm(path="/swagger/v1/swagger.json", page="/swagger"),
    )  # fmt: skip


def spring() -> Variation:
    """Spring Data with Jackson: a page object with `content`, pages from 0, `updatedAt,desc`.

    The rows have a member `content` of their own. Nulls are left out, and instants are numbers of
    milliseconds, as the serializer writes them by default.
    """
    return Variation(
        door=DoorForm(prefix="/api/v1"),
        paging=PagingForm(kind="page", limit="size", position="page", largest=200,
                          over_largest="clamped"),
        envelope=EnvelopeForm(rows="content", total="totalElements", next_page="pageable.next"),
        order=OrderForm(shape="comma", member="sort", ascending="asc", descending="desc"),
        values=ValueForm(instants="epoch-milliseconds"),
        ranges=RangeForm(instant="epoch-milliseconds"),
        layout=LayoutForm(nulls="absent"),
        key=KeyForm(shape="number"),
        status=StatusForm(error="problem", wording="joi", unknown_members="ignored"),
        description=DescriptionForm(path="/v3/api-docs", page="/swagger-ui/index.html"),
    )  # fmt: skip


def filters_ignored() -> Variation:
    """A first version that takes all filters and applies none of them.

    The body's class has the members, and the query will follow in the next release.
    """
    return Variation(
        status=StatusForm(unknown_members="ignored"),
        filters=FilterForm(ignored=frozenset({*LIST_ROLES, "custom_fields"})),
        ranges=RangeForm(expiry_date_support="ignored"),
        statistics=StatisticsForm(filters="ignored"),
        envelope=EnvelopeForm(total="total", total_kind="lagging"),
    )


_PROFILES: tuple[Callable[[], Variation], ...] = (
    nestjs, search_backed, cursor, no_order, composite_key, email_only, attempts, archived,
    eloomi_like, legacy_php, graph, slow_and_limited, fastapi, dotnet, spring, filters_ignored,
)  # fmt: skip

PROFILES: Mapping[str, Variation] = MappingProxyType(
    {profile.__name__.replace("_", "-"): profile() for profile in _PROFILES}
)
REASONS: Mapping[str, str] = MappingProxyType(
    {
        profile.__name__.replace("_", "-"): (profile.__doc__ or "").partition("\n")[0]
        for profile in _PROFILES
    }
)
"""The first line of each profile's reason."""
