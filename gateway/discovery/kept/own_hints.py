"""The forms of a contract file -> candidates for probes, tried before all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from gateway.contract import file
from gateway.discovery.hints import Candidates, Hints
from gateway.discovery.kept.parts import CONSTANTS, ORDER, PAGE, dotted, parts_of, plain
from gateway.discovery.probe.trees import Tree, slots_in
from gateway.discovery.probe.usual import OrderForm

T = TypeVar("T")


def hints_of_contract(parsed: file.ContractFile) -> Hints:
    """Return the file's own forms; `constants` are the members that it always sends."""
    parts = {name: plain(tree) for name, tree in parts_of(parsed.request.body).items()}
    filters = {n: parts[n] for n in parsed.filters if n in parts}
    ranges = {n for n, e in parsed.filters.items() if isinstance(e, file.RangeFilterEntry)}
    statistics = parsed.endpoints.statistics
    return Hints(
        paths=(parsed.endpoints.results.path,),
        statistics_path=None if statistics is None else statistics.path,
        numbers={name: [*slots_in(parts.get(name, {}), name)] for name in PAGE},
        orders=_orders(parsed, parts.get(ORDER)),
        order_fields=tuple(c.order for c in parsed.columns if c.order is not None),
        ranges={name: _candidates(tree) for name, tree in filters.items() if name in ranges},
        filters={name: _candidates(tree) for name, tree in filters.items() if name not in ranges},
        constants=parts.get(CONSTANTS, {}),
        headers={n: v for n, v in parsed.request.headers.items() if "${" not in v},
        largest=parsed.pages.largest,
    )


def _orders(parsed: file.ContractFile, tree: Tree | None) -> tuple[OrderForm, ...]:
    order = parsed.order
    return (
        () if order is None or not tree else (OrderForm(tree, order.ascending, order.descending),)
    )


def _candidates(tree: Tree) -> Candidates:
    return [(tree, dotted(tree))]


def joined(first: Hints, second: Hints) -> Hints:
    """Return the candidates of both, those of `first` before those of `second`."""
    return Hints(
        paths=tuple(dict.fromkeys((*first.paths, *second.paths))),
        statistics_path=first.statistics_path or second.statistics_path,
        numbers=_lists(first.numbers, second.numbers),
        orders=(*first.orders, *second.orders),
        order_fields=tuple(dict.fromkeys((*first.order_fields, *second.order_fields))),
        ranges=_lists(first.ranges, second.ranges),
        filters=_lists(first.filters, second.filters),
        constants={**second.constants, **first.constants},
        headers={**second.headers, **first.headers},
        largest=first.largest or second.largest,
    )


def _lists(
    first: Mapping[str, Sequence[T]], second: Mapping[str, Sequence[T]]
) -> dict[str, list[T]]:
    names = {**first, **second}
    return {name: [*first.get(name, ()), *second.get(name, ())] for name in names}
