"""The warnings of `check` about published columns: what `serve` would change, what ends soon."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.app import read_contract
from gateway.config import Settings
from gateway.contract.aliases import ending_aliases, without_ended_aliases
from gateway.roles.limits import limit_contract
from gateway.service.schema_log import SchemaLog, warnings_of
from gateway.storage import schema_log_path


def schema_warnings(settings: Settings) -> list[str]:
    """Return a sentence for each change since the last `serve` that can break reports.

    Raises:
        ConfigurationProblem: the contract file, a role or a folder cannot be used.
    """
    today = datetime.now(UTC).date()
    contract = read_contract(settings)
    published = without_ended_aliases(contract, today)
    roles = {role.name: limit_contract(published, role).schema for role in settings.roles}
    log = SchemaLog(schema_log_path(settings))
    pending = log.pending({"": published.schema, **roles})
    return [*warnings_of(pending), *ending_aliases(contract, today)]
