"""A device's clocks, as its reports state them."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from ledger.values.clock import DeviceClock


class Hears(Protocol):
    """Knows the last ledger time heard, as (ledger time, monotonic seconds)."""

    heard: tuple[datetime, float] | None


class Clocks:
    """Reads the wall and monotonic clocks; `boot` names this run of the device."""

    def __init__(
        self,
        hearing: Hears | None = None,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._boot = str(uuid.uuid4())
        self.hearing = hearing

    def read(self) -> DeviceClock:
        """Returns what the clocks say now."""
        heard = self.hearing.heard if self.hearing is not None else None
        return DeviceClock(
            wall=self._wall(),
            boot=self._boot,
            monotonic_ms=int(self._monotonic() * 1000),
            heard=heard[0] if heard else None,
            heard_monotonic_ms=int(heard[1] * 1000) if heard else None,
        )
