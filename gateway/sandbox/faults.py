"""Faults as switches: what the sandbox does wrong on purpose."""

import msgspec


class Faults(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Switches that may be turned while the sandbox runs; all are off at first."""

    latency_seconds: float = 0.0
