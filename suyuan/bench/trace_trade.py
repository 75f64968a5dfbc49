"""A trade for the trace's bench: lots with heavy tails and mixing, as numbers, rows and segments."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import psycopg

from ledger.projections.movements import MOVEMENTS
from ledger.trace.question import LotName
from ledger.trace.segment import Array, Lines, Links, Segment, Stamp, ToldSums
from ledger.trace.segment_build import number_lots

PRODUCTS = 200
MERCHANTS = 20_000
# Pairs of sale and receipt of a lot: most lots a handful, a few a great many (Pareto).
TAIL = 1.15
# One lot in three is made of others: of lots shortly before it, at times of one that many use.
MIXED, HUB = 0.33, 0.12
WINDOW = 2_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
UNIT = "piece"
KINDS = ("goods-sold", "goods-received", "used-in", "made", "goods-sold", "goods-received")
SOLD, RECEIVED, USED, MADE, RETAIL, APPEARED = range(6)


class TraceTrade(NamedTuple):
    """Movements as columns, in the order of their entries; merchants and lots are numbers.

    `kind` indexes `KINDS`; `other` is the merchant on the other side, -1 for none.
    """

    lots: int
    entry: Array
    kind: Array
    merchant: Array
    other: Array
    lot: Array
    amount: Array

    @property
    def movements(self) -> int:
        """How many rows it has."""
        return len(self.entry)


def trade_of(movements: int, seed: int = 1) -> TraceTrade:
    """Draws a trade of about so many movements, the same again for the same seed."""
    dice = np.random.default_rng(seed)
    pairs = _sizes(dice, movements)
    count = len(pairs)
    maker = dice.integers(0, MERCHANTS, count)
    lot = np.repeat(np.arange(count), pairs)
    taker, giver = _chains(dice, pairs, maker)
    sold = dice.random(len(lot)) < 0.5
    used_lot, output = _mixing(dice, count)
    # Who makes something of a lot has bought it, unless it was made at the same place.
    bought = maker[used_lot] != maker[output]
    buys, buyer = used_lot[bought], maker[output[bought]]
    mixed = np.unique(output)
    fresh = np.setdiff1d(np.arange(count), mixed)
    full, nobody = np.full, -1
    parts = [
        # Of a lot's entries its making comes first, then its inputs', its trade, and what was eaten.
        (fresh, APPEARED, maker[fresh], full(len(fresh), nobody), fresh, full(len(fresh), 10**9), fresh * 8),
        (mixed, MADE, maker[mixed], full(len(mixed), nobody), mixed, full(len(mixed), 10**9), mixed * 8 + 1),
        (buys, SOLD, maker[buys], buyer, buys, full(len(buys), 2000), buys * 8 + 5),
        (buys, RECEIVED, buyer, maker[buys], buys, full(len(buys), 2000), buys * 8 + 6),
        (output, USED, maker[output], full(len(output), nobody), used_lot, full(len(output), 2000), output * 8 + 1),
        (lot, SOLD, giver, taker, lot, full(len(lot), 1000), lot * 8 + 2),
        (lot, RECEIVED, taker, giver, lot, full(len(lot), 1000), lot * 8 + 3),
        (lot[sold], RETAIL, taker[sold], full(int(sold.sum()), nobody), lot[sold], full(int(sold.sum()), 500),
         lot[sold] * 8 + 4),
    ]  # fmt: skip
    kind = np.concatenate([full(len(part[0]), part[1], np.int8) for part in parts])
    columns = [np.concatenate([part[i] for part in parts]) for i in range(2, 7)]
    merchant, other, lots, amount, place = columns
    order = np.argsort(place, kind="stable")
    # One entry makes a lot of all its inputs; every other row is an entry of its own.
    joint = np.isin(kind, (USED, MADE))[order]
    first = np.r_[True, (place[order][1:] != place[order][:-1]) | ~joint[1:]]
    return TraceTrade(
        count, np.cumsum(first), kind[order], merchant[order].astype(np.int32),
        other[order].astype(np.int32), lots[order].astype(np.int32), amount[order],
    )  # fmt: skip


def _sizes(dice: Any, movements: int) -> Array:
    """Draws how many pairs each lot has, until they come to about so many movements."""
    drawn = np.minimum(dice.pareto(TAIL, movements // 4) + 1, movements / 60).astype(np.int64)
    count = int(np.searchsorted(np.cumsum(2.5 * drawn + 1.5), movements))
    sizes: Array = drawn[: max(count, 10)]
    return sizes


def _chains(dice: Any, pairs: Array, maker: Array) -> tuple[Array, Array]:
    """Draws who takes each pair; who gives it has taken an earlier one, or made the lot."""
    total = int(pairs.sum())
    starts = np.repeat(np.cumsum(pairs) - pairs, pairs)
    place = np.arange(total) - starts
    taker = dice.integers(0, MERCHANTS, total)
    before = starts + np.maximum((dice.random(total) * place).astype(np.int64) - 1, 0)
    giver = np.where(place == 0, np.repeat(maker, pairs), taker[before])
    # Nobody sells to himself.
    taker = np.where(taker == giver, (taker + 1) % MERCHANTS, taker)
    return taker, np.where(place == 0, np.repeat(maker, pairs), taker[before])


def _mixing(dice: Any, count: int) -> tuple[Array, Array]:
    """Draws which lots went into which later ones."""
    output = np.flatnonzero(dice.random(count) < MIXED)
    output = np.repeat(output[output > WINDOW // 10], 2)
    back = 1 + (dice.random(len(output)) ** 3 * np.minimum(WINDOW, output - 1)).astype(np.int64)
    hub = output - output % WINDOW + (dice.random(len(output)) ** 4 * 5).astype(np.int64)
    source = np.where((dice.random(len(output)) < HUB) & (hub < output), hub, output - back)
    links = np.unique(np.stack((source, output)), axis=1)
    return links[0], links[1]


def name_of(lot: int) -> LotName:
    """Returns the name of a lot's number."""
    return LotName(f"{6_900_000_000_000 + lot % PRODUCTS:014d}", f"L:{lot:08d}")


def merchant_of(number: int) -> str:
    """Returns the name of a merchant's number."""
    return f"m-{number:05d}"


def copy_into(connection: psycopg.Connection[Any], trade: TraceTrade) -> None:
    """Writes a trade into the views as their follower would have, and their stock."""
    columns = ", ".join(MOVEMENTS.columns)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY trade.movements ({columns}) FROM STDIN") as copy,
    ):
        for chunk in _rows(trade):
            copy.write(chunk)
    head = int(trade.entry[-1])
    connection.execute("UPDATE trade.position SET position = %s", [head])
    connection.execute(
        "INSERT INTO trade.stock SELECT merchant, premises, product, lot, unit, greatest(0, sum(delta)),"
        " 0, 0, NULL, 0, 0, 0, max(happened), count(*), max(position) FROM trade.movements"
        " GROUP BY merchant, premises, product, lot, unit"
    )
    connection.execute("ANALYZE trade.movements")
    connection.execute("ANALYZE trade.stock")


def _rows(trade: TraceTrade) -> Iterator[str]:
    step = 20_000
    leg_of: dict[int, int] = {}
    for begin in range(0, trade.movements, step):
        lines = []
        part = slice(begin, begin + step)
        for entry, kind, merchant, other, lot, amount in zip(
            *(column[part].tolist() for column in trade[1:]), strict=True
        ):
            leg = leg_of.get(entry, 0)
            leg_of = {entry: leg + 1}
            lines.append(_row(entry, leg, kind, merchant, other, lot, amount))
        yield "".join(lines)


def _row(entry: int, leg: int, kind: int, merchant: int, other: int, lot: int, amount: int) -> str:
    product, key = name_of(lot)
    who, whom = merchant_of(merchant), "\\N" if other < 0 else merchant_of(other)
    sign = 1 if kind in (RECEIVED, MADE, APPEARED) else -1
    at = (BEGAN + timedelta(seconds=entry)).isoformat()
    fields = {
        "position": entry, "original": entry, "leg": leg, "stream": f"t-{merchant}", "number": entry,
        "kind": KINDS[kind], "merchant": who, "premises": f"{who}-a", "counterparty": whom,
        "read_merchant": who, "read_counterparty": whom, "read_product": product, "read_lot": key,
        "stated_unit": UNIT, "stated": amount, "product": product, "lot": key, "unit": UNIT,
        "amount": amount, "sign": sign, "delta": sign * amount, "business_date": at[:10],
        "happened": at, "uncertainty_s": 3, "received": at, "session": "s",
        "process": "mixed" if kind in (USED, MADE) else "\\N",
    }  # fmt: skip
    return "\t".join(str(fields.get(name, "\\N")) for name in MOVEMENTS.columns) + "\n"


def segment_of(trade: TraceTrade) -> Segment:
    """Adds a trade up into a segment without any database, as building from the views does."""
    lots, numbers, product, products = number_lots([name_of(lot) for lot in range(trade.lots)])
    lot = numbers[trade.lot]
    words: dict[str, Sequence[Any]] = {
        "places": [(merchant_of(n), f"{merchant_of(n)}-a") for n in range(MERCHANTS)],
        "merchants": [merchant_of(n) for n in range(MERCHANTS)], "units": [UNIT],
        "products": products, "loose": [],
    }  # fmt: skip
    between = trade.other >= 0
    toward = np.where(trade.kind[between] == SOLD, 1, -1) * trade.amount[between]
    return Segment(
        Stamp(int(trade.entry[-1]), "", trade.movements), lots, product, words,
        lines=_lines(lot, trade), told=_told(lot[between], trade.other[between], toward),
        used=_links(trade, lot, USED), made=_links(trade, lot, MADE),
    )  # fmt: skip


def _lines(lot: Array, trade: TraceTrade) -> Lines:
    order, starts = _groups(lot, trade.merchant)
    amount = trade.amount[order]
    columns = {
        0: (RECEIVED, APPEARED), 1: (MADE,), 2: (SOLD, RETAIL), 4: (USED,), 6: (RETAIL,),
    }  # fmt: skip
    sums = np.zeros((len(starts), 7), np.int64)
    for column, kinds in columns.items():
        meant = np.where(np.isin(trade.kind[order], kinds), amount, 0)
        sums[:, column] = np.add.reduceat(meant, starts)
    count = np.diff(np.r_[starts, len(order)])
    return Lines(
        lot[order][starts].astype(np.int32), trade.merchant[order][starts],
        np.zeros(len(starts), np.uint8), count.astype(np.int32), sums,
    )  # fmt: skip


def _told(lot: Array, other: Array, amount: Array) -> ToldSums:
    order, starts = _groups(lot, other)
    count = np.diff(np.r_[starts, len(order)])
    return ToldSums(
        lot[order][starts].astype(np.int32), other[order][starts],
        np.zeros(len(starts), np.uint8), count.astype(np.int32),
        np.add.reduceat(amount[order], starts),
    )  # fmt: skip


def _groups(lot: Array, who: Array) -> tuple[Array, Array]:
    order = np.lexsort((who, lot))
    changes = (np.diff(lot[order]) != 0) | (np.diff(who[order]) != 0)
    return order, np.flatnonzero(np.r_[True, changes])


def _links(trade: TraceTrade, lot: Array, kind: int) -> Links:
    meant = trade.kind == kind
    entry, of = trade.entry[meant], lot[meant].astype(np.int32)
    order = np.lexsort((of, entry))
    return Links(entry[order].astype(np.int64), of[order])


def sizes_of(trade: TraceTrade) -> Array:
    """Returns how many movements each lot has."""
    counted: Array = np.bincount(trade.lot, minlength=trade.lots)
    return counted
