"""Holders in a recall: acknowledged, answered, called, checked; each holder is a case of its own.

A recall may have a hundred thousand of them, and none has to wait for another's stream.
"""

import msgspec

from ledger.events.base import Event
from ledger.events.recalls import (
    ChecksDrawn,
    HolderCalled,
    HolderChecked,
    RecallAcknowledged,
    RecallAnswered,
    RecallHandedOver,
    WorkingDaysStated,
)
from ledger.rules.recalls import RecallCase
from ledger.rules.refusal import Refusal


class AcknowledgeRecall(msgspec.Struct, frozen=True, tag="acknowledge-recall"):
    """Says that a holder has read a recall."""

    entry: RecallAcknowledged


class AnswerRecall(msgspec.Struct, frozen=True, tag="answer-recall"):
    """Says what a holder found, or that it found nothing."""

    entry: RecallAnswered


class CallHolder(msgspec.Struct, frozen=True, tag="call-holder"):
    """Says what came of calling a buyer."""

    entry: HolderCalled


class CheckHolder(msgspec.Struct, frozen=True, tag="check-holder"):
    """Says what an officer saw at a holder."""

    entry: HolderChecked


class DrawChecks(msgspec.Struct, frozen=True, tag="draw-checks"):
    """Asks to put on record which holders are to be checked."""

    entry: ChecksDrawn


class HandOverRecall(msgspec.Struct, frozen=True, tag="hand-over-recall"):
    """Says that another authority got the list of its holders."""

    entry: RecallHandedOver


class StateWorkingDays(msgspec.Struct, frozen=True, tag="state-working-days"):
    """Asks that a year's calendar of working days counts."""

    entry: WorkingDaysStated


HolderRequest = (
    AcknowledgeRecall | AnswerRecall | CallHolder | CheckHolder | DrawChecks | HandOverRecall
)


class HolderCase(msgspec.Struct, frozen=True):
    """What was said last of one holder, by the kind of event."""

    subject: str
    version: int = 0
    said: tuple[Event, ...] = ()


class YearCase(msgspec.Struct, frozen=True):
    """A year's working days, as stated last."""

    year: int
    version: int = 0
    stated: WorkingDaysStated | None = None


def subject_of_holder(request: HolderRequest) -> str:
    """Returns what names the case of a holder in a recall."""
    match request.entry:
        case HolderCalled(recall=recall, merchant=merchant, card=card):
            return f"{recall}/{merchant or card}"
        case ChecksDrawn(recall=recall):
            return f"{recall}/*checks"
        case RecallHandedOver(recall=recall, authority=authority):
            return f"{recall}/*{authority}"
        case RecallAcknowledged() | RecallAnswered() | HolderChecked() as said:
            return f"{said.recall}/{said.merchant}"


def decide_holder(
    case: HolderCase, request: HolderRequest, recall: RecallCase
) -> list[Event] | Refusal:
    """Decides what is said of a holder; the same words again change nothing, except a call."""
    if recall.drafted is None:
        advice = f"No recall is called {recall.recall}: suyuan recall list."
        return Refusal("recall-unknown", advice)
    if recall.published is None:
        advice = f"{recall.recall} is not published: nobody holds anything to say of it yet."
        return Refusal("recall-not-published", advice)
    entry = request.entry
    if recall.stage == "withdrawn":
        return Refusal("recall-over", f"{recall.recall} was withdrawn: nothing of it is recalled.")
    late = isinstance(entry, HolderChecked | RecallAnswered)
    if recall.stage == "closed" and not late:
        # What turns up later, or is seen, is still said; the rest of the work is done.
        advice = f"{recall.recall} is closed: only answers and visits are taken in now."
        return Refusal("recall-over", advice)
    if isinstance(entry, RecallAnswered) and (other := _other_goods(entry, recall)) is not None:
        advice = f"{recall.recall} does not recall {other}: answer for its own goods."
        return Refusal("answer-other-goods", advice)
    known = [said for said in case.said if type(said) is type(entry)]
    again = known[-1:] == [entry] and not isinstance(entry, HolderCalled)
    return [] if again else [entry]


def _other_goods(entry: RecallAnswered, recall: RecallCase) -> str | None:
    """Returns a lot that was answered for and of whose product other lots alone are recalled."""
    for said in entry.lines:
        if said.lot is None or (said.product, said.lot) in recall.named:
            continue
        # What is recalled by its supplier or dates may be of any lot; of others nobody knows here.
        own = {lot for product, lot in recall.named if product in (None, said.product)}
        if own and None not in own:
            return f"{said.product} {said.lot}"
    return None


def evolve_holder(case: HolderCase, event: Event) -> HolderCase:
    """Returns the case after one of its events."""
    others = tuple(said for said in case.said if type(said) is not type(event))
    return HolderCase(case.subject, case.version + 1, (*others, event))


def decide_year(case: YearCase, entry: WorkingDaysStated) -> list[WorkingDaysStated]:
    """Decides a year's calendar; the same again changes nothing."""
    return [] if case.stated == entry else [entry]


def evolve_year(case: YearCase, event: object) -> YearCase:
    """Returns the case after one of its events."""
    if not isinstance(event, WorkingDaysStated):
        raise TypeError(f"{type(event).__name__} is no event of a calendar")
    return YearCase(case.year, case.version + 1, event)
