"""Tape reports: what a device says has happened. Always recorded, also when awkward."""

from datetime import date
from typing import Annotated, Literal

import msgspec

from ledger.events.base import (
    Digest,
    Event,
    Id,
    LongText,
    Person,
    Public,
    ShortText,
    Trade,
    Uuid,
)
from ledger.values.clock import DeviceClock, Instant
from ledger.values.gtin import is_gtin_14
from ledger.values.quantity import StatedQuantity

YEARS = range(2000, 2101)


class GoodsAsRead(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The goods as the label and the person stated them; what they are is derived later.

    `raw` is the code's bytes, `aim` its AIM identifier (ISO/IEC 15424); `gtin` is 14 digits.
    Goods without a code carry `item`, the name people use. `dates_from` says how the dates were
    learned: from the code, keyed in, from a date sheet, the same as last time, or skipped.
    """

    gtin: str | None = None
    item: ShortText | None = None
    lot: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    produced: date | None = None
    expires: date | None = None
    raw: Annotated[bytes, msgspec.Meta(max_length=1024)] | None = None
    aim: Annotated[str, msgspec.Meta(pattern=r"^\][A-Za-z][0-9A-Za-z](?!\n)$")] | None = None
    dates_from: Literal["code", "keyed", "sheet", "same-as-last", "skipped"] | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for goods that name neither product nor item, or a wrong GTIN."""
        if (self.gtin is None) == (self.item is None):
            raise ValueError("goods carry either a gtin or an item, not both and not neither")
        if self.gtin is not None and not is_gtin_14(self.gtin):
            raise ValueError(f"a report writes a GTIN as 14 digits, not {self.gtin[:20]!r}")
        check_years(self.produced, self.expires)

    @property
    def product(self) -> str:
        """The product's key: the GTIN's 14 digits, or `item:` and the name people use."""
        return self.gtin if self.gtin is not None else f"item:{' '.join((self.item or '').split())}"


def check_years(*days: date | None) -> None:
    """Raises `ValueError` for a day outside 2000 to 2100, the years a label can mean."""
    for day in days:
        if day is not None and day.year not in YEARS:
            raise ValueError(f"a date lies in 2000 to 2100, not {day.isoformat()}")


class Portion(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Goods with their quantity, as one side of a transformation."""

    goods: GoodsAsRead
    quantity: StatedQuantity


class Report(Event, frozen=True, kw_only=True):
    """What every report says: for whom, where, when by the calendar and by the device's clock."""

    merchant: Public[Id]
    premises: Public[Id]
    business_date: Public[date]
    clock: Trade[DeviceClock]
    session: Trade[Uuid]
    recorder_person: Person[Uuid | None] = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for a business date outside 2000 to 2100."""
        check_years(self.business_date)


class GoodsMoved(Report, frozen=True, kw_only=True):
    """What reports of goods share; never stored by itself."""

    goods: Public[GoodsAsRead]
    quantity: Trade[StatedQuantity]
    counterparty: Trade[Id | None] = None
    counterparty_card: Person[Uuid | None] = None
    delivery: Trade[ShortText | None] = None
    documents: Public[Annotated[tuple[Digest, ...], msgspec.Meta(max_length=16)]] = ()


class GoodsReceived(GoodsMoved, frozen=True, kw_only=True, tag="goods-received.v1"):
    """A merchant took delivery of goods, as the label and the person stated them."""


class GoodsSold(GoodsMoved, frozen=True, kw_only=True, tag="goods-sold.v1"):
    """A merchant sold goods: to another merchant, or at retail when it names none."""


class GoodsReturned(GoodsMoved, frozen=True, kw_only=True, tag="goods-returned.v1"):
    """Goods went back: `to-supplier` leaves this premises, `from-customer` comes in again."""

    direction: Trade[Literal["to-supplier", "from-customer"]]


class GoodsDisposedV1(GoodsMoved, frozen=True, kw_only=True, tag="goods-disposed.v1"):
    """Goods were thrown away, from before a witness and a place could be stated."""

    reason: Trade[Literal["expired", "damaged", "recalled", "other"]]


class GoodsDisposed(GoodsMoved, frozen=True, kw_only=True, tag="goods-disposed.v2"):
    """Goods were destroyed or thrown away, for a reason; pictures of it are its documents.

    A destruction under a recall names that, who saw it (a merchant's, authority's or person's
    name in the register, or a card) and where it was done.
    """

    reason: Trade[Literal["expired", "damaged", "recalled", "other"]]
    recall: Public[Id | None] = None
    witness: Trade[Id | None] = None
    witness_card: Person[Uuid | None] = None
    place: Trade[ShortText | None] = None


class GoodsUsed(GoodsMoved, frozen=True, kw_only=True, tag="goods-used.v1"):
    """Goods were used up, as a canteen uses up its stock."""


class StockCounted(GoodsMoved, frozen=True, kw_only=True, tag="stock-counted.v1"):
    """Somebody counted what is there; the count replaces what the ledger had reckoned."""


class StopMet(Report, frozen=True, kw_only=True, tag="stop-met.v1"):
    """A scan met goods that a hold or recall stops: what the hand was told, and what it said.

    `refused`: it was told in red not to; `it-is`, `it-is-not`: what it said of goods that say no
    lot; `sold-anyway`: it went on, and the sale is recorded beside this. The list it was told by
    is named by its version and time.
    """

    goods: Public[GoodsAsRead]
    stop: Public[Id]
    outcome: Public[Literal["refused", "it-is", "it-is-not", "sold-anyway"]]
    list_version: Trade[Annotated[int, msgspec.Meta(ge=0, le=2**53)]]
    list_time: Trade[Instant]


class DaySalesTotalled(Report, frozen=True, kw_only=True, tag="day-sales.v1"):
    """What a premises sold on its business date, product by product, from a register or a scale.

    `total_fen` is the day's takings in hundredths of a yuan, where only those are known.
    """

    lines: Trade[Annotated[tuple[Portion, ...], msgspec.Meta(max_length=128)]] = ()
    total_fen: Trade[Annotated[int, msgspec.Meta(ge=0, le=10**12)] | None] = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for a total that says nothing."""
        Report.__post_init__(self)
        if not self.lines and self.total_fen is None:
            raise ValueError("a day's total states lines of goods, the takings, or both")


class GoodsTransformed(Report, frozen=True, kw_only=True, tag="goods-transformed.v1"):
    """Goods became other goods: mixed, repacked, split or manufactured."""

    process: Public[Literal["mixed", "repacked", "split", "manufactured"]]
    inputs: Trade[Annotated[tuple[Portion, ...], msgspec.Meta(min_length=1, max_length=64)]]
    outputs: Public[Annotated[tuple[Portion, ...], msgspec.Meta(min_length=1, max_length=64)]]


class EntryCorrectedV1(Report, frozen=True, kw_only=True, tag="entry-corrected.v1"):
    """An earlier entry was wrong, from before another supplier or buyer could be stated."""

    target_tape: Trade[Uuid]
    target_number: Trade[Annotated[int, msgspec.Meta(ge=1, le=2**53)]]
    scope: Trade[Literal["line", "session", "delivery"]]
    reason: Trade[LongText]
    goods: Public[GoodsAsRead | None] = None
    quantity: Trade[StatedQuantity | None] = None

    def __post_init__(self) -> None:
        """Raises `ValueError` when a replacement is half stated or goes beyond one line."""
        Report.__post_init__(self)
        _check_replacement(self.goods, self.quantity, self.scope)


class EntryCorrected(Report, frozen=True, kw_only=True, tag="entry-corrected.v2"):
    """An earlier entry was wrong: a line, a scan session or a delivery.

    With goods and quantity a line says these instead. With a counterparty, or the card of one,
    goods and amounts stay and the trade was with that one. With neither, it is void. A correction
    of a correction names the original entry.
    """

    target_tape: Trade[Uuid]
    target_number: Trade[Annotated[int, msgspec.Meta(ge=1, le=2**53)]]
    scope: Trade[Literal["line", "session", "delivery"]]
    reason: Trade[LongText]
    goods: Public[GoodsAsRead | None] = None
    quantity: Trade[StatedQuantity | None] = None
    counterparty: Trade[Id | None] = None
    counterparty_card: Person[Uuid | None] = None

    def __post_init__(self) -> None:
        """Raises `ValueError` when a replacement is half stated, goes too far or says too much."""
        Report.__post_init__(self)
        _check_replacement(self.goods, self.quantity, self.scope)
        if None not in (self.counterparty, self.counterparty_card):
            raise ValueError("a trade was with a merchant or with the one on a card, not with both")
        if self.goods is not None and self.restates_party:
            raise ValueError("say what the goods were, and with whom, in corrections of their own")

    @property
    def restates_party(self) -> bool:
        """Tells whether it says with whom a trade was, and leaves the goods as they are."""
        return self.counterparty is not None or self.counterparty_card is not None

    @property
    def voids(self) -> bool:
        """Tells whether nothing of what it names stands."""
        return self.goods is None and not self.restates_party


class CertificateFiledV1(Report, frozen=True, kw_only=True, tag="certificate-filed.v1"):
    """A supplier's certificate as it was filed before its quantity could be stated."""

    document: Public[Digest]
    kind: Public[Literal["licence", "permit", "release", "quarantine", "origin", "other"]]
    number: Public[ShortText]
    issuer: Public[ShortText]
    valid_from: Public[date]
    valid_until: Public[date | None] = None
    supplier: Trade[Id | None] = None
    gtins: Public[Annotated[tuple[str, ...], msgspec.Meta(max_length=64)]] = ()
    lots: Public[Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=64)]] = ()

    def __post_init__(self) -> None:
        """Raises `ValueError` for a wrong GTIN or year."""
        Report.__post_init__(self)
        check_years(self.valid_from, self.valid_until)
        _check_gtins(self.gtins)


class CertificateFiled(Report, frozen=True, kw_only=True, tag="certificate-filed.v2"):
    """A supplier's certificate was obtained; the paper's picture follows as a document.

    Its scope is what it names: a supplier, products, lots, how much, from and until when. It
    serves every later delivery that it covers.
    """

    document: Public[Digest]
    kind: Public[
        Literal["licence", "permit", "release", "quarantine", "meat-inspection", "origin", "other"]
    ]
    number: Public[ShortText]
    issuer: Public[ShortText]
    valid_from: Public[date]
    valid_until: Public[date | None] = None
    supplier: Trade[Id | None] = None
    gtins: Public[Annotated[tuple[str, ...], msgspec.Meta(max_length=64)]] = ()
    lots: Public[Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=64)]] = ()
    quantity: Public[StatedQuantity | None] = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for a wrong GTIN or year."""
        Report.__post_init__(self)
        check_years(self.valid_from, self.valid_until)
        _check_gtins(self.gtins)


class TestReportFiled(Report, frozen=True, kw_only=True, tag="test-report-filed.v1"):
    """A test report was obtained, with its result."""

    # Not a test case, whatever its name suggests to a test runner.
    __test__ = False

    document: Public[Digest]
    number: Public[ShortText]
    laboratory: Public[ShortText]
    result: Public[Literal["passed", "failed"]]
    tested_on: Public[date]
    gtins: Public[Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=64)]]
    lots: Public[Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=64)]] = ()

    def __post_init__(self) -> None:
        """Raises `ValueError` for a wrong GTIN or year."""
        Report.__post_init__(self)
        check_years(self.tested_on)
        _check_gtins(self.gtins)


class TapeOpened(Event, frozen=True, kw_only=True, tag="tape-opened.v1"):
    """Report 1 of every tape: binds it to its device and names the tape before it, if known."""

    device: Public[Id]
    clock: Trade[DeviceClock]
    previous_tape: Trade[Uuid | None] = None
    previous_last: Trade[Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None] = None


def _check_replacement(
    goods: GoodsAsRead | None, quantity: StatedQuantity | None, scope: str
) -> None:
    if (goods is None) != (quantity is None):
        raise ValueError("a replacement states both goods and quantity, a void neither")
    if goods is not None and scope != "line":
        raise ValueError(f"only a line can be replaced, not a {scope}: void it")


def _check_gtins(gtins: tuple[str, ...]) -> None:
    for gtin in gtins:
        if not is_gtin_14(gtin):
            raise ValueError(f"a report writes a GTIN as 14 digits, not {gtin[:20]!r}")
