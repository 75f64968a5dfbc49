"""Holds: goods stopped at once, by an authority, until a time; released, or turned into a recall."""

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from ledger.events.base import Event, Id, LongText, ShortText
from ledger.events.holds import (
    DeadlinePassed,
    HoldBecameRecall,
    HoldExtended,
    HoldPlaced,
    HoldReleased,
    Stopped,
)
from ledger.rules.refusal import Refusal
from ledger.values.clock import Instant
from ledger.values.ids import NO_NAME

# 行政强制法, article 25 (secondary): goods are sealed for at most 30 days, and 30 more at a time.
HOLD_DAYS_MAX = 30


class PlaceHold(msgspec.Struct, frozen=True, kw_only=True, tag="place-hold"):
    """Asks that goods may not be sold until a time, in an authority's name."""

    hold: Id
    goods: Stopped
    authority: ShortText
    reason: LongText
    until: Instant
    by: Id


class ExtendHold(msgspec.Struct, frozen=True, kw_only=True, tag="extend-hold"):
    """Asks that a hold ends later."""

    hold: Id
    until: Instant
    reason: LongText
    by: Id


class ReleaseHold(msgspec.Struct, frozen=True, kw_only=True, tag="release-hold"):
    """Asks that the goods of a hold may be sold again."""

    hold: Id
    reason: LongText
    by: Id


class EndHold(msgspec.Struct, frozen=True, kw_only=True, tag="end-hold"):
    """Asks to put on record that a hold's time has run out."""

    hold: Id


class TurnIntoRecall(msgspec.Struct, frozen=True, kw_only=True, tag="turn-hold-into-recall"):
    """Asks that a hold ends because its goods are recalled."""

    hold: Id
    recall: Id
    by: Id


HoldRequest = PlaceHold | ExtendHold | ReleaseHold | EndHold | TurnIntoRecall
HoldStage = Literal["none", "placed", "released", "lapsed", "recalled"]


class HoldCase(msgspec.Struct, frozen=True):
    """What is known of a hold."""

    hold: str
    version: int = 0
    stage: HoldStage = "none"
    placed: HoldPlaced | None = None
    until: datetime | None = None


def decide_hold(case: HoldCase, request: HoldRequest, *, now: datetime) -> list[Event] | Refusal:
    """Decides what somebody asks of a hold; the same twice changes nothing."""
    if isinstance(request, PlaceHold):
        return _place(case, request, now)
    if case.placed is None or case.until is None:
        return Refusal("hold-unknown", f"No hold is called {case.hold}: suyuan hold list.")
    if case.stage != "placed":
        return _over(case, request)
    match request:
        case ExtendHold():
            if request.until == case.until:
                return []
            return _too_far(request.until, max(now, case.until), earliest=case.until) or [
                HoldExtended(**_members(request))
            ]
        case ReleaseHold():
            return [HoldReleased(**_members(request))]
        case TurnIntoRecall():
            return [HoldBecameRecall(**_members(request))]
        case EndHold():
            if now < case.until:
                return Refusal("hold-not-over", f"{case.hold} goes on until {_time(case.until)}.")
            passed = DeadlinePassed(
                kind="hold", subject=case.hold, what="hold-ends", due=case.until
            )
            return [passed]


def _place(case: HoldCase, request: PlaceHold, now: datetime) -> list[Event] | Refusal:
    if case.placed is not None:
        same = HoldPlaced(placed_at=case.placed.placed_at, **_members(request)) == case.placed
        taken = Refusal("hold-taken", f"{case.hold} is another hold: choose another name.")
        return [] if same else taken
    if case.hold == NO_NAME:
        return Refusal("name-reserved", f"A hold is not called {NO_NAME}: choose another name.")
    refused = _too_far(request.until, now, earliest=now)
    return refused or [HoldPlaced(placed_at=now, **_members(request))]


def _too_far(until: datetime, since: datetime, *, earliest: datetime) -> Refusal | None:
    if until <= earliest:
        advice = f"A hold ends after {_time(earliest)}, not {_time(until)}."
        return Refusal("hold-ends-too-early", advice)
    if until - since > timedelta(days=HOLD_DAYS_MAX):
        advice = f"Hold at most {HOLD_DAYS_MAX} days at a time, and extend it when they are over."
        return Refusal("hold-too-long", advice)
    return None


def _over(case: HoldCase, request: HoldRequest) -> list[Event] | Refusal:
    if isinstance(request, EndHold) or (
        isinstance(request, TurnIntoRecall) and case.stage != "lapsed"
    ):
        return []
    if isinstance(request, ReleaseHold) and case.stage == "released":
        return []
    # One that ran out without a decision is still to be decided.
    if case.stage == "lapsed" and isinstance(request, ReleaseHold):
        return [HoldReleased(**_members(request))]
    if case.stage == "lapsed" and isinstance(request, TurnIntoRecall):
        return [HoldBecameRecall(**_members(request))]
    return Refusal("hold-over", f"{case.hold} was {case.stage}: place another hold.")


def evolve_hold(case: HoldCase, event: Event) -> HoldCase:
    """Returns the case after one of its events."""
    case = msgspec.structs.replace(case, version=case.version + 1)
    match event:
        case HoldPlaced():
            return msgspec.structs.replace(case, stage="placed", placed=event, until=event.until)
        case HoldExtended():
            return msgspec.structs.replace(case, until=event.until)
        case HoldReleased():
            return msgspec.structs.replace(case, stage="released")
        case HoldBecameRecall():
            return msgspec.structs.replace(case, stage="recalled")
        case DeadlinePassed():
            return msgspec.structs.replace(case, stage="lapsed")
    raise TypeError(f"{type(event).__name__} is no event of a hold")


def _members(request: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(request)


def _time(at: datetime) -> str:
    return at.isoformat(timespec="minutes")
