"""Stops: which lots holds and recalls stop, or may, as far as the record tells lots apart.

Held goods are a state of their own: a lot in `stopped_lots` whose row is not ended is held or
recalled wherever it stands in stock.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain, groupby
from operator import itemgetter

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
from ledger.projections.products import ConversionKnown, base_of, family_of
from ledger.projections.stop_lines import (
    LinesOf,
    Stop,
    lines_of,
    mark_line,
    mark_one,
    read_line,
    unmark,
)
from ledger.projections.stopped_lots import (
    STOP_LINES,
    STOP_MARKS,
    STOPPED_LOTS,
    SoldAnyway,
    SoldWhileStopped,
    StopLineRow,
    StoppedLot,
)
from ledger.projections.table import Key, Position, Rows, Table
from ledger.rules.stops import Meets, Met, meets

# What shows that goods are a supplier's own, though nobody has said yet that they came from it.
HAS_TO_SELL = ("made", "stock-counted", "goods-sold")
# So many lots are looked up one by one; for more, a stop's lines are read once.
FEW = 20
# What a merchant may not do with goods that are stopped.
SALES = ("goods-sold", "day-sales", "goods-used", "used-in")


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
            _open(fold, Stop("hold", name), goods, since)
        case RecallPublished(recall=name, goods=goods, published_at=since):
            _open(fold, Stop("recall", name), goods, since)
        case RecallWidened(recall=name, goods=goods):
            _open(fold, Stop("recall", name), goods, fold.entry.received)
        case RecallNarrowed(recall=name, goods=goods):
            _end(fold, Stop("recall", name), goods)
        case RecallWithdrawn(recall=name):
            _end(fold, Stop("recall", name), None)
        case MerchantMerged(merchant=merchant, into=into):
            _merge_supplier(fold, {merchant, into})
        case (
            HoldReleased(hold=name) | HoldBecameRecall(hold=name)
            | DeadlinePassed(what="hold-ends", subject=name)
        ):  # fmt: skip
            _end(fold, Stop("hold", name), None)


def _merge_supplier(fold: Fold, names: set[str]) -> None:
    """Holds what came from a merchant, under whichever name, against stops of any of its names."""
    known = {merchant_of(fold.rows, name) for name in names}
    for mark in fold.rows.select(STOP_MARKS, {"what": "s"}):
        if mark.value in names or merchant_of(fold.rows, mark.value) in known:
            for name in mark.stops:
                stop = Stop(*name.split(":", 1))
                for merchant in known:
                    mark_one(fold.rows, "s", merchant, stop)
                lots = {
                    lot for row in lines_of(fold.rows, stop) if row.supplier is not None
                    for lot in _lots_of(fold.rows, read_line(row))
                }  # fmt: skip
                _restate(fold, sorted(lots), [stop])


def _of_hands(fold: Fold, event: Event) -> None:
    if isinstance(event, StopMet) and event.outcome == "sold-anyway":
        product = base_of(fold.rows, event.goods.product)[0]
        merchant, lot = merchant_of(fold.rows, event.merchant), lot_of(event.goods, None)
        told = SoldAnyway(merchant, event.premises, product, lot, event.stop)
        fold.signals.append(told)


def _open(fold: Fold, stop: Stop, goods: Sequence[StoppedGoods], since: datetime) -> None:
    position = Position(fold.entry.position)
    wanted: set[tuple[str, str]] = set()
    for index, line in enumerate(goods):
        row = StopLineRow(
            stop.kind, stop.name, position, Position(index), line.product, line.lot, line.supplier,
            msgspec.json.encode(line), since, None,
        )  # fmt: skip
        fold.rows.put(STOP_LINES, row)
        mark_line(fold.rows, stop, line)
    # Of many lots of one product its lots are looked up once.
    for line in {(line.product, line.supplier): line for line in goods}.values():
        wanted |= _lots_of(fold.rows, line)
    _restate(fold, _named_by(fold.rows, wanted, goods), [stop])


def _end(fold: Fold, stop: Stop, goods: Sequence[StoppedGoods] | None) -> None:
    """Ends lines of a stop, all where none are named."""
    lines = lines_of(fold.rows, stop)
    meant = None if goods is None else set(goods)
    for row in lines:
        if meant is None or read_line(row) in meant:
            row.ended_at = Position(fold.entry.position)
            fold.rows.put(STOP_LINES, row)
    known = fold.rows.select(STOPPED_LOTS, {"kind": stop.kind, "stop": stop.name, "ended_at": None})
    if any(row.ended_at is None for row in lines):
        lots = {(row.product, row.lot) for row in known}
        _restate(fold, _named_by(fold.rows, lots, goods or ()), [stop])
        return
    unmark(fold.rows, stop)
    for row in known:
        _end_lot(fold, row)


def _named_by(
    rows: Rows, lots: Iterable[tuple[str, str]], goods: Iterable[StoppedGoods]
) -> list[tuple[str, str]]:
    """Returns those of these lots that lines may name: a line that says a number names no other."""
    numbers: dict[str, set[str] | None] = {}
    for line in goods:
        base = "" if line.product is None else base_of(rows, line.product)[0]
        if line.lot is None or line.product is None:
            numbers[base] = None
        elif (known := numbers.setdefault(base, set())) is not None:
            known.add(line.lot)
    found = []
    for product, lot in sorted(lots):
        said = numbers.get(product, set())
        unnamed = not lot.startswith("L:") or "" in numbers or said is None
        if unnamed or (said is not None and lot[2:] in said):
            found.append((product, lot))
    return found


def _reconvert(fold: Fold, gtin: str) -> None:
    """Lets lines of a product mean what it is now a case of."""
    base, stops = base_of(fold.rows, gtin)[0], set()
    # Cases of it are cases of its base now, at whatever level.
    for name in family_of(fold.rows, gtin):
        for row in fold.rows.select(STOP_LINES, {"product": name, "ended_at": None}):
            mark_line(fold.rows, Stop(row.kind, row.stop), read_line(row))
            stops.add(Stop(row.kind, row.stop))
    if stops:
        lots = {(base, lot.lot) for lot in fold.rows.select(LOTS, {"product": base})}
        known = fold.rows.select(STOPPED_LOTS, {"product": gtin, "ended_at": None})
        former = {(row.product, row.lot) for row in known}
        _restate(fold, sorted(lots | former), sorted(stops))


def _places(rows: Rows, leg: Movement) -> set[tuple[str, str]]:
    """Returns the marks that a movement has to be held against."""
    found = {("p", leg.read_product), ("p", base_of(rows, leg.read_product)[0]), ("p", leg.product)}
    # Under either name: a supplier may have been merged since it was stopped.
    found |= {("s", leg.merchant), ("s", leg.read_merchant or "")}
    if leg.kind == "goods-received" and leg.counterparty is not None:
        found |= {("s", leg.counterparty), ("s", leg.read_counterparty or "")}
    return found


def _marked(rows: Rows, leg: Movement) -> list[Stop]:
    found: set[str] = set()
    for place in _places(rows, leg):
        if (mark := rows.get(STOP_MARKS, *place)) is not None:
            found.update(mark.stops)
    return [Stop(*name.split(":", 1)) for name in sorted(found)]


def _tells_apart(fold: Fold, leg: Movement) -> bool:
    """Tells whether a movement says anything of its lot that may change what stops it."""
    lot = fold.rows.get(LOTS, leg.product, leg.lot)
    is_new = lot is not None and lot.first_position == fold.entry.position
    dated = leg.produced is not None or leg.expires is not None
    received = leg.kind == "goods-received" and leg.counterparty is not None
    mark = fold.rows.get(STOP_MARKS, "s", leg.merchant)
    is_stopped = mark is not None and mark.stops != ()
    return is_new or dated or received or is_stopped


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


def _restate(fold: Fold, lots: Sequence[tuple[str, str]], stops: Sequence[Stop]) -> None:
    """Works out anew whether these stops stop these lots."""
    for stop in stops:
        fold.rows.prefetch(
            chain.from_iterable(
                ((LOTS, lot), (STOPPED_LOTS, (*lot, *stop))) for lot in lots
            )
        )  # fmt: skip
        for product, some in groupby(sorted(lots), key=itemgetter(0)):
            keys = [lot for _, lot in some]
            lines = LinesOf(fold.rows, stop, product, many=len(keys) > FEW)
            for lot in keys:
                _restate_lot(fold, product, lot, stop, lines.of(lot))


def _restate_lot(
    fold: Fold,
    product: str,
    lot: str,
    stop: Stop,
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
            _end_lot(fold, row)
        return
    how = "stopped" if any(sure for sure, _, _ in found) else "possible"
    if row is not None and row.ended_at is None and row.how == how:
        return
    # Where a supplier's lot goes on, nobody names the supplier any more.
    mark_one(fold.rows, "p", product, stop)
    since = min(at for _, at, told in found if told == how)
    fold.rows.put(STOPPED_LOTS, StoppedLot(product, lot, *stop, how, since, position, None, None))


def _end_lot(fold: Fold, row: StoppedLot) -> None:
    row.ended, row.ended_at = fold.entry.received, Position(fold.entry.position)
    fold.rows.put(STOPPED_LOTS, row)


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
