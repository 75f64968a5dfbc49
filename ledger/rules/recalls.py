"""Recalls: drafted, checked by another officer, published, changed and closed."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from ledger.events.base import Event, Id, LongText
from ledger.events.holds import DeadlinePassed, StoppedGoods
from ledger.events.recalls import (
    RecallChecked,
    RecallClosed,
    RecallDrafted,
    RecallNarrowed,
    RecallPublished,
    RecallWidened,
    RecallWithdrawn,
)
from ledger.rules.deadlines import starts_by
from ledger.rules.refusal import Refusal
from ledger.values.clock import Instant
from ledger.values.ids import NO_NAME


class DraftRecall(msgspec.Struct, frozen=True, tag="draft-recall"):
    """Asks to draft a recall, or to draft it anew while it is not published."""

    entry: RecallDrafted


class CheckRecall(msgspec.Struct, frozen=True, tag="check-recall"):
    """Asks to put on record what a second officer says of a draft."""

    entry: RecallChecked


class PublishRecall(msgspec.Struct, frozen=True, kw_only=True, tag="publish-recall"):
    """Asks to announce a recall with the words that consumers read."""

    recall: Id
    notice: LongText
    by: Id


class WidenRecall(msgspec.Struct, frozen=True, tag="widen-recall"):
    """Asks that more goods are recalled."""

    entry: RecallWidened


class NarrowRecall(msgspec.Struct, frozen=True, tag="narrow-recall"):
    """Asks that some goods are recalled no longer."""

    entry: RecallNarrowed


class WithdrawRecall(msgspec.Struct, frozen=True, tag="withdraw-recall"):
    """Asks that a recall is taken back as a whole."""

    entry: RecallWithdrawn


class CloseRecall(msgspec.Struct, frozen=True, tag="close-recall"):
    """Asks that a recall is done, with its closing report."""

    entry: RecallClosed


class PassRecallDeadline(msgspec.Struct, frozen=True, kw_only=True, tag="pass-recall-deadline"):
    """Asks to put on record that a recall is late."""

    recall: Id
    what: Literal["recall-starts", "recall-finishes"]
    due: Instant


RecallRequest = (
    DraftRecall
    | CheckRecall
    | PublishRecall
    | WidenRecall
    | NarrowRecall
    | WithdrawRecall
    | CloseRecall
    | PassRecallDeadline
)
RecallStage = Literal["none", "drafted", "returned", "checked", "published", "withdrawn", "closed"]
# Lines that one recall can have: above it, recall the product and hold the rest.
LINES_MAX = 100_000


class RecallCase(msgspec.Struct, frozen=True):
    """What is known of a recall; `goods` is what it recalls now, `passed` what it was late for.

    `named` are the products and lots it has ever recalled, those it was narrowed by too.
    """

    recall: str
    version: int = 0
    stage: RecallStage = "none"
    drafted: RecallDrafted | None = None
    checked: RecallChecked | None = None
    published: RecallPublished | None = None
    goods: tuple[StoppedGoods, ...] = ()
    named: frozenset[tuple[str | None, str | None]] = frozenset()
    passed: tuple[str, ...] = ()
    last: Event | None = None


def decide_recall(
    case: RecallCase, request: RecallRequest, *, now: datetime
) -> list[Event] | Refusal:
    """Decides what somebody asks of a recall; the same twice changes nothing."""
    if isinstance(request, DraftRecall):
        return _draft(case, request.entry, now)
    if case.drafted is None:
        return Refusal("recall-unknown", f"No recall is called {case.recall}: draft it first.")
    if _is_repeated(case, request):
        return []
    if case.stage in ("closed", "withdrawn"):
        return Refusal("recall-over", f"{case.recall} was {case.stage}: draft another recall.")
    match request:
        case CheckRecall():
            return _check(case, case.drafted, request.entry)
        case PublishRecall():
            return _publish(case, case.drafted, request, now)
        case PassRecallDeadline():
            return _pass(case, case.drafted, request, now)
        case WidenRecall() | NarrowRecall() | WithdrawRecall() | CloseRecall():
            if case.published is None and not isinstance(request, WithdrawRecall):
                advice = f"{case.recall} is not published: draft it anew as it should be."
                return Refusal("recall-not-published", advice)
            return _change(case, request)


def _draft(case: RecallCase, entry: RecallDrafted, now: datetime) -> list[Event] | Refusal:
    if case.published is not None:
        return Refusal("recall-taken", f"{case.recall} was published: widen it, or draft another.")
    if case.drafted is not None and case.drafted.by != entry.by:
        advice = f"{case.drafted.by} drafted {case.recall}: choose another name."
        return Refusal("draft-of-another", advice)
    if case.recall == NO_NAME:
        return Refusal("name-reserved", f"A recall is not called {NO_NAME}: choose another name.")
    if entry.known_at > now + timedelta(minutes=1):
        return Refusal(
            "known-later", "When the risk became known cannot lie ahead: look at the day and hour."
        )
    entry = msgspec.structs.replace(entry, goods=tuple(dict.fromkeys(entry.goods)))
    return [] if case.drafted == entry and case.stage == "drafted" else [entry]


def _check(case: RecallCase, drafted: RecallDrafted, entry: RecallChecked) -> list[Event] | Refusal:
    if case.published is not None:
        return Refusal("recall-published", f"{case.recall} is published already.")
    if entry.by == drafted.by:
        advice = f"{entry.by} drafted it: another officer has to check it."
        return Refusal("same-officer", advice)
    if entry.draft_digest != digest_of(drafted):
        advice = f"{case.recall} was drafted anew since you read it: look at it again."
        return Refusal("draft-changed", advice)
    return [entry]


def digest_of(drafted: RecallDrafted) -> str:
    """Returns the SHA-256 of a draft, by which who checks it says what was read."""
    return hashlib.sha256(msgspec.json.encode(drafted)).hexdigest()


def _publish(
    case: RecallCase, drafted: RecallDrafted, request: PublishRecall, now: datetime
) -> list[Event] | Refusal:
    if case.published is not None:
        return Refusal("recall-published", f"{case.recall} is published with another notice.")
    if case.stage != "checked":
        return Refusal("recall-not-checked", "Have a second officer check the draft first.")
    return [
        RecallPublished(
            recall=case.recall, grade=drafted.grade, goods=drafted.goods, published_at=now,
            notice=request.notice, by=request.by,
        )
    ]  # fmt: skip


def _change(
    case: RecallCase, request: WidenRecall | NarrowRecall | WithdrawRecall | CloseRecall
) -> list[Event] | Refusal:
    entry = request.entry
    if not isinstance(entry, RecallWidened) and entry.by == entry.checked_by:
        advice = "Less is recalled, or no more, only as two officers say: name another one."
        return Refusal("same-officer", advice)
    match entry:
        case RecallWidened():
            known = set(case.goods)
            new = [line for line in dict.fromkeys(entry.goods) if line not in known]
            if len(case.goods) + len(new) > LINES_MAX:
                return Refusal("recall-too-large", f"A recall has at most {LINES_MAX} lines.")
            return [msgspec.structs.replace(entry, goods=tuple(new))] if new else []
        case RecallNarrowed():
            known = set(case.goods)
            unknown = [line for line in entry.goods if line not in known]
            if unknown:
                advice = f"{case.recall} does not recall {_said(unknown[0])}: name its own lines."
                return Refusal("line-unknown", advice)
            if set(entry.goods) >= set(case.goods):
                return Refusal("nothing-left", "That is all of it: withdraw the recall instead.")
    return [entry]


def _pass(
    case: RecallCase, drafted: RecallDrafted, request: PassRecallDeadline, now: datetime
) -> list[Event] | Refusal:
    if now < request.due:
        return Refusal("not-late", f"It is due at {request.due.isoformat()}.")
    begun = request.what == "recall-starts" and case.published is not None
    early = request.what == "recall-starts" and request.due < starts_by(
        drafted.grade, drafted.known_at
    )
    if begun or early or (request.what == "recall-finishes" and case.published is None):
        return []
    return [DeadlinePassed(kind="recall", subject=case.recall, what=request.what, due=request.due)]


def _is_repeated(case: RecallCase, request: RecallRequest) -> bool:
    """Tells whether the last that was recorded is what is asked for once more."""
    match request:
        case PublishRecall():
            said = case.published
            return said is not None and (said.notice, said.by) == (request.notice, request.by)
        case PassRecallDeadline():
            return request.what in case.passed
        case DraftRecall():
            return False
        case WidenRecall() | NarrowRecall() | WithdrawRecall() | CloseRecall() | CheckRecall():
            return case.last == request.entry
    return False


def evolve_recall(case: RecallCase, event: Event) -> RecallCase:
    """Returns the case after one of its events."""
    # Time that ran out is nobody's word: what was said before it is still the last that was said.
    last = case.last if isinstance(event, DeadlinePassed) else event
    case = msgspec.structs.replace(case, version=case.version + 1, last=last)
    change = msgspec.structs.replace
    match event:
        case RecallDrafted():
            return change(case, stage="drafted", drafted=event, checked=None, goods=event.goods)
        case RecallChecked():
            return change(case, stage="checked" if event.approved else "returned", checked=event)
        case RecallPublished():
            return change(case, stage="published", published=event, named=_named(event.goods))
        case RecallWidened():
            named = case.named | _named(event.goods)
            return change(case, goods=case.goods + event.goods, named=named)
        case RecallNarrowed():
            gone = set(event.goods)
            left = tuple(line for line in case.goods if line not in gone)
            return change(case, goods=left)
        case RecallWithdrawn():
            return change(case, stage="withdrawn", goods=())
        case RecallClosed():
            return change(case, stage="closed")
        case DeadlinePassed(what=what):
            return change(case, passed=(*case.passed, what))
    raise TypeError(f"{type(event).__name__} is no event of a recall")


def _named(goods: Iterable[StoppedGoods]) -> frozenset[tuple[str | None, str | None]]:
    return frozenset((line.product, line.lot) for line in goods)


def _said(line: StoppedGoods) -> str:
    return f"{line.product or line.supplier} {line.lot or ''}".strip()
