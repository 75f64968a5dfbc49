"""Days: puts on record that a market's day began, as soon as it did."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
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
from ledger.events.cases import MarketRegistered, PremisesAdded
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
        self._begun: dict[str, date | None] = {}
        self._zones: dict[str, str] = {}

    def step(self) -> None:
        """Looks for new markets and begins the days that are due, each in its market's zone."""
        self._find_markets()
        for market, begun in self._begun.items():
            zone = self._zones.get(market, ZONE_DEFAULT)
            day = day_at(self._now(), ZoneInfo(zone))
            if begun is None or begun < day:
                self._requests.take(BeginDay(market, day, zone))
                self._begun[market] = day

    def _find_markets(self) -> None:
        while True:
            found = self._page()
            for notification in found:
                match decode(notification.topic, notification.state):
                    case PremisesAdded(market=market):
                        self._begun.setdefault(market, None)
                    case MarketRegistered(market=market, zone=zone):
                        self._begun.setdefault(market, None)
                        self._zones[market] = zone
                self._position = notification.id
            if len(found) < PAGE:
                return

    def _page(self) -> Sequence[Notification]:
        names = [stored_name(PremisesAdded), stored_name(MarketRegistered)]
        try:
            return self._recorder.select_notifications(
                self._position, PAGE, topics=names, inclusive_of_start=False
            )
        except (InterfaceError, OperationalError, PoolTimeout) as error:
            raise JournalUnavailable(str(error)) from error
