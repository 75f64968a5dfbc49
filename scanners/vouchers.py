"""Vouchers (销售凭证): a delivery's lines as a code, so that the buyer receives it with one scan.

Order 81 (secondary): in a wholesale market the sales voucher counts as the seller's record and the
buyer's voucher. The lines stand in the code itself: neither side needs a network.
"""

import hashlib
import re
import zlib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import msgspec

from ledger.events.base import Digest, Event, Id, ShortText
from ledger.events.catalogue import read_report, upcast
from ledger.events.holds import LotText
from ledger.events.reports import (
    CertificateFiled,
    EntryCorrected,
    GoodsAsRead,
    GoodsSold,
    TestReportFiled,
)
from ledger.values.base64url import base64url, base64url_bytes
from ledger.values.quantity import StatedQuantity, Unit
from scanners.tape import Tape

# A code of so many characters is read off a phone in bad light; more go into further codes.
PART_CHARS = 600
PARTS_MAX = 999
UNPACKED_BYTES_MAX = 4 * 1024 * 1024
LINES_MAX = 10_000
PREFIX = "SY:V:"
PART = re.compile(r"^([0-9a-f]{8}):([0-9]{1,3})/([0-9]{1,3}):([A-Za-z0-9_-]{1,900})$")
DOCUMENTS_MAX = 16


class VoucherLine(msgspec.Struct, frozen=True, array_like=True):
    """A line as the seller stated it."""

    unit: Unit
    amount: Decimal
    gtin: str | None = None
    item: ShortText | None = None
    lot: LotText | None = None
    produced: date | None = None
    expires: date | None = None
    pieces: int | None = None

    @property
    def goods(self) -> GoodsAsRead:
        """The goods, as read off a voucher's code."""
        return GoodsAsRead(
            gtin=self.gtin, item=self.item, lot=self.lot, produced=self.produced,
            expires=self.expires, dates_from="code",
        )  # fmt: skip

    @property
    def quantity(self) -> StatedQuantity:
        """The quantity, as the seller stated it."""
        return StatedQuantity(amount=self.amount, unit=self.unit, pieces=self.pieces)


class Voucher(msgspec.Struct, frozen=True, array_like=True):
    """A delivery: who sold it, from where, under which number, on which day, what, which papers.

    `buyer` is the merchant it was sold to; null for one who is in no register.
    """

    seller: Id
    premises: Id
    delivery: ShortText
    day: date
    lines: tuple[VoucherLine, ...]
    documents: tuple[Digest, ...] = ()
    buyer: Id | None = None

    @property
    def name(self) -> str:
        """What names this delivery, however often its voucher is printed anew."""
        told = f"{self.seller}|{self.premises}|{self.delivery}|{self.buyer}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]


class BadVoucher(Exception):
    """A code that is no voucher; the text says what to do."""


def codes_of(voucher: Voucher) -> list[str]:
    """Returns the texts of the codes that together are the voucher.

    Raises `BadVoucher` for one of no lines, or of more than ten thousand.
    """
    if not 0 < len(voucher.lines) <= LINES_MAX:
        raise BadVoucher(f"a voucher has 1 to {LINES_MAX} lines, not {len(voucher.lines)}")
    packed = zlib.compress(msgspec.msgpack.encode(voucher), 9)
    text = base64url(packed)
    chunks = [text[i : i + PART_CHARS] for i in range(0, len(text), PART_CHARS)]
    if len(chunks) > PARTS_MAX:
        raise BadVoucher(f"this delivery takes {len(chunks)} codes: split it into several")
    name = _name(text)
    return [f"{PREFIX}{name}:{i}/{len(chunks)}:{chunk}" for i, chunk in enumerate(chunks, 1)]


class Gathered(NamedTuple):
    """What has been scanned of a voucher: its id, how many codes, and the whole when it is."""

    name: str
    have: int
    of: int
    voucher: Voucher | None


class VoucherCodes:
    """Gathers the codes of one voucher, in any order; another voucher's code begins anew."""

    def __init__(self) -> None:
        self._name = ""
        self._of = 0
        self._parts: dict[int, str] = {}

    def add(self, text: str) -> Gathered:
        """Takes a code's text behind `SY:V:`. Raises `BadVoucher` for one that cannot be."""
        found = PART.match(text)
        if found is None or not 1 <= int(found[2]) <= int(found[3]):
            raise BadVoucher("this is no voucher's code, or half of one: scan it again")
        name, number, of = found[1], int(found[2]), int(found[3])
        if (name, of) != (self._name, self._of):
            self._name, self._of, self._parts = name, of, {}
        self._parts[number] = found[4]
        if len(self._parts) < of:
            return Gathered(name, len(self._parts), of, None)
        whole = "".join(self._parts[i] for i in range(1, of + 1))
        if _name(whole) != name:
            self._parts = {}
            raise BadVoucher("these codes do not belong together: scan all of them again")
        return Gathered(name, of, of, _unpack(whole))


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _unpack(text: str) -> Voucher:
    try:
        packed = base64url_bytes(text)
        opened = zlib.decompressobj().decompress(packed, UNPACKED_BYTES_MAX)
        voucher = msgspec.msgpack.decode(opened, type=Voucher)
        for line in voucher.lines:
            # A line that no report could hold is found here, before anything is kept.
            _ = line.goods, line.quantity
    except (
        zlib.error,
        msgspec.MsgspecError,
        ValueError,
        RecursionError,
    ) as error:
        raise BadVoucher(f"this voucher cannot be read: {error}") from error
    if not 0 < len(voucher.lines) <= LINES_MAX:
        raise BadVoucher(f"a voucher has 1 to {LINES_MAX} lines, not {len(voucher.lines)}")
    return voucher


def voucher_of(tape: Tape, merchant: str, delivery: str, buyer: str | None = None) -> Voucher:
    """Makes the voucher of what a tape's merchant sold under a delivery's number.

    Lines that were corrected stand as they should have been; papers are those that came with the
    lines, and those this tape filed for their goods. Raises `BadVoucher` when nothing was sold so,
    or to several while no `buyer` is named.
    """
    sales = Sales()
    papers: list[CertificateFiled | TestReportFiled] = []
    for number, event in events_from(tape):
        match event:
            case GoodsSold() if event.merchant == merchant:
                sales.add(number, event)
            case EntryCorrected() if event.target_tape == tape.id:
                sales.correct(number, event)
            case CertificateFiled() | TestReportFiled():
                papers.append(event)
    sold = {n: event for n, event in sales.standing().items() if event.delivery == delivery}
    if buyer is not None:
        sold = {number: event for number, event in sold.items() if event.counterparty == buyer}
    if not sold:
        raise BadVoucher(f"nothing was sold under {delivery!r} by {merchant} on this tape")
    buyers = sorted({event.counterparty or "nobody" for event in sold.values()})
    if len(buyers) > 1:
        raise BadVoucher(f"{delivery!r} was sold to {' and '.join(buyers)}: say --with one of them")
    first = next(iter(sold.values()))
    gtins = {event.goods.gtin for event in sold.values()}
    documents = [digest for event in sold.values() for digest in event.documents]
    documents += [paper.document for paper in papers if gtins & set(paper.gtins)]
    lines = tuple(_line(event.goods, event.quantity) for event in sold.values())
    return Voucher(
        merchant, first.premises, delivery, first.business_date, lines,
        tuple(dict.fromkeys(documents))[:DOCUMENTS_MAX], first.counterparty,
    )  # fmt: skip


def events_from(tape: Tape, number: int = 1) -> Iterator[tuple[int, Event]]:
    """Returns the entries of a tape from a number on, as the newest version of their kind."""
    while page := tape.since(number):
        for kept in page:
            yield kept.number, upcast(read_report(kept.report))
        number = page[-1].number + 1


class Sales:
    """What a merchant sold on one tape, and what corrections on it make of each line.

    As the ledger reckons it: the latest wins, one for the goods and one for the buyer; a correction
    of a session or delivery means what was entered before it.
    """

    def __init__(self) -> None:
        self._entered: dict[int, GoodsSold] = {}
        self._goods: dict[int, EntryCorrected] = {}
        self._buyers: dict[int, EntryCorrected] = {}

    def add(self, number: int, sale: GoodsSold) -> None:
        """Takes in a sale as it was entered."""
        self._entered[number] = sale

    def correct(self, number: int, event: EntryCorrected) -> None:
        """Takes in a correction that stands behind what it means."""
        named = self._entered.get(event.target_number)
        if named is None or named.merchant != event.merchant:
            return
        latest = self._buyers if event.restates_party else self._goods
        for other, sale in self._entered.items():
            of_scope = event.scope != "line" and _scope(sale, event) == _scope(named, event)
            if other == event.target_number or (of_scope and other < number):
                latest[other] = event

    def standing(self) -> dict[int, GoodsSold]:
        """Returns each line as it stands now, without those that are void."""
        found = {}
        for number, sale in self._entered.items():
            goods, buyer = self._goods.get(number), self._buyers.get(number)
            if goods is not None and goods.voids:
                continue
            line = sale
            if goods is not None and goods.goods is not None and goods.quantity is not None:
                line = msgspec.structs.replace(line, goods=goods.goods, quantity=goods.quantity)
            if buyer is not None:
                line = msgspec.structs.replace(
                    line, counterparty=buyer.counterparty, counterparty_card=buyer.counterparty_card
                )
            found[number] = line
        return found


def _scope(sale: GoodsSold, event: EntryCorrected) -> object:
    if event.scope == "session":
        return sale.session
    return sale.counterparty, sale.counterparty_card, sale.delivery


def _line(goods: GoodsAsRead, quantity: StatedQuantity) -> VoucherLine:
    return VoucherLine(
        quantity.unit, quantity.amount, goods.gtin, goods.item, goods.lot, goods.produced,
        goods.expires, quantity.pieces,
    )  # fmt: skip
