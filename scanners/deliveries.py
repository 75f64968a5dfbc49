"""Receiving a delivery by its voucher: every line at once, differences typed per line."""

import re
import uuid
from decimal import Decimal, InvalidOperation

import msgspec

from ledger.errors import Malformed
from ledger.events.reports import GoodsAsRead
from ledger.values.quantity import StatedQuantity
from scanners.entries import Entries, Standing
from scanners.tape import Tape, TapeFull
from scanners.vouchers import BadVoucher, Voucher, VoucherCodes
from scanners.words import Told, shown

# `3=10`: of line 3 there were 10.
DIFFERENCE = re.compile(r"^([0-9]{1,5})=([0-9]+(?:\.[0-9]{1,3})?)(?!\n)$")
LINES_SHOWN = 12


class Received:
    """The voucher that was scanned last, line by line as it was kept."""

    def __init__(self, tape: Tape, entries: Entries) -> None:
        self._tape = tape
        self._entries = entries
        self._codes = VoucherCodes()
        self._lines: list[tuple[int, GoodsAsRead, StatedQuantity]] = []
        self._session = self._name = ""

    def take(self, text: str, place: Standing) -> Told:
        """Takes a voucher's code; with the last one, keeps every line as received."""
        if place.mode != "receive":
            return Told(
                "red", f"not kept: this voucher is of goods to receive, not to {place.mode}"
            )
        try:
            gathered = self._codes.add(text)
        except BadVoucher as error:
            return Told("red", f"not kept: {error}")
        if gathered.voucher is None:
            return Told("ask", f"voucher: {gathered.have} of {gathered.of} codes, scan the others")
        voucher = gathered.voucher
        if (voucher.seller, voucher.premises) == (place.merchant, place.premises):
            return Told("red", "not kept: this voucher is your own; its buyer scans it")
        known = self._tape.get(f"voucher:{gathered.name}")
        if known:
            return Told("amber", f"received already as no. {known}: nothing is kept twice")
        return self._keep(gathered.name, voucher, place)

    def typed(self, text: str, place: Standing) -> Told | None:
        """Takes `3=10`, a difference of a line; None for a text that is none."""
        found = DIFFERENCE.match(text)
        if found is None:
            return None
        index = int(found[1]) - 1
        if not 0 <= index < len(self._lines):
            return Told("red", f"the voucher has {len(self._lines)} lines: no line {found[1]}")
        number, goods, stated = self._lines[index]
        try:
            said = msgspec.structs.replace(stated, amount=Decimal(found[2]))
        except (InvalidOperation, ValueError) as error:
            return Told("red", f"not kept: {error}")
        reason = f"received {said.amount} of {stated.amount} on the voucher"
        fix = self._entries.correction(
            place, self._session, number, reason, goods=goods, quantity=said
        )
        try:
            kept = self._tape.append(fix)
        except TapeFull as error:
            return Told("red", f"the difference was NOT kept: {error}")
        self._lines[index] = number, goods, said
        return Told("green", f"line {found[1]}: {shown(goods, said)}", (kept.number,))

    def forget(self, numbers: tuple[int, ...]) -> None:
        """Lets a voucher be scanned again whose lines were undone."""
        if self._lines and self._lines[0][0] in numbers:
            self._tape.put(self._name, "")
            self._lines = []

    def _keep(self, name: str, voucher: Voucher, place: Standing) -> Told:
        self._session = str(uuid.uuid4())
        there = msgspec.structs.replace(
            place, counterparty=voucher.seller, delivery=voucher.delivery, card=None,
            documents=voucher.documents,
        )  # fmt: skip
        lines = [(line.goods, line.quantity) for line in voucher.lines]
        # A key of this attempt alone: all lines are kept in one stroke, or none.
        events = [
            (f"{self._session}:{n}", self._entries.report(there, self._session, *line))
            for n, line in enumerate(lines)
        ]
        try:
            kept = [one.number for one in self._tape.append_once(events) if one is not None]
        except (TapeFull, Malformed, ValueError) as error:
            return Told("red", f"NOT kept, no line of it: {error}")
        self._name = f"voucher:{name}"
        self._tape.put(self._name, f"{kept[0]} to {kept[-1]}")
        self._lines = [(number, *line) for number, line in zip(kept, lines, strict=True)]
        words = [f"{n}: {shown(*line)}" for n, line in enumerate(lines[:LINES_SHOWN], 1)]
        more = f"; and {len(lines) - LINES_SHOWN} more" if len(lines) > LINES_SHOWN else ""
        papers = f", {len(voucher.documents)} papers" if voucher.documents else ""
        return Told(
            "green",
            f"received {len(lines)} lines of {voucher.delivery} from {voucher.seller}{papers}:"
            f" {'; '.join(words)}{more}. 3=10 says that of line 3 there were 10",
            tuple(kept),
        )
