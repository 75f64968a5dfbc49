"""Flags: what intake notices about a report when it records it. Nothing is refused for them."""

from datetime import datetime
from typing import Final

from ledger.events.base import Event
from ledger.events.reports import GoodsMoved, Report, TapeOpened
from ledger.rules.device import DeviceCase
from ledger.values.clock import derive

# The device holds no mandate of the merchant it reported for.
NO_MANDATE: Final = "no-mandate"
# Goods with a code came without the date printed beside it.
UNDATED: Final = "undated"
# The device's wall clock runs ahead of the ledger's.
CLOCK_AHEAD: Final = "clock-ahead"

# A phone that asks the network for the time is right within seconds; ten minutes is a clock set
# by hand that nobody needs to be called about.
CLOCK_AHEAD_S: Final = 600


def flags_of(event: Event, device: DeviceCase, received: datetime) -> tuple[str, ...]:
    """Returns the flags of a report, in a fixed order."""
    flags = []
    if isinstance(event, Report) and not device.may_report_for(event.merchant, event.business_date):
        flags.append(NO_MANDATE)
    if isinstance(event, GoodsMoved) and event.goods.dates_from == "skipped":
        flags.append(UNDATED)
    if (
        isinstance(event, Report | TapeOpened)
        and derive(event.clock, received).ahead_s > CLOCK_AHEAD_S
    ):
        flags.append(CLOCK_AHEAD)
    return tuple(flags)
