"""The worked examples of docs/trace.md: told to a ledger in memory, with what they must answer."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from ledger.events.base import Event
from ledger.events.reports import (
    GoodsAsRead,
    GoodsDisposed,
    GoodsReceived,
    GoodsReturned,
    GoodsSold,
    GoodsTransformed,
    GoodsUsed,
    Portion,
    StockCounted,
)
from ledger.values.gtin import check_digit
from ledger.values.quantity import StatedQuantity, Unit
from tests.support.line import Line
from tests.support.make import NOON, TODAY, FakeTape, clock, corrected, registered

PAGE = Path(__file__).parents[2] / "docs" / "trace.md"
ITEMS = {"greens"}
CASE_PIECES = 12
ANSWERS = ("certain", "possible", "sources", "holder", "holders", "told", "maybe", "share", "worst")
KINDS: dict[str, tuple[type[Event], dict[str, Any]]] = {
    "has": (StockCounted, {}),
    "sold": (GoodsSold, {}),
    "received": (GoodsReceived, {}),
    "returned": (GoodsReturned, {"direction": "to-supplier"}),
    "took-back": (GoodsReturned, {"direction": "from-customer"}),
    "disposed": (GoodsDisposed, {"reason": "damaged"}),
    "used-up": (GoodsUsed, {}),
}
LINE = re.compile(
    r"(?P<goods>\S+) (?P<amount>\d+)(?P<case> case)?(?: (?:from|to) (?P<other>\w+))?"
    r"(?: as (?P<delivery>\w+))?$"
)
# Further apart than a clock may be wrong, so that what came first is known.
STEP = timedelta(minutes=15)


class Asked(NamedTuple):
    """One question of an example with the answers it must get, as written."""

    question: str
    answers: list[str]


class Example(NamedTuple):
    """A worked example: its title, what is told, and what is asked."""

    title: str
    told: list[str]
    asked: list[Asked]


class Goods(NamedTuple):
    """A product with a lot key, as the ledger has it."""

    product: str
    lot: str


def examples() -> Iterator[Example]:
    """Reads the page's examples."""
    text = PAGE.read_text()
    for title, block in re.findall(r"\*\*([^*]+?)\.?\*\*[^`]*?```trace\n(.*?)```", text, re.S):
        lines = [" ".join(line.split()) for line in block.splitlines() if line.strip()]
        told = [x for x in lines if x.split()[0] not in (*ANSWERS, "ask")]
        asked: list[Asked] = []
        for line in lines:
            if line.startswith("ask "):
                asked.append(Asked(line.removeprefix("ask "), []))
            elif line.split()[0] in ANSWERS:
                asked[-1].answers.append(line)
        yield Example(title, told, asked)


class Story:
    """A ledger in memory to which an example is told line by line, a quarter of an hour apart."""

    def __init__(self) -> None:
        self.line = Line()
        self.marks: dict[str, tuple[int, datetime]] = {}
        self._tapes: dict[str, FakeTape] = {}
        self._at = NOON
        self._known: set[str] = set()

    def tell(self, line: str) -> None:
        """Takes in one line of an example."""
        self._at += STEP
        self.line.now = self._at
        who, verb, *rest = line.split()
        if who == "mark":
            head = self.line.journal.page(0, 100_000)
            self.marks[verb] = (head[-1].position if head else 0, self._at)
            return
        tape = self._tape(who)
        if verb == "voids":
            event: Event = corrected(tape.id, int(rest[0]) + 1, merchant=who, clock=clock(self._at))
        elif verb == "used" and "for" in rest:
            event = self._transformed(who, " ".join(rest))
        else:
            event = self._moved(who, verb, " ".join(rest))
        self.line.report(event, tape=tape)

    def goods(self, text: str) -> Goods:
        """Returns what a text such as milk/A or milk/? means in the ledger's terms."""
        product, _, lot = text.partition("/")
        if product not in ITEMS:
            return Goods(gtin_of(product), "" if lot == "?" else f"L:{lot}")
        name = f"item:{product}"
        if lot == "?":
            return Goods(name, "")
        keys = {row.lot for row in self.line.rows("lots") if row.product == name}
        return Goods(name, next(key for key in keys if key.endswith(f"/{lot}")))

    def _tape(self, who: str) -> FakeTape:
        if who not in self._tapes:
            tape = FakeTape(f"scanner-{who}")
            self._tapes[who] = self.line.enroll(tape, who)
        return self._tapes[who]

    def _moved(self, who: str, verb: str, rest: str) -> Event:
        found = LINE.match(rest)
        if found is None:
            raise ValueError(f"no line of an example: {who} {verb} {rest}")
        kind, fields = KINDS[verb]
        goods = self._read(found["goods"], case=bool(found["case"]))
        delivery = found["delivery"]
        lot = found["goods"].partition("/")[2]
        if goods.item is not None and lot != "?":
            delivery = lot
        quantity = StatedQuantity(amount=Decimal(found["amount"]), unit=Unit.PIECE)
        return kind(
            goods=goods, quantity=quantity, counterparty=found["other"], delivery=delivery,
            **self._common(who), **fields,
        )  # fmt: skip

    def _transformed(self, who: str, rest: str) -> Event:
        used, _, made = rest.partition(" for ")
        return GoodsTransformed(
            process="manufactured", inputs=self._portions(used), outputs=self._portions(made),
            **self._common(who),
        )  # fmt: skip

    def _portions(self, text: str) -> tuple[Portion, ...]:
        found = []
        for part in text.split(", "):
            goods, amount = part.split()
            quantity = StatedQuantity(amount=Decimal(amount), unit=Unit.PIECE)
            found.append(Portion(goods=self._read(goods), quantity=quantity))
        return tuple(found)

    def _read(self, text: str, *, case: bool = False) -> GoodsAsRead:
        product, _, lot = text.partition("/")
        if product in ITEMS:
            return GoodsAsRead(item=product)
        if product not in self._known:
            self._known.add(product)
            self.line.case("product", product, registered(gtin_of(product)))
            box = registered(
                gtin_of(product, case=True), base=gtin_of(product), contains=CASE_PIECES
            )
            self.line.case("product", f"{product} case", box)
        return GoodsAsRead(gtin=gtin_of(product, case=case), lot=None if lot == "?" else lot)

    def _common(self, who: str) -> dict[str, Any]:
        return {
            "merchant": who, "premises": f"{who}-a", "business_date": TODAY,
            "clock": clock(self._at), "session": "00000000-0000-4000-8000-000000000001",
        }  # fmt: skip


def gtin_of(product: str, *, case: bool = False) -> str:
    """Returns a GTIN for a product's name, the same each time."""
    number = sum(ord(letter) * 7**place for place, letter in enumerate(product)) % 100_000
    digits = f"{int(case)}6901234{number:05d}"
    return digits + check_digit(digits)
