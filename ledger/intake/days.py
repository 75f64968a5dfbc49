"""Days: puts on record that a market's day began, as soon as it did."""

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from eventsourcing.persistence import (
    ApplicationRecorder,
    InterfaceError,
    Notification,
    OperationalError,
)
from psycopg_pool import PoolTimeout

from ledger.errors import JournalUnavailable
from ledger.events.base import stored_name
from ledger.events.cases import PremisesAdded
from ledger.events.catalogue import decode
from ledger.intake.requests import Requests
from ledger.rules.requests import BeginDay
from ledger.values.day import ZONE_DEFAULT, day_at

PAGE = 500


class DayKeeper:
    """Finds the markets in the register and begins each one's day; two of it do no harm."""

    def __init__(
        self, recorder: ApplicationRecorder, requests: Requests, now: Callable[[], datetime]
    ) -> None:
        self._recorder = recorder
        self._requests = requests
        self._now = now
        self._position = 0
        self._begun: dict[str, object] = {}

    def step(self) -> None:
        """Looks for new markets and begins the days that are due."""
        self._find_markets()
        day = day_at(self._now(), ZoneInfo(ZONE_DEFAULT))
        for market, begun in self._begun.items():
            if begun != day:
                self._requests.take(BeginDay(market, day))
                self._begun[market] = day

    def _find_markets(self) -> None:
        while True:
            found = self._page()
            for notification in found:
                event = decode(notification.topic, notification.state)
                assert isinstance(event, PremisesAdded)
                self._begun.setdefault(event.market, None)
                self._position = notification.id
            if len(found) < PAGE:
                return

    def _page(self) -> Sequence[Notification]:
        name = stored_name(PremisesAdded)
        try:
            return self._recorder.select_notifications(
                self._position, PAGE, topics=[name], inclusive_of_start=False
            )
        except (InterfaceError, OperationalError, PoolTimeout) as error:
            raise JournalUnavailable(str(error)) from error
