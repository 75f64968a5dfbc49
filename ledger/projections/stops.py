"""Stops: which lots holds and recalls stop, or may, as far as the record tells lots apart.

Held goods are a state of their own: a lot in `stopped_lots` whose row is not ended is held or
recalled wherever it stands in stock.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from ledger.events.base import Event
from ledger.events.cases import MerchantMerged
from ledger.events.holds import (
    DeadlinePassed,
    HoldBecameRecall,
    HoldPlaced,
    HoldReleased,
    StoppedGoods,
)
from ledger.events.recalls import (
    RecallNarrowed,
    RecallPublished,
    RecallWidened,
    RecallWithdrawn,
)
from ledger.events.reports import StopMet
from ledger.projections.as_read import lot_of
from ledger.projections.fold import Entry, Fold
from ledger.projections.lots import LOTS, Lot
from ledger.projections.movements import (
    MOVEMENTS,
    GoodsReport,
    Moved,
    Movement,
    Unmoved,
    legs_of,
)
from ledger.projections.parties import merchant_of
from ledger.projections.products import ConversionKnown, base_of
from ledger.projections.stopped_lots import (
    STOP_LINES,
    STOP_MARKS,
    STOPPED_LOTS,
    SoldAnyway,
    SoldWhileStopped,
    StopLineRow,
    StopMark,
    StoppedLot,
)
from ledger.projections.table import Key, Position, Rows, Table
from ledger.rules.stops import Meets, Met, meets

# What shows that goods are a supplier's own, though nobody has said yet that they came from it.
HAS_TO_SELL = ("made", "stock-counted", "goods-sold")
# What a merchant may not do with goods that are stopped.
SALES = ("goods-sold", "day-sales", "goods-used", "used-in")


class _Stop(NamedTuple):
    kind: str
    name: str


class Stops:
    """What may not be sold, lot by lot."""

    name = "stops"
    tables = (STOP_LINES, STOP_MARKS, STOPPED_LOTS)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The marks of what moves, once anything is stopped at all."""
        if not isinstance(entry.event, GoodsReport):
            return
        yield STOP_MARKS, ("", "")
        if rows.get(STOP_MARKS, "", "") is not None:
            for leg in legs_of(entry, entry.event):
                for place in _places(rows, leg):
                    yield STOP_MARKS, place

    def fold(self, fold: Fold) -> None:
        """Takes in holds and recalls, and what moves of what they stop."""
        _of_stops(fold, fold.entry.event)
        _of_hands(fold, fold.entry.event)
        if fold.rows.get(STOP_MARKS, "", "") is None:
            return
        for known in fold.of(ConversionKnown):
            _reconvert(fold, known.gtin)
        for signal in list(fold.signals):
            match signal:
                case Moved(movement) if stops := _marked(fold.rows, movement):
                    if _tells_apart(fold, movement):
                        _restate(fold, [(movement.product, movement.lot)], stops)
                    if movement.kind in SALES and (stop := _sold_under(fold, movement)):
                        fold.signals.append(SoldWhileStopped(movement, stop))
                case Unmoved(movement) if movement.kind in SALES:
                    fold.signals.append(SoldWhileStopped(movement, None))


def stopped_as(rows: Rows, product: str, lot: str) -> str | None:
    """Returns by what a lot is stopped now: `recalled` or `held`, or None."""
    if rows.get(STOP_MARKS, "", "") is None:
        return None
    found = rows.select(STOPPED_LOTS, {"product": product, "lot": lot, "ended_at": None})
    kinds = {row.kind for row in found}
    return "recalled" if "recall" in kinds else "held" if "hold" in kinds else None


def _of_stops(fold: Fold, event: Event) -> None:
    match event:
        case HoldPlaced(hold=name, goods=goods, placed_at=since):
            _open(fold, _Stop("hold", name), goods, since)
        case RecallPublished(recall=name, goods=goods, published_at=since):
            _open(fold, _Stop("recall", name), goods, since)
        case RecallWidened(recall=name, goods=goods):
            _open(fold, _Stop("recall", name), goods, fold.entry.received)
        case RecallNarrowed(recall=name, goods=goods):
            _end(fold, _Stop("recall", name), goods)
        case RecallWithdrawn(recall=name):
            _end(fold, _Stop("recall", name), None)
        case MerchantMerged(merchant=merchant, into=into):
            _merge_supplier(fold, {merchant, into})
        case (
            HoldReleased(hold=name) | HoldBecameRecall(hold=name)
            | DeadlinePassed(what="hold-ends", subject=name)
        ):  # fmt: skip
            _end(fold, _Stop("hold", name), None)


def _merge_supplier(fold: Fold, names: set[str]) -> None:
    """Holds what came from a merchant, under whichever name, against stops of any of its names."""
    known = {merchant_of(fold.rows, name) for name in names}
    for mark in fold.rows.select(STOP_MARKS, {"what": "s"}):
        if mark.value in names or merchant_of(fold.rows, mark.value) in known:
            for name in mark.stops:
                stop = _Stop(*name.split(":", 1))
                for merchant in known:
                    _mark_one(fold.rows, "s", merchant, stop)
                lots = {
                    lot for row in _lines(fold.rows, stop) if row.supplier is not None
                    for lot in _lots_of(fold.rows, _read(row))
                }  # fmt: skip
                _restate(fold, sorted(lots), [stop])


def _of_hands(fold: Fold, event: Event) -> None:
    if isinstance(event, StopMet) and event.outcome == "sold-anyway":
        product = base_of(fold.rows, event.goods.product)[0]
        merchant, lot = merchant_of(fold.rows, event.merchant), lot_of(event.goods, None)
        told = SoldAnyway(merchant, event.premises, product, lot, event.stop)
        fold.signals.append(told)


def _open(fold: Fold, stop: _Stop, goods: Sequence[StoppedGoods], since: datetime) -> None:
    position = Position(fold.entry.position)
    wanted: set[tuple[str, str]] = set()
    for index, line in enumerate(goods):
        row = StopLineRow(
            stop.kind, stop.name, position, Position(index), line.product, line.supplier,
            msgspec.json.encode(line), since, None,
        )  # fmt: skip
        fold.rows.put(STOP_LINES, row)
        _mark(fold.rows, stop, line)
    # Of many lots of one product its lots are looked up once.
    for line in {(line.product, line.supplier): line for line in goods}.values():
        wanted |= _lots_of(fold.rows, line)
    _restate(fold, sorted(wanted), [stop])


def _end(fold: Fold, stop: _Stop, goods: Sequence[StoppedGoods] | None) -> None:
    """Ends lines of a stop, all where none are named."""
    lines = _lines(fold.rows, stop)
    for row in lines:
        if goods is None or _read(row) in goods:
            row.ended_at = Position(fold.entry.position)
            fold.rows.put(STOP_LINES, row)
    if all(row.ended_at is not None for row in lines):
        _unmark(fold.rows, stop)
    known = fold.rows.select(STOPPED_LOTS, {"kind": stop.kind, "stop": stop.name, "ended_at": None})
    _restate(fold, [(row.product, row.lot) for row in known], [stop])


def _mark(rows: Rows, stop: _Stop, line: StoppedGoods) -> None:
    if line.product is not None:
        _mark_one(rows, "p", line.product, stop)
        _mark_one(rows, "p", base_of(rows, line.product)[0], stop)
    elif line.supplier is not None:
        _mark_one(rows, "s", line.supplier, stop)
        _mark_one(rows, "s", merchant_of(rows, line.supplier), stop)


def _mark_one(rows: Rows, what: str, value: str, stop: _Stop) -> None:
    known, name = rows.get(STOP_MARKS, what, value), f"{stop.kind}:{stop.name}"
    if known is None or name not in known.stops:
        stops = {*(known.stops if known else ()), name}
        rows.put(STOP_MARKS, StopMark(what, value, tuple(sorted(stops))))
    if rows.get(STOP_MARKS, "", "") is None:
        rows.put(STOP_MARKS, StopMark("", "", ()))


def _unmark(rows: Rows, stop: _Stop) -> None:
    """Takes a stop that is over off every mark, so that what moves is not held against it."""
    name = f"{stop.kind}:{stop.name}"
    for mark in [*rows.select(STOP_MARKS, {"what": "p"}), *rows.select(STOP_MARKS, {"what": "s"})]:
        if name in mark.stops:
            left = tuple(other for other in mark.stops if other != name)
            rows.put(STOP_MARKS, StopMark(mark.what, mark.value, left))


def _reconvert(fold: Fold, gtin: str) -> None:
    """Lets lines of a product mean what it is now a case of."""
    base = base_of(fold.rows, gtin)[0]
    for row in fold.rows.select(STOP_LINES, {"product": gtin, "ended_at": None}):
        _mark(fold.rows, _Stop(row.kind, row.stop), _read(row))
        lots = [(base, lot.lot) for lot in fold.rows.select(LOTS, {"product": base})]
        _restate(fold, lots, [_Stop(row.kind, row.stop)])


def _places(rows: Rows, leg: Movement) -> set[tuple[str, str]]:
    """Returns the marks that a movement has to be held against."""
    found = {("p", leg.read_product), ("p", base_of(rows, leg.read_product)[0]), ("p", leg.product)}
    # Under either name: a supplier may have been merged since it was stopped.
    found |= {("s", leg.merchant), ("s", leg.read_merchant or "")}
    if leg.kind == "goods-received" and leg.counterparty is not None:
        found |= {("s", leg.counterparty), ("s", leg.read_counterparty or "")}
    return found


def _marked(rows: Rows, leg: Movement) -> list[_Stop]:
    found: set[str] = set()
    for place in _places(rows, leg):
        if (mark := rows.get(STOP_MARKS, *place)) is not None:
            found.update(mark.stops)
    return [_Stop(*name.split(":", 1)) for name in sorted(found)]


def _tells_apart(fold: Fold, leg: Movement) -> bool:
    """Tells whether a movement says anything of its lot that may change what stops it."""
    lot = fold.rows.get(LOTS, leg.product, leg.lot)
    is_new = lot is not None and lot.first_position == fold.entry.position
    dated = leg.produced is not None or leg.expires is not None
    received = leg.kind == "goods-received" and leg.counterparty is not None
    return is_new or dated or received or fold.rows.get(STOP_MARKS, "s", leg.merchant) is not None


def _lots_of(rows: Rows, line: StoppedGoods) -> set[tuple[str, str]]:
    """Returns the lots that a line may stop, as far as any are known."""
    if line.product is not None:
        base = base_of(rows, line.product)[0]
        return {(base, lot.lot) for lot in rows.select(LOTS, {"product": base})}
    supplier = merchant_of(rows, line.supplier or "")
    supplied = {"counterparty": supplier, "kind": "goods-received", "believed_to": None}
    found = {(row.product, row.lot) for row in rows.select(MOVEMENTS, supplied)}
    for kind in HAS_TO_SELL:
        own = {"merchant": supplier, "kind": kind, "believed_to": None}
        found |= {(row.product, row.lot) for row in rows.select(MOVEMENTS, own)}
    return found


def _restate(fold: Fold, lots: Sequence[tuple[str, str]], stops: Sequence[_Stop]) -> None:
    """Works out anew whether these stops stop these lots."""
    for stop in stops:
        by_product: dict[str | None, list[tuple[StopLineRow, StoppedGoods]]] = {}
        for row in _lines(fold.rows, stop) if lots else ():
            base = None if row.product is None else base_of(fold.rows, row.product)[0]
            by_product.setdefault(base, []).append((row, _read(row)))
        for product, lot in lots:
            lines = [*by_product.get(product, ()), *by_product.get(None, ())]
            _restate_lot(fold, product, lot, stop, lines)


def _restate_lot(
    fold: Fold,
    product: str,
    lot: str,
    stop: _Stop,
    lines: Sequence[tuple[StopLineRow, StoppedGoods]],
) -> None:
    position, known = Position(fold.entry.position), fold.rows.get(LOTS, product, lot)
    row = fold.rows.get(STOPPED_LOTS, product, lot, *stop)
    found = []
    for line, goods in lines:
        how = meets(goods, _met(fold.rows, product, lot, known, goods))
        if how is not None and goods.supplier is not None:
            how = _surely_from(fold.rows, product, lot, goods.supplier, how)
        if how is not None:
            found.append((how == "stopped", line.since, how))
    if not found:
        if row is not None and row.ended_at is None:
            row.ended, row.ended_at = fold.entry.received, position
            fold.rows.put(STOPPED_LOTS, row)
        return
    how = "stopped" if any(sure for sure, _, _ in found) else "possible"
    if row is not None and row.ended_at is None and row.how == how:
        return
    # Where a supplier's lot goes on, nobody names the supplier any more.
    _mark_one(fold.rows, "p", product, stop)
    since = min(at for _, at, told in found if told == how)
    fold.rows.put(STOPPED_LOTS, StoppedLot(product, lot, *stop, how, since, position, None, None))


def _surely_from(rows: Rows, product: str, lot: str, supplier: str, how: Meets) -> Meets:
    """A lot came from its supplier for sure where that made it; else others may have had it first."""
    made = {"product": product, "lot": lot, "kind": "made", "believed_to": None}
    its_own = rows.any(MOVEMENTS, made | {"merchant": merchant_of(rows, supplier)})
    return how if its_own else "possible"


def _met(rows: Rows, product: str, lot: str, known: Lot | None, line: StoppedGoods) -> Met:
    """Returns a lot as what a line is held against."""
    kind, _, value = lot.partition(":")
    products = {product}
    if line.product is not None and base_of(rows, line.product)[0] == product:
        products.add(line.product)
    suppliers = None
    if line.supplier is not None:
        supplier = merchant_of(rows, line.supplier)
        suppliers = [line.supplier] if _came_by(rows, product, lot, supplier) else []
    return Met(
        products=products,
        lot=value if kind == "L" else None,
        delivery=value if kind == "R" else None,
        produced=known.produced if known else None,
        expires=known.expires if known else None,
        suppliers=suppliers,
    )


def _came_by(rows: Rows, product: str, lot: str, supplier: str) -> bool:
    """Tells whether any of a lot was a supplier's own to sell, or was received from it."""
    same = {"product": product, "lot": lot, "believed_to": None}
    if rows.any(MOVEMENTS, same | {"counterparty": supplier, "kind": "goods-received"}):
        return True
    return any(
        rows.any(MOVEMENTS, same | {"merchant": supplier, "kind": kind}) for kind in HAS_TO_SELL
    )


def _sold_under(fold: Fold, sale: Movement) -> str | None:
    """Returns the stop under which goods were surely sold, if any."""
    earliest = sale.happened - timedelta(seconds=sale.uncertainty_s)
    known: list[StoppedLot] = fold.rows.select(
        STOPPED_LOTS, {"product": sale.product, "lot": sale.lot}
    )
    latest = sale.happened + timedelta(seconds=sale.uncertainty_s)
    stopped = [row for row in known if row.how == "stopped"]
    # From before its earliest time until after its latest, one stop or one that went on from it.
    begun = [row for row in stopped if row.since <= earliest]
    going = [row for row in stopped if row.ended is None or latest < row.ended]
    for row in sorted(going, key=lambda row: row.since, reverse=True):
        if any(b.ended is None or row.since <= b.ended for b in begun) and row.since <= latest:
            return row.stop
    return None


def _lines(rows: Rows, stop: _Stop) -> list[StopLineRow]:
    return rows.select(STOP_LINES, {"kind": stop.kind, "stop": stop.name, "ended_at": None})


def _read(row: StopLineRow) -> StoppedGoods:
    return msgspec.json.decode(row.goods, type=StoppedGoods)
