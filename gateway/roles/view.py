"""The view of a caller as one value: rows, columns, errors, the status and explanations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeAlias

from gateway.engine.sql import Sql
from gateway.errors import GatewayError
from gateway.planner.pushdown import Pushdown
from gateway.query.tree.expressions import BoundOrder, ColumnRef
from gateway.roles.limits import RoleLimits
from gateway.roles.view_sql import compile_salt, compile_seen, compile_seen_by_digest, rows_seen

Derive: TypeAlias = Callable[[str, Callable[[], Sql]], str]
"""Return the table of this name next to a snapshot; the SELECT creates it if it is missing."""


@dataclass(frozen=True, slots=True)
class View:
    """A caller's view of a workspace: everything, unless `limits` or `is_pruned` restrict it.

    `name` is unique to the restrictions. `limits` are the rows and columns of a role, None for all.
    `mask_secret` is the secret of the digests. `is_pruned` is True if the caller's key excludes
    entity sets. Only the name shows in a repr: rules name groups and people.
    """

    name: str = ""
    limits: RoleLimits | None = field(default=None, repr=False)
    mask_secret: str = field(default="", repr=False)
    is_pruned: bool = False

    access = ("access", "the rows and columns that you may see, from a snapshot of all rows")
    """The line of an explanation about a role's source."""

    @property
    def is_whole(self) -> bool:
        """True for callers who see all rows and all entity sets.

        Other callers must not learn the total number of rows or the filters of others.
        """
        return self.limits is None and not self.is_pruned

    @property
    def rule_columns(self) -> frozenset[str]:
        """The columns that decide which rows these callers see."""
        return frozenset() if self.limits is None else self.limits.rule_columns

    def public(self, error: GatewayError) -> GatewayError:
        """Return an error without facts about rows that these callers may not see."""
        return error if self.is_whole else error.in_public()

    def shows(self, pushdown: Pushdown) -> bool:
        """Return True if the status may list a snapshot or an extract of this pushdown."""
        return self.is_whole or not pushdown.terms

    def named(self, table: str) -> str:
        """Return the name of a table that is derived from what these callers see."""
        return table if self.limits is None else f"{table}@{self.name}"

    def relation(
        self, rows: str, made_at: datetime, order: tuple[BoundOrder, ...], derive: Derive
    ) -> str:
        """Return the FROM item to read instead of `rows`, the table of all results.

        `order` is the order of that table and ends in the key. `made_at` is now() in the rule.
        """
        if self.limits is None:
            return rows
        limits, secret = self.limits, None
        if limits.masked:
            secret = derive("salt", partial(compile_salt, self.mask_secret))
        seen = self._seen(limits, rows, made_at, order, secret, derive)
        return rows_seen(limits.columns, limits.masked, rows, seen, secret)

    @staticmethod
    def _seen(
        limits: RoleLimits,
        rows: str,
        made_at: datetime,
        order: tuple[BoundOrder, ...],
        secret: str | None,
        derive: Derive,
    ) -> str | None:
        """Return the table of the rows that the role sees; None for all of them, in their order."""
        rule, key = limits.rule and limits.rule(made_at), order[-1].expr
        is_key_masked = isinstance(key, ColumnRef) and key.prop.name in limits.masked
        if secret is not None and is_key_masked:
            return derive("seen", partial(compile_seen_by_digest, rule, rows, order, secret))
        return None if rule is None else derive("seen", partial(compile_seen, rule, rows))


EVERYTHING = View()
"""The view of callers who see all rows of all entity sets."""
