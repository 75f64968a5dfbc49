"""Events of recalls: from the draft to the closing report, and what every holder says of it."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from ledger.events.base import Digest, Event, Id, LongText, Person, Public, ShortText, Trade, Uuid
from ledger.events.holds import LotText, ProductText, Stopped
from ledger.values.clock import Instant
from ledger.values.quantity import AMOUNT_MAX, Unit

Grade = Literal["I", "II", "III"]
PositionText = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class RecallDrafted(Event, frozen=True, kw_only=True, tag="recall-drafted.v1"):
    """A recall was drafted, or drafted anew: of which goods, how grave, and what it rests on.

    `known_at` is when the risk became known: the law's hours to begin count from there. The trace
    that the goods were taken from is told by its position and the lots it was asked about.
    """

    recall: Public[Id]
    grade: Public[Grade]
    goods: Public[Stopped]
    reason: Public[LongText]
    authority: Public[ShortText]
    known_at: Public[Instant]
    by: Trade[Id]
    hold: Public[Id | None] = None
    responsible: Public[Id | None] = None
    trace_position: Public[PositionText | None] = None
    asked: Public[Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=100)]] = ()


class RecallChecked(Event, frozen=True, kw_only=True, tag="recall-checked.v1"):
    """A second officer checked a draft: it may be published, or must be drafted anew.

    `draft_digest` is the SHA-256 of the draft's event as JSON, as the officer read it.
    """

    recall: Public[Id]
    approved: Public[bool]
    by: Trade[Id]
    draft_digest: Trade[Digest]
    note: Trade[LongText | None] = None


class RecallPublished(Event, frozen=True, kw_only=True, tag="recall-published.v1"):
    """A recall was announced; the law's working days to finish count from here."""

    recall: Public[Id]
    grade: Public[Grade]
    goods: Public[Stopped]
    published_at: Public[Instant]
    notice: Public[LongText]
    by: Trade[Id]


class RecallWidened(Event, frozen=True, kw_only=True, tag="recall-widened.v1"):
    """More goods are recalled than were announced."""

    recall: Public[Id]
    goods: Public[Stopped]
    reason: Public[LongText]
    by: Trade[Id]


class RecallNarrowed(Event, frozen=True, kw_only=True, tag="recall-narrowed.v1"):
    """Some of the recalled goods are not meant any more, as two officers found."""

    recall: Public[Id]
    goods: Public[Stopped]
    reason: Public[LongText]
    by: Trade[Id]
    checked_by: Trade[Id]


class RecallWithdrawn(Event, frozen=True, kw_only=True, tag="recall-withdrawn.v1"):
    """A recall was a mistake, as two officers found: nothing of it is stopped any more."""

    recall: Public[Id]
    reason: Public[LongText]
    by: Trade[Id]
    checked_by: Trade[Id]


class RecallClosed(Event, frozen=True, kw_only=True, tag="recall-closed.v1"):
    """A recall is done; what turns up of its goods later is still not to be sold.

    `position` is what the closing report is true for, `unaccounted` what nobody could account for.
    """

    recall: Public[Id]
    by: Trade[Id]
    checked_by: Trade[Id]
    position: Public[PositionText]
    summary: Public[LongText]
    unaccounted: Public[LongText | None] = None


class RecallAcknowledged(Event, frozen=True, kw_only=True, tag="recall-acknowledged.v1"):
    """A holder has read the recall."""

    recall: Public[Id]
    merchant: Public[Id]
    by: Trade[Id]
    note: Trade[LongText | None] = None


class AnswerLine(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What became of a lot at a holder, all told: set aside there, sold, sent back, destroyed."""

    product: ProductText
    unit: Unit
    lot: LotText | None = None
    found: Decimal = Decimal(0)
    sold: Decimal = Decimal(0)
    returned: Decimal = Decimal(0)
    destroyed: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        """Raises `ValueError` for an amount that no line of goods has."""
        for amount in (self.found, self.sold, self.returned, self.destroyed):
            if not (
                amount.is_finite() and 0 <= amount <= AMOUNT_MAX and amount == round(amount, 3)
            ):
                raise ValueError(f"an amount is 0 to {AMOUNT_MAX} with 3 decimals, not {amount}")


class RecallAnswered(Event, frozen=True, kw_only=True, tag="recall-answered.v1"):
    """A holder searched and says what it found; no lines: it found nothing. The latest counts."""

    recall: Public[Id]
    merchant: Public[Id]
    by: Trade[Id]
    lines: Trade[Annotated[tuple[AnswerLine, ...], msgspec.Meta(max_length=200)]] = ()
    note: Trade[LongText | None] = None


class DrawnCheck(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """A holder that is to be checked, and why it."""

    merchant: Id
    reason: ShortText


class ChecksDrawn(Event, frozen=True, kw_only=True, tag="recall-checks-drawn.v1"):
    """Holders were drawn for effectiveness checks, by risk and by a lot that can be drawn again."""

    recall: Public[Id]
    seed: Public[PositionText]
    holders: Trade[Annotated[tuple[DrawnCheck, ...], msgspec.Meta(min_length=1, max_length=1000)]]
    by: Trade[Id]


class HolderChecked(Event, frozen=True, kw_only=True, tag="recall-holder-checked.v1"):
    """An officer went to see whether the recall had effect at a holder."""

    recall: Public[Id]
    merchant: Public[Id]
    result: Public[Literal["effective", "still-there", "still-sold", "not-met"]]
    by: Trade[Id]
    note: Trade[LongText | None] = None


class HolderCalled(Event, frozen=True, kw_only=True, tag="recall-holder-called.v1"):
    """Somebody called a buyer who is in no register here, or in another district."""

    recall: Public[Id]
    result: Public[Literal["reached", "no-answer", "wrong-number", "refused"]]
    by: Trade[Id]
    merchant: Public[Id | None] = None
    card: Person[Uuid | None] = None
    note: Trade[LongText | None] = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for a call to nobody, or to two."""
        if (self.merchant is None) == (self.card is None):
            raise ValueError("a call names a merchant or a card, not both and not neither")


class RecallHandedOver(Event, frozen=True, kw_only=True, tag="recall-handed-over.v1"):
    """Another authority was given the list of its holders; `file` is that file's SHA-256."""

    recall: Public[Id]
    authority: Public[ShortText]
    holders: Public[PositionText]
    file: Public[Digest]
    by: Trade[Id]
    district: Public[Id | None] = None


class WorkingDaysStated(Event, frozen=True, kw_only=True, tag="working-days-stated.v1"):
    """Which days of a year are no working days though in the week, and which week-end days are."""

    year: Public[Annotated[int, msgspec.Meta(ge=2000, le=2100)]]
    off: Public[Annotated[tuple[date, ...], msgspec.Meta(max_length=120)]]
    working: Public[Annotated[tuple[date, ...], msgspec.Meta(max_length=60)]]
    source: Public[ShortText]
    by: Trade[Id]

    def __post_init__(self) -> None:
        """Raises `ValueError` for a day of another year, or one that is both."""
        for day in (*self.off, *self.working):
            if day.year != self.year:
                raise ValueError(f"{day} is no day of {self.year}")
        if both := set(self.off) & set(self.working):
            raise ValueError(f"{min(both)} is a working day or none, not both")
