"""Variations of page size, paging, order and envelope."""

from gateway.sandbox.variations.envelope import EnvelopeForm
from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.ordering import OrderForm
from gateway.sandbox.variations.paging import PagingForm
from gateway.sandbox.variations.population import PopulationForm

_CURSOR = PagingForm(kind="cursor", position="options.cursor")
_CURSOR_ENVELOPE = EnvelopeForm(total=None, next_cursor="nextCursor")

PAGES: dict[str, Variation] = {
    # page size
    "limit-100": Variation(paging=PagingForm(largest=100)),
    "limit-200": Variation(paging=PagingForm(largest=200)),
    "limit-500": Variation(paging=PagingForm(largest=500)),
    "limit-5000": Variation(paging=PagingForm(largest=5000)),
    "limit-100-clamped": Variation(paging=PagingForm(largest=100, over_largest="clamped")),
    "limit-200-clamped": Variation(paging=PagingForm(largest=200, over_largest="clamped")),
    "limit-sizes": Variation(paging=PagingForm(largest=100, sizes=(10, 25, 50, 100))),
    "limit-required": Variation(paging=PagingForm(limit_required=True)),
    "limit-ignored": Variation(paging=PagingForm(limit_obeyed=False, default_size=50)),
    "limit-default-100": Variation(paging=PagingForm(default_size=100)),
    "limit-flat": Variation(paging=PagingForm(limit="limit", position="skip")),
    "limit-take": Variation(paging=PagingForm(limit="take", position="skip")),
    "limit-page-size": Variation(paging=PagingForm(limit="pageSize", position="offset")),
    "limit-from": Variation(paging=PagingForm(limit="size", position="from", default_size=10)),
    # position
    "offset-from-1": Variation(paging=PagingForm(first=1)),
    "pages-from-1": Variation(
        paging=PagingForm(kind="page", first=1, limit="options.limit", position="options.page")
    ),
    "pages-from-0": Variation(
        paging=PagingForm(kind="page", limit="options.limit", position="options.page")
    ),
    "pages-nested": Variation(
        paging=PagingForm(kind="page", first=1, limit="page.size", position="page.number")
    ),
    "pages-as-skip": Variation(paging=PagingForm(kind="page")),
    "skip-ignored": Variation(paging=PagingForm(position_obeyed=False)),
    "deepest-10000": Variation(paging=PagingForm(deepest_row=10_000)),
    "deepest-10000-total-capped": Variation(
        paging=PagingForm(deepest_row=10_000), envelope=EnvelopeForm(total_kind="capped")
    ),
    "end-repeats": Variation(paging=PagingForm(beyond_end="repeat")),
    "end-404": Variation(paging=PagingForm(beyond_end="not_found")),
    "end-400": Variation(paging=PagingForm(beyond_end="refused")),
    "end-repeats-without-total": Variation(
        paging=PagingForm(beyond_end="repeat"), envelope=EnvelopeForm(total=None)
    ),
    "cursor-alone": Variation(paging=_CURSOR, envelope=_CURSOR_ENVELOPE),
    "cursor-absent-at-end": Variation(
        paging=PagingForm(kind="cursor", position="cursor", limit="limit", cursor_end="absent"),
        envelope=EnvelopeForm(total=None, next_cursor="meta.next"),
    ),
    "cursor-empty-at-end": Variation(
        paging=PagingForm(kind="cursor", position="after", limit="first", cursor_end="empty"),
        envelope=EnvelopeForm(next_cursor="paging.after"),
    ),
    "cursor-expires": Variation(
        paging=PagingForm(kind="cursor", position="options.cursor", cursor_seconds=300),
        envelope=_CURSOR_ENVELOPE,
    ),
    "next-page": Variation(
        paging=PagingForm(kind="page", first=1, position="options.page"),
        envelope=EnvelopeForm(total=None, next_page="nextPage"),
    ),
    # rows in the envelope
    "rows-data": Variation(envelope=EnvelopeForm(rows="data")),
    "rows-items": Variation(envelope=EnvelopeForm(rows="items")),
    "rows-data-items": Variation(envelope=EnvelopeForm(rows="data.items", total="data.total")),
    "rows-top-level": Variation(
        envelope=EnvelopeForm(rows="", total=None, total_header="X-Total-Count")
    ),
    "rows-top-level-without-total": Variation(envelope=EnvelopeForm(rows="", total=None)),
    "rows-in-pages": Variation(envelope=EnvelopeForm(rows="pages[0].rows")),
    "rows-edges": Variation(
        envelope=EnvelopeForm(
            rows="data.results.edges", rows_in="node", total="data.results.totalCount"
        )
    ),
    "rows-with-decoy": Variation(envelope=EnvelopeForm(rows="records", decoy=True)),
    # total
    "total-count": Variation(envelope=EnvelopeForm(total="totalCount")),
    "total-meta": Variation(envelope=EnvelopeForm(rows="data", total="meta.total")),
    "total-header": Variation(envelope=EnvelopeForm(total=None, total_header="X-Total-Count")),
    "total-absent": Variation(envelope=EnvelopeForm(total=None)),
    "total-has-more": Variation(envelope=EnvelopeForm(total=None, has_more="hasMore")),
    "total-text": Variation(envelope=EnvelopeForm(total_kind="text")),
    "total-pages": Variation(envelope=EnvelopeForm(total="totalPages", total_kind="pages")),
    "total-named-total-is-pages": Variation(envelope=EnvelopeForm(total_kind="pages")),
    "total-of-page": Variation(envelope=EnvelopeForm(total_kind="of_page")),
    "total-capped": Variation(envelope=EnvelopeForm(total_kind="capped")),
    "total-lagging": Variation(envelope=EnvelopeForm(total_kind="lagging")),
    "total-approximate": Variation(envelope=EnvelopeForm(total_kind="approximate")),
    "total-null": Variation(envelope=EnvelopeForm(total_kind="null")),
    # order
    "order-sort-by": Variation(
        order=OrderForm(member="sortBy", direction="sortOrder", ascending="asc", descending="desc")
    ),
    "order-lower": Variation(order=OrderForm(ascending="asc", descending="desc")),
    "order-long-words": Variation(order=OrderForm(ascending="ascending", descending="descending")),
    "order-list": Variation(order=OrderForm(shape="list", member="orderBy", direction_key="order")),
    "order-sort-list": Variation(
        order=OrderForm(
            shape="list",
            member="sort",
            direction_key="direction",
            ascending="asc",
            descending="desc",
        )
    ),
    "order-object": Variation(order=OrderForm(shape="object", member="order")),
    "order-object-in-options": Variation(
        order=OrderForm(
            shape="object", member="options.orderBy", ascending="asc", descending="desc"
        )
    ),
    "order-signed": Variation(order=OrderForm(shape="signed", member="sort")),
    "order-colon": Variation(
        order=OrderForm(shape="colon", member="sort", ascending="asc", descending="desc")
    ),
    "order-comma": Variation(
        order=OrderForm(shape="comma", member="sort", ascending="asc", descending="desc")
    ),
    "order-words": Variation(
        order=OrderForm(shape="words", member="orderBy", ascending="asc", descending="desc")
    ),
    "order-constants": Variation(
        order=OrderForm(
            fields=("updatedAt", "progress"),
            names=(("updatedAt", "UPDATED_AT"), ("progress", "PROGRESS")),
        )
    ),
    "order-snake": Variation(order=OrderForm(names=(("updatedAt", "updated_at"),))),
    "order-ignored": Variation(order=OrderForm(support="ignored")),
    "order-ignored-reshuffled": Variation(
        order=OrderForm(support="ignored", unordered="reshuffled")
    ),
    "order-absent": Variation(order=OrderForm(support="absent")),
    "order-direction-ignored": Variation(order=OrderForm(direction_obeyed=False)),
    "order-created-only": Variation(order=OrderForm(fields=("createdAt",))),
    "order-unordered-reshuffled": Variation(order=OrderForm(unordered="reshuffled")),
    "nulls-first": Variation(
        order=OrderForm(nulls="first"), population=PopulationForm(null_updates=True)
    ),
    "nulls-last": Variation(population=PopulationForm(null_updates=True)),
    "nulls-largest": Variation(
        order=OrderForm(nulls="largest"), population=PopulationForm(null_updates=True)
    ),
    "nulls-smallest": Variation(
        order=OrderForm(nulls="smallest"), population=PopulationForm(null_updates=True)
    ),
    "ties-stable": Variation(population=PopulationForm(ties=2_500)),
    "ties-reshuffled": Variation(
        order=OrderForm(ties="reshuffled"), population=PopulationForm(ties=2_500)
    ),
    "ties-reshuffled-limit-100": Variation(
        order=OrderForm(ties="reshuffled"),
        population=PopulationForm(ties=20_000),
        paging=PagingForm(largest=100),
    ),
}
