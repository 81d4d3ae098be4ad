"""The service of each caller: of their workspace, limited to what their role may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.auth.principal import Principal
from gateway.errors import AccessDenied, ConfigurationProblem
from gateway.service.service import QueryService
from gateway.workspace import Workspace


class Tenants(Protocol):
    """A lookup of the caller's service."""

    def service_of(self, principal: Principal) -> QueryService:
        """Return the service; it shares no data with another workspace or role.

        Raises:
            AccessDenied: the caller has none.
        """


class Workspaces:
    """All workspaces of the gateway."""

    def __init__(self, workspaces: Iterable[Workspace]) -> None:
        self._workspaces = {workspace.name: workspace for workspace in workspaces}

    def service_of(self, principal: Principal) -> QueryService:
        """Return the service of the caller's role.

        Raises:
            AccessDenied: the workspace, the role or an entity set of the key does not exist.
        """
        workspace = self._workspaces.get(principal.workspace)
        service = workspace and workspace.service_of(principal.role, principal.token)
        if workspace and service and principal.allowance.sets is not None:
            return _pruned(workspace, principal.role, principal.allowance.sets)
        if not service:
            role = "" if principal.role is None else f" with the role {principal.role!r}"
            raise AccessDenied(
                f"these credentials are for the workspace {principal.workspace!r}{role}, which this"
                " gateway does not have; ask its owner to add it to the configuration file, or for"
                " other credentials"
            )
        return service


def _pruned(workspace: Workspace, role: str | None, sets: tuple[str, ...]) -> QueryService:
    try:
        return workspace.pruned(role, sets)
    except ConfigurationProblem as problem:
        raise AccessDenied(
            f"{problem.message}; ask the gateway's owner to correct the key's list with"
            " skillhabit-odata keys limit"
        ) from problem
