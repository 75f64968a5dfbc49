"""A scan session: what the next scan means, and what the hand is told at once."""

import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ledger.errors import Malformed
from ledger.events.base import Event
from ledger.events.reports import GoodsAsRead
from ledger.values.quantity import AMOUNT_MAX, StatedQuantity, Unit
from scanners.dates import TypedDates, dates_in
from scanners.deliveries import Received
from scanners.entries import MODES, REASONS, Entries, Mode, Reason, Standing
from scanners.gs1 import Meaning, Profile
from scanners.identity import Clocks
from scanners.profiles import profiles_of
from scanners.standing import PLACES, Stand
from scanners.stoplist import StopList
from scanners.stopped import ANYWAY, IT_IS, IT_IS_NOT, AtStop
from scanners.tape import Tape, TapeFull
from scanners.words import HELP, Told, both, shown


class Session:
    """Turns what was scanned and typed into reports on the tape.

    A plain EAN-13 opens the date question; number keys, a date sheet or `same` answer it, `skip`
    and the next product leave it open, which is then flagged.
    """

    def __init__(
        self,
        tape: Tape,
        clocks: Clocks,
        *,
        today: Callable[[], date],
        stops: StopList | None = None,
    ) -> None:
        self._tape = tape
        self._entries = Entries(tape.id, clocks, today)
        self._received = Received(tape, self._entries)
        self._today = today
        self.id = str(uuid.uuid4())
        self._stand = Stand(tape)
        self._stops = AtStop(tape, self._entries, stops)
        self._amount: Decimal | None = None
        self._asking: GoodsAsRead | None = None
        self._asking_quantity: StatedQuantity | None = None
        self._last_dates: dict[tuple[str | None, str], TypedDates] = {}
        self._reason: Reason = "other"
        self._sold_out = False
        # The line kept last, while a date may still be added to it.
        self._undated: tuple[int, GoodsAsRead, StatedQuantity] | None = None
        # What `undo` takes back, newest last: the lines of one scan together.
        self._undoable: list[tuple[int, ...]] = []

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """How the present merchant's own codes are laid out."""
        return profiles_of(self._tape, self.place.merchant)

    @property
    def place(self) -> Standing:
        """For whom, how and with whom the next scan will be kept."""
        return self._stand.now

    @property
    def mode(self) -> Mode:
        """What the next scan means."""
        return self.place.mode

    def standing(self) -> Told:
        """Says for whom, how and with whom the next scan will be kept."""
        return self._stand.described()

    def command(self, text: str) -> Told:
        """Takes a command: a mode, `merchant:ID:PREMISES`, `with:ID`, `delivery:N`, or a word.

        The words are `same`, `skip` and, for a count, `all`, which answer the date question;
        """
        name, _, value = text.partition(":")
        if self._stops.asking and name in (*MODES, *PLACES, "voucher", "sold-out"):
            unanswered = self.finish()
            assert unanswered is not None
            return both(unanswered, self.command(text))
        if self._stops.asking and name not in ("undo", "help"):
            return self._say_of_stopped(text)
        if self._asking is not None and name not in ("same", "skip", "undo", "all"):
            # The open question belongs to whom and what it was asked for.
            return both(self._skip(), self.command(text))
        if name == "help":
            return Told("green", HELP)
        if name in MODES:
            return self._set_mode(name, value)
        if name in (*IT_IS, *IT_IS_NOT, ANYWAY):
            return self._say_of_stopped(name)
        plain = {
            "same": self._same_as_last, "skip": self._skip, "all": self._count_all,
            "undo": self._undo,
        }  # fmt: skip
        if name in plain:
            return plain[name]()
        if name == "sold-out":
            self._sold_out = True
            return Told("green", "scan what is sold out: all its lots are counted as none")
        if name in PLACES:
            return self._set_place(name, value)
        if name == "voucher":
            return self._voucher(value)
        return Told("red", f"no command is called {text[:40]!r}")

    def finish(self) -> Told | None:
        """Ends an open question: the goods are kept without its answer; None when none was open."""
        if self._asking is not None:
            return self._skip()
        if (line := self._stops.unanswered()) is None:
            return None
        told, words = self._keep([line[:2]]), "nobody looked at its label"
        return both(Told("amber", words), told)

    def scanned(self, meaning: Meaning, aim: str, raw: bytes) -> Told:
        """Takes a code that was understood."""
        try:
            return self._scanned(meaning, aim, raw)
        except ValueError as error:
            return Told("red", f"not kept: {error}")

    def _scanned(self, meaning: Meaning, aim: str, raw: bytes) -> Told:
        if meaning.command is not None:
            return self.command(meaning.command)
        if meaning.date_marker is not None and self._stops.asking:
            return self._say_of_stopped("a date")
        if meaning.date_marker is not None:
            return self._answer([TypedDates(None, meaning.date_marker, "sheet")])
        skipped = self.finish()
        if meaning.gtin is None and meaning.content_gtin is None and meaning.item is None:
            told = Told("red", "this code names no goods")
        else:
            told = self._goods(meaning, aim, raw)
        return told if skipped is None else both(skipped, told)

    def typed(self, text: str) -> Told:
        """Takes what was typed: dates for the question, or `*6` before the next scan."""
        try:
            return self._typed(text.strip())
        except ValueError as error:
            return Told("red", f"not kept: {error}")

    def _typed(self, text: str) -> Told:
        if self._stops.asking:
            return self._say_of_stopped(text)
        if text.startswith("*"):
            return self._set_amount(text[1:])
        if (told := self._received.typed(text, self.place)) is not None:
            return told
        try:
            found = dates_in(text)
        except ValueError as error:
            return Told("red", str(error))
        return self._answer(found) if found else Told("red", "nothing was typed")

    def _goods(self, meaning: Meaning, aim: str, raw: bytes) -> Told:
        gtin = meaning.gtin or meaning.content_gtin
        amount = Decimal(meaning.pieces or 1) if self._amount is None else self._amount
        quantity = StatedQuantity(amount=amount, unit=Unit.PIECE)
        if meaning.weight_g is not None:
            # A pallet's grams would be beyond any amount; its kilograms are not.
            heavy = meaning.weight_g > AMOUNT_MAX
            weight = meaning.weight_g / 1000 if heavy else meaning.weight_g
            quantity = StatedQuantity(amount=weight, unit=Unit.KILOGRAM if heavy else Unit.GRAM)
        dated = bool(meaning.lot or meaning.produced or meaning.last_good_day)
        goods = GoodsAsRead(
            gtin=gtin,
            item=None if gtin else meaning.item,
            lot=meaning.lot,
            produced=meaning.produced,
            expires=meaning.last_good_day,
            raw=raw,
            aim=aim,
            dates_from="code" if dated else None,
        )
        if (problem := self._place_problem()) is not None:
            return problem
        self._amount = None
        if self._sold_out:
            return self._count_none(goods)
        self._undated = None
        if (stopped := self._stops.meet(goods, quantity, self.place, self.id)) is not None:
            return stopped
        if not dated and gtin is not None and self.mode in ("receive", "count"):
            self._asking, self._asking_quantity = goods, quantity
            words = "same, all or skip" if self.mode == "count" else "same or skip"
            return Told("ask", f"{gtin}: which date is on it? YYMMDD, {words}")
        return self._keep([(goods, quantity)])

    def _answer(self, dates: list[TypedDates]) -> Told:
        if self._asking is None and self._undated is not None and len(dates) == 1:
            return self._date_afterwards(dates[0], *self._undated)
        if self._asking is None or self._asking_quantity is None:
            return Told("red", "scan the goods first, then the date")
        whole = self._asking_quantity
        if len(dates) > 1 and any(d.amount is None for d in dates):
            return Told("red", "several dates need their quantities: 261201*6 261205*6")
        goods, lines = self._asking, []
        for d in dates:
            amount = d.amount if d.amount is not None else whole.amount
            dated = msgspec.structs.replace(
                goods, produced=d.produced, expires=d.expires, dates_from=d.source
            )
            lines.append((dated, StatedQuantity(amount=amount, unit=whole.unit)))
        if goods.gtin is not None:
            self._last_dates[(self.place.counterparty, goods.gtin)] = dates[-1]
        self._asking = self._asking_quantity = None
        return self._keep(lines)

    def _date_afterwards(
        self, dates: TypedDates, number: int, goods: GoodsAsRead, quantity: StatedQuantity
    ) -> Told:
        """Adds the date to a line that left without one: a sale does not wait to be asked."""
        dated = msgspec.structs.replace(
            goods, produced=dates.produced, expires=dates.expires, dates_from=dates.source
        )
        amount = quantity.amount if dates.amount is None else dates.amount
        said = msgspec.structs.replace(quantity, amount=amount)
        fix = self._correction(number, "date added at the scanner", goods=dated, quantity=said)
        try:
            kept = self._tape.append(fix)
        except TapeFull as error:
            return Told("red", f"the date was NOT kept: {error}")
        self._undated = None
        told = Told("green", f"dated: {shown(dated, said)}", (kept.number,))
        return self._stops.warn(told, [dated], self.place)

    def _same_as_last(self) -> Told:
        if self._asking is None or self._asking.gtin is None:
            return Told("red", "scan the goods first, then same")
        last = self._last_dates.get((self.place.counterparty, self._asking.gtin))
        if last is None:
            return Told("red", "no date of these goods from this supplier yet: type it")
        return self._answer([last._replace(source="same-as-last", amount=None)])

    def _count_all(self) -> Told:
        """Answers the date question of a count: of all dates together there are so many."""
        if self._asking is None or self._asking_quantity is None or self.mode != "count":
            return Told("red", "scan the goods to count first, then all")
        line = self._asking, self._asking_quantity
        self._asking = self._asking_quantity = None
        return self._keep([line], whole=True)

    def _count_none(self, goods: GoodsAsRead) -> Told:
        """Counts a product as sold out, whatever lot its label bears."""
        self._sold_out = False
        nothing = dict.fromkeys(("lot", "produced", "expires", "dates_from"))
        bare = msgspec.structs.replace(goods, **nothing)
        counting = msgspec.structs.replace(self.place, mode="count")
        none = StatedQuantity(amount=Decimal(0), unit=Unit.PIECE)
        return self._keep([(bare, none)], whole=True, place=counting)

    def _skip(self) -> Told:
        if self._asking is None or self._asking_quantity is None:
            return Told("red", "nothing is asked")
        goods = msgspec.structs.replace(self._asking, dates_from="skipped")
        quantity = self._asking_quantity
        self._asking = self._asking_quantity = None
        told = self._keep([(goods, quantity)])
        return (
            told
            if told.colour == "red"
            else told._replace(colour="amber", words="kept without a date")
        )

    def _keep(
        self,
        lines: list[tuple[GoodsAsRead, StatedQuantity]],
        *,
        whole: bool = False,
        place: Standing | None = None,
    ) -> Told:
        told = self._keep_lines(lines, place or self.place, whole=whole)
        return self._stops.warn(told, [goods for goods, _ in lines], place or self.place)

    def _keep_lines(
        self,
        lines: list[tuple[GoodsAsRead, StatedQuantity]],
        place: Standing,
        *,
        whole: bool = False,
    ) -> Told:
        kept: list[int] = []
        try:
            for goods, quantity in lines:
                report = self._entries.report(place, self.id, goods, quantity, reason=self._reason)
                kept.append(self._tape.append(report).number)
        except (TapeFull, Malformed) as error:
            return Told("red", f"NOT kept, {len(kept)} of {len(lines)} were: {error}", tuple(kept))
        numbers = tuple(kept)
        self._undoable.append(numbers)
        goods, quantity = lines[-1]
        undated = goods.gtin and not (goods.lot or goods.produced or goods.expires)
        self._undated = (
            (kept[-1], goods, quantity) if undated and len(lines) == 1 and not whole else None
        )
        what = "; ".join(shown(*line) for line in lines)
        expired = [g.expires for g, _ in lines if g.expires and g.expires < self._today()]
        if expired and place.mode == "sell":
            return Told("red", f"do not sell {what}: it ended; the scan is kept", numbers)
        if expired:
            return Told("amber", f"{what}: kept, but it ended on {expired[0]}", numbers)
        return Told("green", f"{place.mode} {what}: kept, not yet confirmed", numbers)

    def _say_of_stopped(self, text: str) -> Told:
        """Takes what the hand says of goods that are stopped, or may be."""
        told, line = self._stops.say(text, self.place, self.id)
        return told if line is None else both(told, self._keep_lines([line[:2]], self.place))

    def _voucher(self, text: str) -> Told:
        """Receives a whole delivery by its voucher; `undo` takes it back as one."""
        if (problem := self._place_problem()) is not None:
            return problem
        told = self._received.take(text, self.place)
        if told.numbers:
            self._undoable.append(told.numbers)
            self._undated = None
        return self._stops.warn(told, self._received.goods, self._received.place or self.place)

    def _undo(self) -> Told:
        if self._asking is not None or self._stops.unanswered() is not None:
            self._asking = self._asking_quantity = None
            return Told("green", "the question is forgotten; nothing was kept")
        if not self._undoable:
            return Told("red", "nothing of this session is left to undo: suyuan correct NUMBER")
        voided, numbers = self._undoable.pop(), []
        for done, number in enumerate(voided):
            try:
                numbers.append(
                    self._tape.append(self._correction(number, "undone at the scanner")).number
                )
            except TapeFull as error:
                self._undoable.append(voided[done:])
                return Told("red", f"NOT undone, {done} of {len(voided)} were: {error}")
        return Told("green", f"undone: {', '.join(map(str, voided))}", tuple(numbers))

    def _correction(self, number: int, reason: str, **instead: Any) -> Event:
        return self._entries.correction(self.place, self.id, number, reason, **instead)

    def _place_problem(self) -> Told | None:
        if self.place.merchant is None or self.place.premises is None:
            # A scan for nobody must never be booked on the last one.
            return Told("red", "not kept: for whom? scan the stall's badge, then these goods again")
        return None

    def _set_mode(self, mode: Mode, reason: str) -> Told:
        """Changes what a scan means; with whom and under which papers it was, ends with it."""
        if reason and (mode != "dispose" or reason not in REASONS):
            return Told("red", f"say {mode} alone, or dispose:{'|'.join(REASONS)}, not {reason!r}")
        self._reason = next((r for r in REASONS if r == reason), "other")
        self._sold_out = False
        self._undated = None
        self.id = str(uuid.uuid4())
        self._stand.change_mode(mode)
        self._stops.forget()
        return Told("green", f"mode: {mode}")

    def _set_place(self, name: str, value: str) -> Told:
        """Names for whom, with whom or under which papers the next scans are."""
        self._sold_out = False
        told = self._stand.name(name, value)
        if told.colour != "red":
            self.id = str(uuid.uuid4())
            self._stops.forget()
            if name == "merchant":
                # Only the same merchant may correct an entry.
                self._undoable.clear()
        return told

    def _set_amount(self, text: str) -> Told:
        try:
            amount = Decimal(text)
            StatedQuantity(amount=amount, unit=Unit.PIECE)
        except (InvalidOperation, ValueError):
            return Told("red", f"a quantity is a number with at most 3 decimals, not {text[:20]!r}")
        self._amount = amount
        return Told("green", f"{amount} of the next")
