"""Stopped lots: the tables and signals of what holds and recalls stop."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from ledger.projections.movements import Movement
from ledger.projections.seen import OPEN
from ledger.projections.table import Position, Table


class StopLineRow(msgspec.Struct):
    """A line of a hold or recall, as JSON, from one position to another."""

    kind: str
    stop: str
    position: Position
    index: Position
    product: str | None
    lot: str | None
    supplier: str | None
    goods: bytes
    since: datetime
    ended_at: Position | None


class StopMark(msgspec.Struct):
    """That goods of a product (`what` p) or from a supplier (`s`) may be stopped, and by which.

    The mark of nothing says whether there is any mark at all. A name (`n`, stop/product) says under
    which GTINs a stop's lines name a product; that of no product, that some name none.
    """

    what: str
    value: str
    stops: tuple[str, ...]


class StoppedLot(msgspec.Struct):
    """A lot that a hold or recall stops, or may stop (`how`), from a time until it was ended."""

    product: str
    lot: str
    kind: str
    stop: str
    how: str
    since: datetime
    position: Position
    ended: datetime | None
    ended_at: Position | None


STOP_LINES = Table(
    "stop_lines",
    StopLineRow,
    ("kind", "stop", "position", "index"),
    (
        "(product, lot) WHERE ended_at IS NULL",
        "(supplier) WHERE ended_at IS NULL",
        "(kind, stop, product, lot)",
    ),
    seen=OPEN,
)
STOP_MARKS = Table("stop_marks", StopMark, ("what", "value"))
STOPPED_LOTS = Table(
    "stopped_lots", StoppedLot, ("product", "lot", "kind", "stop"), ("(kind, stop)",), seen=OPEN
)


class SoldWhileStopped(NamedTuple):
    """Signal: goods were sold or used though stopped; `stop` is None where that is not so."""

    movement: Movement
    stop: str | None


class SoldAnyway(NamedTuple):
    """Signal: a hand was told in red, and said that it sold the goods all the same.

    The sale is the tape's next entry; no clock has to show that it came after the stop.
    """

    merchant: str
    premises: str
    product: str
    lot: str
    stop: str
