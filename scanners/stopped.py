"""At a stop: what the hand is told of goods that may not be sold, and what it says of them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

from ledger.errors import Malformed
from ledger.events.reports import GoodsAsRead, StopMet
from ledger.events.stop_list import StopLine
from ledger.values.quantity import StatedQuantity
from scanners.entries import Entries, Standing
from scanners.stoplist import StopList, Stopped
from scanners.tape import Tape, TapeFull
from scanners.words import Told, shown

# One key each, for a hand that holds a crate.
IT_IS, IT_IS_NOT = ("1", "it-is"), ("2", "it-is-not")
ANYWAY = "sold-anyway"
SHOWN_MAX = 6
Outcome = Literal["refused", "it-is", "it-is-not", "sold-anyway"]


class AtIssue(NamedTuple):
    """Goods that wait for an answer, and the stop that asks."""

    goods: GoodsAsRead
    quantity: StatedQuantity
    stopped: Stopped


class AtStop:
    """Meets what goes out of a stall with the stop list; nothing stopped is kept as a sale unsaid."""

    def __init__(self, tape: Tape, entries: Entries, stops: StopList | None) -> None:
        self._tape = tape
        self._entries = entries
        self._stops = stops
        self._asking: AtIssue | None = None
        self._refused: AtIssue | None = None

    @property
    def asking(self) -> bool:
        """Whether the hand was asked what is on a label."""
        return self._asking is not None

    def meet(
        self, goods: GoodsAsRead, quantity: StatedQuantity, place: Standing, session: str
    ) -> Told | None:
        """Says what stops goods that are to be sold or used; None lets them pass."""
        self._refused = None
        if self._stops is None or place.mode not in ("sell", "use"):
            return None
        if (stopped := self._stops.meets(goods, place)) is None:
            return None
        line = AtIssue(goods, quantity, stopped)
        if stopped.how == "stopped":
            return self._refuse(line, place, session, "refused")
        self._asking = line
        words = " | ".join(dict.fromkeys(_look_for(one) for one in stopped.lines[:SHOWN_MAX]))
        more = f" | {len(stopped.lines) - SHOWN_MAX} more" if stopped.lines[SHOWN_MAX:] else ""
        return Told("amber", f"LOOK 请看: {words}{more}: 1 = it is 是, 2 = it is not 不是")

    def say(self, text: str, place: Standing, session: str) -> tuple[Told, AtIssue | None]:
        """Takes what the hand says it sees, or did; returns the line too where it was sold."""
        if text == ANYWAY and not self.asking:
            return self._anyway(place, session)
        line = self._asking
        if line is None or text not in IT_IS + IT_IS_NOT:
            return Told("red", "look at the label: 1 = it is 是, 2 = it is not 不是"), None
        self._asking = None
        if self._stops is not None and (now := self._stops.meets(line.goods, place)) is not None:
            # A newer list may have come while the hand was looking.
            line = line._replace(stopped=now)
        if text in IT_IS or line.stopped.how == "stopped":
            return self._refuse(line, place, session, "it-is"), None
        return self._note(line, place, session, "it-is-not"), line

    def forget(self) -> None:
        """Forgets what was refused: the hand does something else now."""
        self._refused = None

    def unanswered(self) -> AtIssue | None:
        """Returns the line of a question nobody answers any more; it was sold, as far as is known."""
        line, self._asking = self._asking, None
        return line

    def warn(self, told: Told, lines: Sequence[GoodsAsRead], place: Standing) -> Told:
        """Adds to what was kept that it is stopped, or may be, and what to do with it."""
        if self._stops is None or told.colour == "red" or place.mode in ("dispose", "return"):
            return told
        found = [stopped for goods in lines if (stopped := self._stops.meets(goods, place))]
        sure = [stopped for stopped in found if stopped.how == "stopped"]
        if sure:
            words = f"{told.words}. STOP 停售: {self._why(sure[0])}; set it aside, do not sell it"
            return told._replace(colour="red", words=words)
        if found and told.colour != "ask":
            words = " | ".join(_look_for(line) for line in found[0].lines[:SHOWN_MAX])
            return told._replace(colour="amber", words=f"{told.words}. LOOK 请看: {words}")
        return told

    def _anyway(self, place: Standing, session: str) -> tuple[Told, AtIssue | None]:
        """Takes it that the refused goods were sold all the same: a fact that is recorded."""
        line, self._refused = self._refused, None
        if line is None:
            return Told("red", "nothing was refused just now"), None
        told = self._note(line, place, session, "sold-anyway")
        return told._replace(
            colour="red", words=f"{told.words}, though {self._why(line.stopped)}"
        ), line

    def _refuse(self, line: AtIssue, place: Standing, session: str, outcome: Outcome) -> Told:
        noted = self._note(line, place, session, outcome)
        if noted.colour == "red":
            return noted
        self._refused = line
        what = shown(line.goods, line.quantity)
        words = f"STOP 停售, do not sell {what}: {self._why(line.stopped)}; set it aside"
        return Told("red", f"{words}. Sold all the same? {ANYWAY}", noted.numbers)

    def _note(self, line: AtIssue, place: Standing, session: str, outcome: Outcome) -> Told:
        assert self._stops is not None
        common = self._entries.common(place, session)
        met = StopMet(
            goods=line.goods, stop=line.stopped.lines[0].stop, outcome=outcome,
            list_version=self._stops.version, list_time=self._stops.time or common["clock"].wall,
            **common,
        )  # fmt: skip
        try:
            kept = self._tape.append(met)
        except (TapeFull, Malformed) as error:
            return Told("red", f"STOP 停售, and it could NOT be noted: {error}")
        return Told("green", f"noted: {outcome}", (kept.number,))

    def _why(self, stopped: Stopped) -> str:
        line = stopped.lines[0]
        what = f"recalled 召回 ({line.stop}, grade {line.grade})"
        if line.kind == "hold":
            what = f"on hold 暂停销售 ({line.stop})"
        age = self._stops.age() if self._stops is not None else None
        return f"{line.name} {what}; the list is {_old(age)} old"


def _look_for(line: StopLine) -> str:
    """Says what is to be looked for on a label, as large type can show it."""
    goods = line.goods
    parts = [f"lot 批号 {goods.lot}"] if goods.lot else []
    parts += [f"delivery 进货 {goods.delivery}"] if goods.delivery else []
    parts += [_range("made 生产", goods.produced_from, goods.produced_until)]
    parts += [_range("until 保质期至", goods.expires_from, goods.expires_until)]
    parts += [f"from 供货者 {goods.supplier}"] if goods.supplier else []
    return f"{line.name} {', '.join(filter(None, parts))}".strip()


def _range(what: str, first: date | None, last: date | None) -> str:
    if first is None and last is None:
        return ""
    if first == last:
        return f"{what} {first}"
    return f"{what} {first or '…'} – {last or '…'}"


def _old(age: timedelta | None) -> str:
    """Says an age as people do: in seconds, minutes, hours or days."""
    if age is None:
        return "of unknown age"
    seconds = int(age.total_seconds())
    for size, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
