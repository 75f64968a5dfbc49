"""A device's clocks, as its reports state them."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ledger.values.clock import DRIFT_PPM, DeviceClock


class Clocks:
    """Reads the wall and monotonic clocks; `boot` names this run of the device."""

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._boot = str(uuid.uuid4())
        self._heard: tuple[datetime, float] | None = None

    def hear(self, ledger_time: datetime) -> None:
        """Notes the ledger's time as an answer brought it; it outranks the wall clock.

        An answer is under way for a while, sometimes for hours at a broker, so what it says is the past. The one that
        says the latest time was the quickest; others count once the counter may have drifted beyond them.
        """
        at = self._monotonic()
        if self._heard is not None:
            told, then = self._heard
            drift = (at - then) * DRIFT_PPM / 1_000_000
            if ledger_time < told + timedelta(seconds=at - then - drift):
                return
        self._heard = (ledger_time, at)

    def now(self) -> datetime:
        """Returns the time by the best clock there is: the ledger's, if it was heard in this run."""
        if self._heard is None:
            return self._wall()
        return self._heard[0] + timedelta(seconds=self._monotonic() - self._heard[1])

    def read(self) -> DeviceClock:
        """Returns what the clocks say now."""
        heard = self._heard
        return DeviceClock(
            wall=self._wall(),
            boot=self._boot,
            monotonic_ms=int(self._monotonic() * 1000),
            heard=heard[0] if heard else None,
            heard_monotonic_ms=int(heard[1] * 1000) if heard else None,
        )
