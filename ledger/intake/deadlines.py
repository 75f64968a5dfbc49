"""Deadlines: puts on record that a hold's time ran out, or that a recall is late."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ledger.events.base import Event, stored_name
from ledger.events.holds import (
    DeadlinePassed,
    HoldBecameRecall,
    HoldExtended,
    HoldPlaced,
    HoldReleased,
)
from ledger.events.recalls import (
    Grade,
    RecallClosed,
    RecallDrafted,
    RecallPublished,
    RecallWithdrawn,
    WorkingDaysStated,
)
from ledger.rules.deadlines import Calendar, finishes_by, starts_by
from ledger.rules.holds import EndHold
from ledger.rules.recalls import PassRecallDeadline
from ledger.values.day import ZONE_DEFAULT


class _Open(NamedTuple):
    """A recall that is not done: how grave, known and announced since when."""

    grade: Grade
    known_at: datetime
    published_at: datetime | None = None


class DeadlineKeeper:
    """Knows what is due of every open case; two of it do no harm."""

    names = tuple(
        stored_name(kind)
        for kind in (
            HoldPlaced, HoldExtended, HoldReleased, HoldBecameRecall, DeadlinePassed, RecallDrafted,
            RecallPublished, RecallWithdrawn, RecallClosed, WorkingDaysStated,
        )
    )  # fmt: skip

    def __init__(
        self,
        ask: Callable[[EndHold | PassRecallDeadline], object],
        now: Callable[[], datetime],
    ) -> None:
        self.position = 0
        self._ask = ask
        self._now = now
        self._holds: dict[str, datetime] = {}
        self._recalls: dict[str, _Open] = {}
        self._passed: set[tuple[str, str]] = set()
        self._calendar = Calendar()

    def take(self, position: int, event: Event) -> None:
        """Takes in an event of the record; `step` says what follows."""
        match event:
            case HoldPlaced(hold=hold, until=until) | HoldExtended(hold=hold, until=until):
                self._holds[hold] = until
            case HoldReleased(hold=hold) | HoldBecameRecall(hold=hold):
                self._holds.pop(hold, None)
            case RecallDrafted(recall=recall, grade=grade, known_at=known_at):
                self._recalls[recall] = _Open(grade, known_at)
            case RecallPublished(recall=recall, published_at=at):
                self._recalls[recall] = self._recalls[recall]._replace(published_at=at)
            case RecallWithdrawn(recall=recall) | RecallClosed(recall=recall):
                self._recalls.pop(recall, None)
            case WorkingDaysStated():
                self._calendar = self._calendar.stated(event)
            case DeadlinePassed(subject=subject, what="hold-ends"):
                self._holds.pop(subject, None)
            case DeadlinePassed(subject=subject, what=what):
                self._passed.add((subject, what))

    def step(self) -> None:
        """Asks to put on record what has run out; it is asked again until it stands there."""
        now = self._now()
        for hold in [hold for hold, until in self._holds.items() if until <= now]:
            self._ask(EndHold(hold=hold))
        for recall, case in list(self._recalls.items()):
            due = self._due(recall, case)
            if due.due <= now and (recall, due.what) not in self._passed:
                self._ask(due)

    def _due(self, recall: str, case: _Open) -> PassRecallDeadline:
        """Returns what is due next of a recall: to begin, or to be done."""
        if case.published_at is None:
            begins = starts_by(case.grade, case.known_at)
            return PassRecallDeadline(recall=recall, what="recall-starts", due=begins)
        zone = ZoneInfo(ZONE_DEFAULT)
        ends = finishes_by(case.grade, case.published_at, self._calendar, zone)
        return PassRecallDeadline(recall=recall, what="recall-finishes", due=ends)
