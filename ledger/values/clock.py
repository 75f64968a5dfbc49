"""A device's clock as it states itself, and the time we derive from it."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

# A phone's quartz drifts up to about 100 parts per million.
DRIFT_PPM = 100
# Reading a clock, writing the scan and hearing the ledger each take part of a second.
READING_ERROR = timedelta(seconds=2)
# A wall clock set by hand and never checked is believed to this much.
UNCHECKED_ERROR = timedelta(minutes=10)

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
# Ten years of uptime; above it a sum of times would overflow.
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=315_360_000_000)]


class DeviceClock(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What a device's clocks said when it scanned.

    `wall` is the aware wall clock; `boot` names one run of the device; `monotonic_ms` counts
    within that run. `heard` is the last ledger time a receipt brought, `heard_monotonic_ms` the
    counter at that moment; both are null until one came in this run.
    """

    wall: Instant
    boot: Annotated[str, msgspec.Meta(max_length=60)]
    monotonic_ms: Milliseconds
    heard: Instant | None = None
    heard_monotonic_ms: Milliseconds | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for a year no label or ledger of ours can mean."""
        for instant in (self.wall, self.heard):
            if instant is not None and not 2000 <= instant.year <= 2100:
                raise ValueError(f"a clock shows 2000 to 2100, not {instant.isoformat()}")


class DerivedTime(msgspec.Struct, frozen=True):
    """When something happened as the ledger derives it, give or take `uncertainty_s` seconds."""

    at: datetime
    uncertainty_s: int
    ahead_s: int = 0


def derive(clock: DeviceClock, received: datetime) -> DerivedTime:
    """Derives when a report happened from the device's clocks and its time of receipt.

    A ledger time heard in the same run outranks the wall clock. Nothing happened after it was
    received, so a clock that runs ahead is cut there and its lead is said in `ahead_s`.
    """
    ahead = clock.wall - received
    ahead_s = max(0, int(ahead.total_seconds()))
    if clock.heard is not None and clock.heard_monotonic_ms is not None:
        since = timedelta(milliseconds=max(0, clock.monotonic_ms - clock.heard_monotonic_ms))
        error = READING_ERROR + since * DRIFT_PPM / 1_000_000
        told = clock.heard + since
        ahead_s = max(ahead_s, int((clock.wall - told).total_seconds()))
        return DerivedTime(min(told, received), int(error.total_seconds()) + 1, ahead_s)
    if ahead > UNCHECKED_ERROR:
        # The wall clock is wrong by an unknown amount: only the receipt bounds it.
        return DerivedTime(received, ahead_s, ahead_s)
    return DerivedTime(min(clock.wall, received), int(UNCHECKED_ERROR.total_seconds()), ahead_s)
