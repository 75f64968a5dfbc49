"""Recalls: holds and recalls as they stand, and what each holder said, did and was asked."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from ledger.events.base import Event
from ledger.events.holds import (
    DeadlinePassed,
    HoldBecameRecall,
    HoldExtended,
    HoldPlaced,
    HoldReleased,
    StoppedGoods,
)
from ledger.events.recalls import (
    AnswerLine,
    ChecksDrawn,
    HolderCalled,
    HolderChecked,
    RecallAcknowledged,
    RecallAnswered,
    RecallChecked,
    RecallClosed,
    RecallDrafted,
    RecallHandedOver,
    RecallNarrowed,
    RecallPublished,
    RecallWidened,
    RecallWithdrawn,
    WorkingDaysStated,
)
from ledger.events.reports import GoodsDisposed
from ledger.projections.fold import Entry, Fold
from ledger.projections.seen import OPEN, SeenBy
from ledger.projections.table import Key, Position, Rows, Table
from ledger.rules.recalls import digest_of


class HoldRow(msgspec.Struct):
    """A hold: `stage` is placed, released, lapsed or recalled."""

    hold: str
    stage: str
    authority: str
    reason: str
    placed_at: datetime
    until: datetime
    by: str
    recall: str | None
    position: Position


class RecallRow(msgspec.Struct):
    """A recall: `stage` is drafted, returned, checked, published, withdrawn or closed.

    `goods` is what its draft names, as JSON; what it stops once published is in `stop_lines`.
    """

    recall: str
    stage: str
    grade: str
    hold: str | None
    authority: str
    reason: str
    responsible: str | None
    known_at: datetime
    drafted_by: str
    checked_by: str | None
    published_at: datetime | None
    published: Position | None
    notice: str
    over_at: datetime | None
    summary: str
    unaccounted: str | None
    trace_position: Position | None
    asked: tuple[str, ...]
    draft_digest: str
    goods: bytes
    position: Position


class RecallHolder(msgspec.Struct):
    """What is on record of one holder, a merchant's id or a card's reference, in a recall.

    `answer` is the latest answer's lines, as JSON.
    """

    recall: str
    holder: str
    acknowledged_at: datetime | None
    answered_at: datetime | None
    answer: bytes | None
    calls: Position
    called_at: datetime | None
    call_result: str | None
    drawn: str | None
    checked_at: datetime | None
    check_result: str | None


class RecallWord(msgspec.Struct):
    """One entry of a hold's or recall's history, as it stands in the record."""

    position: Position
    kind: str
    subject: str
    what: str
    by: str | None
    said_at: datetime
    holder: str | None
    note: str | None


class Destruction(msgspec.Struct):
    """A disposal that names a recall, with its proof: pictures, who saw it, and where."""

    position: Position
    recall: str
    documents: tuple[str, ...]
    witness: str | None
    witness_card: str | None
    place: str | None


class WorkingYear(msgspec.Struct):
    """A year's days that differ from their weekday, as JSON of the event."""

    year: Position
    stated: bytes


HOLDS = Table("holds", HoldRow, ("hold",), seen=OPEN)
# What is said of a case alone, as soon as anybody may know of the case.
OF_PUBLISHED = (
    "holder IS NULL AND (kind <> 'recall' OR EXISTS"
    " (SELECT FROM {schema}.recalls r WHERE r.recall = recall_words.subject))"
)
RECALLS = Table("recalls", RecallRow, ("recall",), seen=SeenBy(when="published_at IS NOT NULL"))
RECALL_HOLDERS = Table(
    "recall_holders", RecallHolder, ("recall", "holder"), seen=SeenBy(of=("holder",))
)
RECALL_WORDS = Table(
    "recall_words",
    RecallWord,
    ("position",),
    ("(kind, subject)",),
    seen=SeenBy(of=("holder",), when=OF_PUBLISHED),
)
DESTRUCTIONS = Table("destructions", Destruction, ("position",), ("(recall)",), seen=SeenBy())
WORKING_YEARS = Table("working_years", WorkingYear, ("year",), seen=OPEN)
# So many lines of a change are named in its history.
SAID_MAX = 5
_NOTHING: tuple[None, None, None] = (None, None, None)


class Recalls:
    """The officer's desk for holds and recalls."""

    name = "recalls"
    tables = (HOLDS, RECALLS, RECALL_HOLDERS, RECALL_WORDS, DESTRUCTIONS, WORKING_YEARS)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The holders that are spoken of: a recall may have very many."""
        match entry.event:
            case ChecksDrawn(recall=recall, holders=drawn):
                yield from ((RECALL_HOLDERS, (recall, one.merchant)) for one in drawn)
            case RecallAcknowledged() | RecallAnswered() | HolderChecked() | HolderCalled() as said:
                holder = said.merchant or getattr(said, "card", None) or ""
                yield RECALL_HOLDERS, (said.recall, holder)

    def fold(self, fold: Fold) -> None:
        """Takes in what was decided, and what holders said."""
        event = fold.entry.event
        if isinstance(event, WorkingDaysStated):
            row = WorkingYear(Position(event.year), msgspec.json.encode(event))
            fold.rows.put(WORKING_YEARS, row)
        if isinstance(event, GoodsDisposed) and event.recall is not None:
            _destroyed(fold, event, event.recall)
        _of_holds(fold, event)
        _of_recalls(fold, event)
        _of_holders(fold, event)


def _destroyed(fold: Fold, event: GoodsDisposed, recall: str) -> None:
    row = Destruction(
        Position(fold.entry.position), recall, event.documents, event.witness, event.witness_card,
        event.place,
    )  # fmt: skip
    fold.rows.put(DESTRUCTIONS, row)


def _of_holds(fold: Fold, event: Event) -> None:
    match event:
        case HoldPlaced(hold=hold):
            row = HoldRow(
                hold, "placed", event.authority, event.reason, event.placed_at, event.until,
                event.by, None, Position(fold.entry.position),
            )  # fmt: skip
            fold.rows.put(HOLDS, row)
            _say(fold, "hold", hold, event.by, event.reason)
        case HoldExtended(hold=hold, by=by, reason=reason, until=until):
            _set_hold(fold, hold, until=until)
            _say(fold, "hold", hold, by, reason)
        case HoldReleased(hold=hold, by=by, reason=reason):
            _set_hold(fold, hold, stage="released")
            _say(fold, "hold", hold, by, reason)
        case HoldBecameRecall(hold=hold, by=by, recall=recall):
            _set_hold(fold, hold, stage="recalled", recall=recall)
            _say(fold, "hold", hold, by, recall)
        case DeadlinePassed(kind="hold", subject=hold):
            _set_hold(fold, hold, stage="lapsed")
            _say(fold, "hold", hold, None, None)


def _of_recalls(fold: Fold, event: Event) -> None:
    match event:
        case RecallDrafted(recall=recall):
            fold.rows.put(RECALLS, _drafted(fold, event))
        case RecallChecked(recall=recall):
            stage = "checked" if event.approved else "returned"
            _set_recall(fold, recall, stage=stage, checked_by=event.by)
        case RecallPublished(recall=recall):
            _set_recall(
                fold, recall, stage="published", published_at=event.published_at,
                published=Position(fold.entry.position), notice=event.notice,
            )  # fmt: skip
        case RecallWithdrawn(recall=recall):
            _set_recall(fold, recall, stage="withdrawn", over_at=fold.entry.received,
                        summary=event.reason)  # fmt: skip
        case RecallClosed(recall=recall):
            _set_recall(
                fold, recall, stage="closed", over_at=fold.entry.received, summary=event.summary,
                unaccounted=event.unaccounted,
            )  # fmt: skip
        case RecallWidened(recall=recall) | RecallNarrowed(recall=recall):
            goods = ", ".join(map(_said, event.goods[:SAID_MAX]))
            more = f" +{len(event.goods) - SAID_MAX}" if event.goods[SAID_MAX:] else ""
            _say(fold, "recall", recall, _both(event), f"{event.reason}: {goods}{more}")
            return
        case RecallHandedOver(recall=recall, authority=authority, by=by):
            _say(fold, "recall", recall, by, authority)
            return
        case ChecksDrawn(recall=recall):
            for drawn in event.holders:
                _set_holder(fold, recall, drawn.merchant, drawn=drawn.reason)
        case DeadlinePassed(kind="recall", subject=recall):
            _say(fold, "recall", recall, None, event.what)
            return
        case _:
            return
    notes = [getattr(event, name, None) for name in ("reason", "summary", "note")]
    if isinstance(event, RecallChecked) and not event.approved:
        notes = [f"sent back: {event.note or ''}"]
    if isinstance(event, ChecksDrawn):
        notes = [f"seed {event.seed}: {len(event.holders)} drawn"]
    _say(fold, "recall", recall, _both(event), next(filter(None, notes), None))


def _both(event: Event) -> str:
    """Returns who decided it, the second officer too."""
    return " + ".join(
        filter(None, (getattr(event, "by", None), getattr(event, "checked_by", None)))
    )


def _said(line: StoppedGoods) -> str:
    parts = (line.product, line.lot or line.delivery, line.supplier)
    return " ".join(part for part in parts if part)


def _drafted(fold: Fold, event: RecallDrafted) -> RecallRow:
    traced = event.trace_position
    return RecallRow(
        event.recall, "drafted", event.grade, event.hold, event.authority, event.reason,
        event.responsible, event.known_at, event.by, *_NOTHING, "", None, "", None,
        None if traced is None else Position(traced), event.asked, digest_of(event),
        msgspec.json.encode(event.goods), Position(fold.entry.position),
    )  # fmt: skip


def _of_holders(fold: Fold, event: Event) -> None:
    at = fold.entry.received
    match event:
        case RecallAcknowledged(recall=recall, merchant=holder):
            _set_holder(fold, recall, holder, acknowledged_at=at)
        case RecallAnswered(recall=recall, merchant=holder):
            lines = msgspec.json.encode(event.lines)
            _set_holder(fold, recall, holder, answered_at=at, answer=lines)
        case HolderChecked(recall=recall, merchant=holder):
            _set_holder(fold, recall, holder, checked_at=at, check_result=event.result)
        case HolderCalled(recall=recall):
            holder = event.merchant or event.card or ""
            known = fold.rows.get(RECALL_HOLDERS, recall, holder)
            calls = Position((known.calls if known else 0) + 1)
            _set_holder(fold, recall, holder, calls=calls, called_at=at, call_result=event.result)
        case _:
            return
    _say(fold, "recall", recall, event.by, _words_of(event) or None, holder)


def _words_of(event: RecallAcknowledged | RecallAnswered | HolderChecked | HolderCalled) -> str:
    """Returns what was said of a holder, for a history that later words do not change."""
    parts = [getattr(event, "result", ""), event.note or ""]
    if isinstance(event, RecallAnswered):
        said = [_figures(line) for line in event.lines[:SAID_MAX]] or ["nothing found"]
        parts[0] = "; ".join(said) + (" …" if event.lines[SAID_MAX:] else "")
    return ": ".join(filter(None, parts))


def _figures(line: AnswerLine) -> str:
    names = ("found", "sold", "returned", "destroyed")
    said = " ".join(f"{name} {getattr(line, name)}" for name in names if getattr(line, name))
    return f"{line.product} {line.lot or ''} {said or 'none'} {line.unit.value}".replace("  ", " ")


def _set_hold(fold: Fold, hold: str, **members: object) -> None:
    if (row := fold.rows.get(HOLDS, hold)) is not None:
        fold.rows.put(HOLDS, msgspec.structs.replace(row, **members))


def _set_recall(fold: Fold, recall: str, **members: object) -> None:
    if (row := fold.rows.get(RECALLS, recall)) is not None:
        fold.rows.put(RECALLS, msgspec.structs.replace(row, **members))


def _set_holder(fold: Fold, recall: str, holder: str, **members: object) -> None:
    row = fold.rows.get(RECALL_HOLDERS, recall, holder) or RecallHolder(
        recall, holder, *_NOTHING, Position(0), *_NOTHING, None, None
    )
    fold.rows.put(RECALL_HOLDERS, msgspec.structs.replace(row, **members))


def _say(  # one line of a history
    fold: Fold, kind: str, subject: str, by: str | None, note: str | None, holder: str | None = None
) -> None:
    entry = fold.entry
    what = entry.name.partition(".")[0]
    row = RecallWord(
        Position(entry.position), kind, subject, what, by, entry.received, holder, note
    )
    fold.rows.put(RECALL_WORDS, row)
