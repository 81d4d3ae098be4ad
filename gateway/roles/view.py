"""The view of a caller as one value: rows, columns, errors, the status and explanations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TypeAlias, TypeVar

from gateway.auth.principal import Principal
from gateway.config import Role
from gateway.contract.model import Contract
from gateway.engine.sql import Sql
from gateway.errors import GatewayError
from gateway.planner.pushdown import Pushdown
from gateway.query.tree.expressions import BoundOrder, ColumnRef
from gateway.roles.limits import RoleLimits, limits_of
from gateway.roles.view_sql import (
    compile_mask_secret,
    compile_positions,
    compile_positions_by_digest,
    visible_rows,
)

T = TypeVar("T")
Derive: TypeAlias = Callable[[str, Callable[[], Sql]], str]
"""Return the table of this name next to a snapshot; the SELECT creates it if it is missing."""


@dataclass(frozen=True, slots=True)
class View:
    """A caller's view of a workspace: everything, unless `role_limits` or `is_pruned` restrict it.

    `name` is unique to the restrictions. `role_limits` are the rows and columns of a role, None for
    all. `mask_secret` is the secret of the digests. `is_pruned` is True if the caller's key
    excludes entity sets. Only the name shows in a repr: rules name groups and people.
    """

    name: str = ""
    role_limits: RoleLimits | None = field(default=None, repr=False)
    mask_secret: str = field(default="", repr=False)
    is_pruned: bool = False

    @classmethod
    def of_role(cls, role: Role, contract: Contract, mask_secret: str) -> View:
        """Return the view of a role.

        Its name differs between roles that see different data: tables, pages and links belong to
        it. Digests count as data, because a snapshot outlives a restart with another secret.

        Raises:
            ConfigurationProblem: as `limits_of`.
        """
        rules = repr((role.rows, role.hide, role.mask, role.sets, mask_secret))
        name = hashlib.sha256(rules.encode()).hexdigest()[:12]
        return cls(name, limits_of(role, contract), mask_secret)

    @property
    def sees_everything(self) -> bool:
        """True for callers who see all rows and all entity sets.

        Other callers must not learn the total number of rows or the filters of others.
        """
        return self.role_limits is None and not self.is_pruned

    @property
    def may_read_drafts(self) -> bool:
        """True if rows may be served while their extract runs.

        The rows of a role can be found only after all results have arrived.
        """
        return self.role_limits is None

    @property
    def access_line(self) -> tuple[str, str] | None:
        """The line of an explanation that replaces all facts about the source, for a role."""
        if self.role_limits is None:
            return None
        return "access", "the rows and columns that you may see, from a snapshot of all rows"

    def reveal(self, facts: T) -> T | None:
        """Return facts about all rows of the workspace, None if these callers may not see them."""
        return facts if self.sees_everything else None

    @property
    def rule_columns(self) -> frozenset[str]:
        """The columns that decide which rows these callers see."""
        return frozenset() if self.role_limits is None else self.role_limits.rule_columns

    def public(self, error: GatewayError) -> GatewayError:
        """Return an error without facts about rows that these callers may not see."""
        return error if self.sees_everything else error.in_public()

    def shows(self, pushdown: Pushdown) -> bool:
        """Return True if the status may list a snapshot or an extract of this pushdown."""
        return self.sees_everything or not pushdown.terms

    def pruned(self) -> View:
        """Return the view of the same rows without some entity sets."""
        return replace(self, is_pruned=True)

    def named(self, table: str) -> str:
        """Return the name of a table that is derived from what these callers see."""
        return table if self.role_limits is None else f"{table}@{self.name}"

    def relation(
        self, rows: str, made_at: datetime, order: tuple[BoundOrder, ...], derive: Derive
    ) -> str:
        """Return the FROM item to read instead of `rows`, the table of all results.

        `order` is the order of that table and ends in the key. `made_at` is now() in the rule.
        """
        if self.role_limits is None:
            return rows
        limits, secret = self.role_limits, None
        if limits.masked:
            secret = derive("salt", partial(compile_mask_secret, self.mask_secret))
        positions = self._visible_positions(limits, rows, made_at, order, secret, derive)
        return visible_rows(limits.columns, limits.masked, rows, positions, secret)

    @staticmethod
    def _visible_positions(
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
            return derive("seen", partial(compile_positions_by_digest, rule, rows, order, secret))
        return None if rule is None else derive("seen", partial(compile_positions, rule, rows))


EVERYTHING = View()
"""The view of callers who see all rows of all entity sets."""


def may_see_others(principal: Principal) -> bool:
    """Return True if a principal may see the queries of the workspace's other callers.

    They may not with a role, a list of entity sets, or a token of their own.
    """
    sees_all = principal.role is None and principal.allowance.sets is None
    return sees_all and principal.token is None
