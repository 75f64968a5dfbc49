"""Work on alerts: acknowledged, assigned, commented and silenced, each with who and why."""

from datetime import datetime
from typing import Annotated

import msgspec

from ledger.events.base import Event, Id, LongText
from ledger.events.cases import (
    AlertAcknowledged,
    AlertAssigned,
    AlertCommented,
    AlertSilenced,
)
from ledger.rules.refusal import Refusal
from ledger.values.clock import Instant

GroupId = Annotated[str, msgspec.Meta(pattern=r"^g-[0-9a-f]{16}(?!\n)$")]


class AcknowledgeAlerts(msgspec.Struct, frozen=True, kw_only=True, tag="acknowledge-alerts"):
    """Says that somebody has seen a group of alerts."""

    group: GroupId
    by: Id
    note: LongText | None = None


class AssignAlerts(msgspec.Struct, frozen=True, kw_only=True, tag="assign-alerts"):
    """Asks that somebody works on a group of alerts."""

    group: GroupId
    to: Id
    by: Id
    note: LongText | None = None


class CommentAlerts(msgspec.Struct, frozen=True, kw_only=True, tag="comment-alerts"):
    """Puts a remark beside a group of alerts."""

    group: GroupId
    by: Id
    note: LongText


class SilenceAlerts(msgspec.Struct, frozen=True, kw_only=True, tag="silence-alerts"):
    """Asks that a group stays quiet until a time; a time that has passed ends the silence."""

    group: GroupId
    by: Id
    until: Instant
    note: LongText

    def __post_init__(self) -> None:
        """Raises `ValueError` for a year that no clock of ours shows, in any zone."""
        if not 2001 <= self.until.year <= 2099:
            raise ValueError(f"a silence ends in 2001 to 2099, not {self.until.isoformat()}")


AlertRequest = AcknowledgeAlerts | AssignAlerts | CommentAlerts | SilenceAlerts


class AlertCase(msgspec.Struct, frozen=True):
    """What people said about a group; `last` is the latest event of it."""

    group: str
    version: int = 0
    last: Event | None = None


# Longer than any festival; who wants an alert gone mends its cause.
SILENCE_DAYS_MAX = 92


def decide_alert(case: AlertCase, request: AlertRequest, *, now: datetime) -> list[Event] | Refusal:
    """Decides what somebody says of a group; the same words twice in a row are recorded once."""
    event: Event
    match request:
        case AcknowledgeAlerts():
            event = AlertAcknowledged(group=request.group, by=request.by, note=request.note)
        case AssignAlerts():
            event = AlertAssigned(
                group=request.group, to=request.to, by=request.by, note=request.note
            )
        case CommentAlerts():
            event = AlertCommented(group=request.group, by=request.by, note=request.note)
        case SilenceAlerts():
            if (request.until - now).days > SILENCE_DAYS_MAX:
                return Refusal("silence-too-long", f"Silence at most {SILENCE_DAYS_MAX} days.")
            event = AlertSilenced(
                group=request.group, by=request.by, until=request.until, note=request.note
            )
    return [] if event == case.last else [event]


def evolve_alert(case: AlertCase, event: Event) -> AlertCase:
    """Returns the case after one of its events."""
    if not isinstance(event, AlertAcknowledged | AlertAssigned | AlertCommented | AlertSilenced):
        raise TypeError(f"{type(event).__name__} is no event about alerts")
    return AlertCase(case.group, case.version + 1, event)
