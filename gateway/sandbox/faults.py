"""Switches for faults that the sandbox makes on purpose.

Counters named `..._next` are the numbers of requests that will fail; each counts down. If several
are on, one request gets one fault, the first in the order of `Fault`. Faults affect the documented
endpoints only, before the token is checked; `/health` and the switches always work.
"""

from enum import Enum
from typing import Annotated, Literal

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=600)]

Mutation = Literal["touch", "insert", "delete"]
Shape = Literal["envelope", "no-total", "array", "types", "html"]


class Fault(Enum):
    """A fault of one request; the value is the name of its counter."""

    RATE_LIMIT = "rate_limit_next"
    ERROR = "error_next"
    HANG = "hang_next"
    TRUNCATE = "truncate_next"
    WRONG_SHAPE = "wrong_shape_next"


class Faults(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Switches that may be set while the sandbox runs; all are off at first.

    Attributes:
        latency_seconds: delay of every request, also of one that fails.
        rate_limit_next: respond with 429 that many times.
        rate_limit_every: respond with 429 to every n-th request; 0 is never.
        retry_after_seconds: the `Retry-After` of a 429; null omits the header.
        retry_after_as_date: send an HTTP date by the sandbox's clock instead of seconds.
        error_next: respond with `error_status` that many times.
        truncate_next: announce the whole body, send half of it and close, that many times.
        hang_next: send nothing for `hang_seconds` or until the client disconnects, that often.
        hang_after_headers: hang after the headers, then close; if false, before them, then 504.
        wrong_shape_next: respond with 200 in an undocumented shape that many times.
        wrong_shape: `envelope` renames the members, `no-total` omits the total, `array` is the rows
            alone, `types` has texts instead of numbers, `html` is a page instead of JSON.
        drift_every: change rows after every n-th page; 0 is never.
        drift_changes: the number of changes each time.
        drift_kinds: the kinds of changes; `drift_seed` determines kind and row.
    """

    latency_seconds: _Seconds = 0.0
    rate_limit_next: _Count = 0
    rate_limit_every: _Count = 0
    retry_after_seconds: _Count | None = 1
    retry_after_as_date: bool = False
    error_next: _Count = 0
    error_status: Annotated[int, msgspec.Meta(ge=500, le=511)] = 503
    truncate_next: _Count = 0
    hang_next: _Count = 0
    hang_after_headers: bool = False
    hang_seconds: _Seconds = 5.0
    wrong_shape_next: _Count = 0
    wrong_shape: Shape = "envelope"
    drift_every: _Count = 0
    drift_changes: _Count = 1
    drift_kinds: Annotated[tuple[Mutation, ...], msgspec.Meta(min_length=1)] = ("touch", "insert")
    drift_seed: int = 0

    def take(self, request_number: int) -> Fault | None:
        """Return the fault of a request, numbered from 1, and count it down."""
        if self.rate_limit_every and request_number % self.rate_limit_every == 0:
            return Fault.RATE_LIMIT
        for fault in Fault:
            left: int = getattr(self, fault.value)
            if left:
                setattr(self, fault.value, left - 1)
                return fault
        return None

    def update(self, switches: dict[str, object]) -> None:
        """Set the named switches (by their JSON names) and keep the others.

        Raises:
            msgspec.ValidationError: a switch is unknown or a value is wrong; no switch is set then.
        """
        changed = msgspec.convert(msgspec.to_builtins(self) | switches, Faults)
        for name in self.__struct_fields__:
            setattr(self, name, getattr(changed, name))

    def turn_off(self) -> None:
        """Reset all switches to their defaults."""
        self.update(msgspec.to_builtins(Faults()))
