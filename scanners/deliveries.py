"""Receiving a delivery by its voucher: every line at once, differences typed per line."""

import hashlib
import re
import uuid
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from ledger.errors import Malformed
from ledger.events.reports import EntryCorrected, GoodsAsRead, GoodsReceived
from ledger.values.quantity import StatedQuantity
from scanners.entries import Entries, Standing
from scanners.tape import Tape, TapeFull
from scanners.vouchers import BadVoucher, Voucher, VoucherCodes, VoucherLine, events_from
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
        self._session = ""
        # With whom and under what the lines kept last were received.
        self.place: Standing | None = None

    @property
    def goods(self) -> list[GoodsAsRead]:
        """The goods of the lines kept last."""
        return [goods for _, goods, _ in self._lines]

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
        if voucher.buyer not in (None, place.merchant):
            words = (
                f"not kept: this voucher is for {voucher.buyer}; scan the goods if they are yours"
            )
            return Told("red", words)
        return self._keep(voucher, place)

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

    def _received_before(self, name: str) -> dict[int, str]:
        """Returns which line each entry of a delivery on this tape was, taken back or not."""
        found = self._tape.under(f"{name}:")
        return {number: key.split(":")[2] for key, number in found.items()}

    def _standing(self, known: dict[int, str]) -> Counter[str]:
        """Returns which lines this tape has received and not taken back."""
        left, sessions = dict(known), {}
        for number, event in events_from(self._tape, min(known, default=1)) if known else ():
            if isinstance(event, GoodsReceived):
                sessions[number] = event.session
            if isinstance(event, EntryCorrected) and event.voids:
                named = event.target_number
                whole = event.scope != "line" and named in known
                for other in list(left):
                    if other == named or (whole and sessions.get(other) == sessions.get(named)):
                        del left[other]
        return Counter(left.values())

    def _keep(self, voucher: Voucher, place: Standing) -> Told:
        name = f"voucher:{voucher.name}"
        known = self._received_before(name)
        standing, new = self._standing(known), []
        for line in voucher.lines:
            if standing[digest := _digest(line)] > 0:
                standing[digest] -= 1
            else:
                new.append(line)
        if not new:
            words = f"{voucher.delivery} of {voucher.seller} was received already: nothing is kept twice"
            return Told("amber", words)
        return self._keep_lines(voucher, new, place, _keys(name, known, new))

    def _keep_lines(
        self, voucher: Voucher, new: Sequence[VoucherLine], place: Standing, keys: Sequence[str]
    ) -> Told:
        self._session = str(uuid.uuid4())
        there = msgspec.structs.replace(
            place, counterparty=voucher.seller, delivery=voucher.delivery, card=None,
            documents=voucher.documents,
        )  # fmt: skip
        self.place = there
        lines = [(line.goods, line.quantity) for line in new]
        # Kept in one stroke or not at all, under keys that name the delivery and the line: a
        # power cut leaves nothing that could be received twice.
        events = [
            (key, self._entries.report(there, self._session, *line))
            for key, line in zip(keys, lines, strict=True)
        ]
        try:
            kept = [one.number for one in self._tape.append_once(events) if one is not None]
        except (TapeFull, Malformed, ValueError) as error:
            return Told("red", f"NOT kept, no line of it: {error}")
        self._lines = [(number, *line) for number, line in zip(kept, lines, strict=True)]
        words = [f"{n}: {shown(*line)}" for n, line in enumerate(lines[:LINES_SHOWN], 1)]
        more = f"; and {len(lines) - LINES_SHOWN} more" if len(lines) > LINES_SHOWN else ""
        papers = f", {len(voucher.documents)} papers" if voucher.documents else ""
        before = len(voucher.lines) - len(new)
        known_words = f" ({before} more were received before)" if before else ""
        return Told(
            "amber" if before else "green",
            f"received {len(lines)} lines{known_words} of {voucher.delivery} from {voucher.seller}{papers}:"
            f" {'; '.join(words)}{more}. 3=10 says that of line 3 there were 10",
            tuple(kept),
        )


def _digest(line: VoucherLine) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(line)).hexdigest()[:16]


def _keys(name: str, known: dict[int, str], new: Sequence[VoucherLine]) -> list[str]:
    """Returns a key for each line: the delivery, the line, and the how manieth of its like."""
    counted = Counter(known.values())
    keys = []
    for line in new:
        digest = _digest(line)
        counted[digest] += 1
        keys.append(f"{name}:{digest}:{counted[digest]}")
    return keys
