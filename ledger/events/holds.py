"""Events of holds: goods nobody may sell meanwhile, by whose authority, and until when."""

from datetime import date
from typing import Annotated, Literal

import msgspec

from ledger.events.base import Event, Id, LongText, Public, ShortText, Trade
from ledger.events.reports import check_years
from ledger.values.clock import Instant

ProductText = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{14}|item:.{1,60})(?!\n)$")]
LotText = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
DeliveryText = Annotated[str, msgspec.Meta(min_length=1, max_length=160)]


class StoppedGoods(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One line of goods that are stopped: a product or a part of it, a supplier's goods, or both.

    `product` is a GTIN of 14 digits or `item:` and the name people use. `lot` is the number as
    printed; dates beside it say which dates that lot bears, dates alone a range, both ends
    included. `delivery` names goods without a code by the delivery they came in (a lot `R:`).
    """

    product: ProductText | None = None
    lot: LotText | None = None
    delivery: DeliveryText | None = None
    produced_from: date | None = None
    produced_until: date | None = None
    expires_from: date | None = None
    expires_until: date | None = None
    supplier: Id | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for a line that stops everything, or for a range turned round."""
        if self.product is None and self.supplier is None:
            raise ValueError("goods are stopped by their product, their supplier or both: name one")
        if self.product is None and (self.lot or self.delivery or any(self.days)):
            raise ValueError("a lot or date belongs to a product: name it")
        for text in (self.lot, self.delivery):
            if text is not None and text != text.strip():
                raise ValueError(f"a lot is written without blanks around it, not {text!r}")
        if self.lot is not None and self.delivery is not None:
            raise ValueError("a line names a lot or a delivery, not both")
        check_years(*self.days)
        for what, first, last in (
            ("production", self.produced_from, self.produced_until),
            ("expiry", self.expires_from, self.expires_until),
        ):
            if first is not None and last is not None and first > last:
                raise ValueError(f"a range of {what} dates begins at its earlier end, not {first}")

    @property
    def days(self) -> tuple[date | None, ...]:
        """The ends of both ranges."""
        return self.produced_from, self.produced_until, self.expires_from, self.expires_until


# What one event can carry; a larger recall is widened by the next thousand.
STOPPED_MAX = 1000
Stopped = Annotated[tuple[StoppedGoods, ...], msgspec.Meta(min_length=1, max_length=STOPPED_MAX)]


class HoldPlaced(Event, frozen=True, kw_only=True, tag="hold-placed.v1"):
    """An authority had the sale of goods stopped for the time being (暂停销售)."""

    hold: Public[Id]
    goods: Public[Stopped]
    authority: Public[ShortText]
    reason: Public[LongText]
    placed_at: Public[Instant]
    until: Public[Instant]
    by: Trade[Id]


class HoldExtended(Event, frozen=True, kw_only=True, tag="hold-extended.v1"):
    """A hold ends later than it was said to."""

    hold: Public[Id]
    until: Public[Instant]
    reason: Public[LongText]
    by: Trade[Id]


class HoldReleased(Event, frozen=True, kw_only=True, tag="hold-released.v1"):
    """The goods of a hold may be sold again."""

    hold: Public[Id]
    reason: Public[LongText]
    by: Trade[Id]


class HoldBecameRecall(Event, frozen=True, kw_only=True, tag="hold-became-recall.v1"):
    """The goods of a hold are recalled now: the recall says what is stopped."""

    hold: Public[Id]
    recall: Public[Id]
    by: Trade[Id]


class DeadlinePassed(Event, frozen=True, kw_only=True, tag="deadline-passed.v1"):
    """A time that a case was bound to has come, and what was due had not been done."""

    kind: Public[Literal["hold", "recall"]]
    subject: Public[Id]
    what: Public[Literal["hold-ends", "recall-starts", "recall-finishes"]]
    due: Public[Instant]
