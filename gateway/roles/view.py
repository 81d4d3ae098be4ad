"""What a role may see, as one value: the rows that its queries read instead of all results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeAlias

from gateway.engine.sql import Sql
from gateway.query.tree.expressions import BoundOrder, ColumnRef
from gateway.roles.limits import RoleLimits
from gateway.roles.view_sql import compile_salt, compile_seen, compile_seen_by_digest, rows_seen

Derive: TypeAlias = Callable[[str, Callable[[], Sql]], str]
"""Return the table of this name beside a snapshot, made by the SELECT if it is not there yet."""


@dataclass(frozen=True, slots=True)
class RoleView:
    """What a role sees; `name` differs where anything of it does.

    `mask_secret` is what masks are made with. Nothing but the name shows in a repr, because rules
    name groups and people.
    """

    name: str
    limits: RoleLimits = field(repr=False)
    mask_secret: str = field(default="", repr=False)

    def relation(
        self, rows: str, made_at: datetime, order: tuple[BoundOrder, ...], derive: Derive
    ) -> str:
        """Return the FROM item that the role reads instead of `rows`, the table of all results.

        `order` is the order of that table and ends in the key. `made_at` is now() in the rule.
        """
        limits, secret = self.limits, None
        if limits.masked:
            secret = derive("salt", partial(compile_salt, self.mask_secret))
        seen = self._seen(rows, made_at, order, secret, derive)
        return rows_seen(limits.columns, limits.masked, rows, seen, secret)

    def _seen(
        self,
        rows: str,
        made_at: datetime,
        order: tuple[BoundOrder, ...],
        secret: str | None,
        derive: Derive,
    ) -> str | None:
        """Return the table of the rows that the role sees; None for all of them, in their order."""
        rule = self.limits.rule and self.limits.rule(made_at)
        key = order[-1].expr
        if (
            secret is not None
            and isinstance(key, ColumnRef)
            and key.prop.name in self.limits.masked
        ):
            return derive("seen", partial(compile_seen_by_digest, rule, rows, order, secret))
        return None if rule is None else derive("seen", partial(compile_seen, rule, rows))
