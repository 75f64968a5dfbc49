"""Pairs: what both sides of a trade say of it, and who has not said anything yet."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from ledger.events.reports import Report
from ledger.projections.fold import Entry, Fold
from ledger.projections.merchants import MERCHANTS, PREMISES, MarketDay, PremisesKnown
from ledger.projections.movements import (
    MOVEMENTS,
    GoodsReport,
    Moved,
    Movement,
    Unmoved,
    legs_of,
)
from ledger.projections.parties import MERGED_MARKS, names_of
from ledger.projections.seen import SeenBy
from ledger.projections.table import Key, Position, Rows, Table

# Who scans in the evening or next day is in time; on the second day the other side is asked.
ONE_SIDED_AFTER = timedelta(days=2)
# Who was never heard of in a month of mornings will not be: nobody is asked about it any more.
ASKED_FOR = timedelta(days=31)
# Without a number, what one side states as of one day the other may state as of a day so near.
TRADING_DAYS = timedelta(days=2)
# And what never comes out even is not added up over longer than this.
RUN_DAYS = timedelta(days=7)
# Sellers the law asks sales records of (Food Safety Law of the PRC, articles 51 and 53(4)).
SELLERS_BOUND = ("producer", "processor", "importer", "wholesaler")


class PairCell(msgspec.Struct):
    """What seller and buyer report of one lot, delivery number and business day, in thousandths.

    Without a number `delivery` is empty. Returns are taken off again on the side that states them.
    Where one side is silent, `ask_on` is the market's next morning on which that is looked at, and
    `asked` says that there is an alert for it.
    """

    seller: str
    buyer: str
    product: str
    unit: str
    delivery: str
    lot: str
    day: date
    sold: int
    received: int
    sold_entries: Position
    received_entries: Position
    last_received: datetime
    premises: str
    market: str
    ask_on: date | None
    asked: bool


class PairedNumber(msgspec.Struct):
    """How many entries of each side carry a delivery's number, product by product.

    `asked` counts its cells that have an alert.
    """

    seller: str
    buyer: str
    product: str
    unit: str
    delivery: str
    sold_entries: Position
    received_entries: Position
    asked: Position


class Heard(msgspec.Struct):
    """When the reports under a merchant's name first and last came."""

    merchant: str
    first: datetime
    last: datetime


PAIR_CELLS = Table(
    "pair_cells", PairCell, ("seller", "buyer", "product", "unit", "delivery", "lot", "day"),
    ("(buyer)", "(market, ask_on) WHERE ask_on IS NOT NULL"), seen=SeenBy(of=("seller", "buyer")))  # fmt: skip
PAIRED_NUMBERS = Table(
    "paired_numbers",
    PairedNumber,
    ("seller", "buyer", "product", "unit", "delivery"),
    seen=SeenBy(of=("seller", "buyer")),
)
HEARD = Table("heard", Heard, ("merchant",))


class OneSided(NamedTuple):
    """Signal: one side alone has reported a lot's trade, `silent` not; null once that is over."""

    cell: PairCell
    silent: str | None


class Side(NamedTuple):
    """A movement as one side's word of a trade: whose goods went to whom, and how much."""

    seller: str
    buyer: str
    amount: int
    sells: bool


def side_of(movement: Movement) -> Side | None:
    """Returns a movement as one side of its trade with another merchant; None for others.

    A merchant's goods between its own premises change hands with nobody.
    """
    other = movement.counterparty
    if other is None or other == movement.merchant:
        return None
    match movement.kind:
        case "goods-sold":
            return Side(movement.merchant, other, movement.amount, True)
        case "goods-received":
            return Side(other, movement.merchant, movement.amount, False)
        case "goods-returned" if movement.sign < 0:
            return Side(other, movement.merchant, -movement.amount, False)
        case "goods-returned":
            return Side(movement.merchant, other, -movement.amount, True)
    return None


class Run(NamedTuple):
    """Trading days of one lot without a number, which are held against each other."""

    first: date
    last: date
    sold: int
    received: int
    sold_entries: int
    received_entries: int


def trading_runs(cells: Iterable[PairCell]) -> list[Run]:
    """Returns the runs of one lot's cells, which state no number that both sides carry.

    A run ends when both sides have said the same, when more than two days go by without either, or
    after a week: so steady trade is no single sum, and an answer a day late is still one.
    """
    runs: list[Run] = []
    for cell in sorted(cells, key=lambda cell: cell.day):
        run = runs[-1] if runs else None
        # What balances on a day may go on that same day under another number.
        even = run is not None and run.sold == run.received and cell.day > run.last
        if (
            run is None
            or even
            or cell.day - run.last > TRADING_DAYS
            or cell.day - run.first > RUN_DAYS
        ):
            run = Run(cell.day, cell.day, 0, 0, 0, 0)
            runs.append(run)
        runs[-1] = Run(
            run.first, cell.day, run.sold + cell.sold, run.received + cell.received,
            run.sold_entries + cell.sold_entries, run.received_entries + cell.received_entries,
        )  # fmt: skip
    return runs


def is_confirmed(rows: Rows, movement: Movement) -> bool:
    """Tells whether both sides of a movement's trade say the same of it, as known now."""
    side = side_of(movement)
    if side is None:
        return False
    seller, buyer, product, unit, delivery = key = _number_key(side, movement)
    same = {"seller": seller, "buyer": buyer, "product": product, "unit": unit}
    if _is_paired(rows, key):
        cells = rows.select(PAIR_CELLS, same | {"delivery": delivery})
        sold, received = sum(c.sold for c in cells), sum(c.received for c in cells)
        return bool(sold == received)
    cells = rows.select(PAIR_CELLS, same | {"lot": movement.lot})
    runs = trading_runs(c for c in cells if not _is_paired(rows, PAIRED_NUMBERS.key_of(c)))
    return any(
        run.sold == run.received and run.sold_entries and run.received_entries
        for run in runs
        if run.first <= movement.business_date <= run.last
    )


def _is_paired(rows: Rows, key: tuple[str, str, str, str, str]) -> bool:
    """Tells whether both sides carry a delivery's number."""
    number = rows.get(PAIRED_NUMBERS, *key) if key[4] else None
    return number is not None and bool(number.sold_entries and number.received_entries)


class Pairs:
    """Both sides by totals, a function of the set of reports and not of their order."""

    name = "pairs"
    tables = (PAIR_CELLS, PAIRED_NUMBERS, HEARD)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The cells and numbers this entry adds to, and when its merchant was heard."""
        if not isinstance(entry.event, Report):
            return
        yield HEARD, (entry.event.merchant,)
        if isinstance(entry.event, GoodsReport):
            for leg in legs_of(entry, entry.event):
                if (side := side_of(leg)) is not None:
                    number = _number_key(side, leg)
                    yield PAIRED_NUMBERS, number
                    yield PAIR_CELLS, (*number, leg.lot, leg.business_date)

    def fold(self, fold: Fold) -> None:
        """Takes in both sides' movements; asks who is silent when a market's day begins."""
        if isinstance(fold.entry.event, Report):
            _hear(fold, fold.entry.event.merchant)
        for signal in list(fold.signals):
            match signal:
                case Moved(movement):
                    _count(fold, movement, 1)
                case Unmoved(movement):
                    _count(fold, movement, -1)
                case PremisesKnown(premises, market):
                    nowhere = {"market": "", "premises": premises}
                    for cell in fold.rows.select(PAIR_CELLS, nowhere):
                        cell.market = market
                        fold.rows.put(PAIR_CELLS, cell)
                case MarketDay(market, day):
                    due = fold.rows.select(PAIR_CELLS, {"market": market}, {"ask_on": day})
                    _load_due(fold, due)
                    for cell in due:
                        _ask(fold, cell, day)


def _hear(fold: Fold, merchant: str) -> None:
    received = fold.entry.received
    row = fold.rows.get(HEARD, merchant) or Heard(merchant, received, received)
    if row.last <= received:
        row.last = received
        fold.rows.put(HEARD, row)


def _number_key(side: Side, movement: Movement) -> tuple[str, str, str, str, str]:
    return side.seller, side.buyer, movement.product, movement.unit, movement.delivery or ""


def _count(fold: Fold, movement: Movement, sign: int) -> None:
    side = side_of(movement)
    if side is None:
        return
    key, nothing = _number_key(side, movement), Position(0)
    number = fold.rows.get(PAIRED_NUMBERS, *key) or PairedNumber(*key, nothing, nothing, nothing)
    cell = fold.rows.get(PAIR_CELLS, *key, movement.lot, movement.business_date)
    if cell is None:
        cell = PairCell(*key, movement.lot, movement.business_date, 0, 0, nothing, nothing,
                        movement.received, movement.premises, "", None, False)  # fmt: skip
    if side.sells:
        cell.sold += sign * side.amount
        cell.sold_entries = Position(cell.sold_entries + sign)
        number.sold_entries = Position(number.sold_entries + sign)
    else:
        cell.received += sign * side.amount
        cell.received_entries = Position(cell.received_entries + sign)
        number.received_entries = Position(number.received_entries + sign)
    if sign > 0:
        _note_when(cell, movement)
    else:
        _note_again(fold, cell)
    place = fold.rows.get(PREMISES, cell.premises)
    cell.market = place.market if place is not None else ""
    if bool(cell.sold_entries) == bool(cell.received_entries):
        # Whoever was asked has answered, or there is nothing left to ask about.
        _tell(fold, cell, None)
        cell.ask_on = None
    elif cell.ask_on is None:
        cell.ask_on = cell.day + ONE_SIDED_AFTER
    for table, row in ((PAIRED_NUMBERS, number), (PAIR_CELLS, cell)):
        empty = not (row.sold_entries or row.received_entries)
        (fold.rows.drop if empty else fold.rows.put)(table, row)
    if number.asked and number.sold_entries and number.received_entries:
        same = dict(zip(PAIRED_NUMBERS.key, key, strict=True)) | {"asked": True}
        for asked in fold.rows.select(PAIR_CELLS, same):
            _tell(fold, asked, None)


def _note_when(cell: PairCell, movement: Movement) -> None:
    cell.last_received = max(cell.last_received, movement.received)
    cell.premises = min(cell.premises, movement.premises)


def _note_again(fold: Fold, cell: PairCell) -> None:
    """What was taken back no longer says when or where a trade was."""
    same = {"product": cell.product, "lot": cell.lot, "believed_to": None}
    left = [
        m for m in fold.rows.select(MOVEMENTS, same | {"business_date": cell.day})
        if m.unit == cell.unit and (m.delivery or "") == cell.delivery
        and (side := side_of(m)) is not None
        and (side.seller, side.buyer) == (cell.seller, cell.buyer)
    ]  # fmt: skip
    if left:
        cell.last_received, cell.premises = left[0].received, left[0].premises
        for movement in left:
            _note_when(cell, movement)


def _load_due(fold: Fold, due: Sequence[PairCell]) -> None:
    """Loads at once what many cells are judged by."""
    wanted: list[tuple[Table, Key]] = [(PAIRED_NUMBERS, PAIRED_NUMBERS.key_of(c)) for c in due]
    for merchant in {_other_side(cell) for cell in due}:
        wanted += [(HEARD, (merchant,)), (MERCHANTS, (merchant,)), (MERGED_MARKS, (merchant,))]
    fold.rows.prefetch(wanted)


def _other_side(cell: PairCell) -> str:
    """Returns who has not spoken of a cell that one side has."""
    return cell.buyer if cell.sold_entries else cell.seller


def _ask(fold: Fold, cell: PairCell, day: date) -> None:
    """Asks the silent side, or no longer; looks again next morning while there is somebody to ask."""
    silent = _silent(fold, cell)
    _tell(fold, cell, silent)
    lasting = silent is not None or day - cell.day < ASKED_FOR
    cell.ask_on = day + timedelta(days=1) if lasting else None
    fold.rows.put(PAIR_CELLS, cell)


def _tell(fold: Fold, cell: PairCell, silent: str | None) -> None:
    """Says whether somebody is asked about a cell, where that changes."""
    if cell.asked == (silent is not None):
        return
    cell.asked = silent is not None
    fold.rows.put(PAIR_CELLS, cell)
    number = fold.rows.get(PAIRED_NUMBERS, *PAIRED_NUMBERS.key_of(cell))
    if number is not None:
        number.asked = Position(number.asked + (1 if cell.asked else -1))
        fold.rows.put(PAIRED_NUMBERS, number)
    fold.signals.append(OneSided(cell, silent))


def _silent(fold: Fold, cell: PairCell) -> str | None:
    """Returns who should have reported a trade: registered, bound to, and heard since."""
    if cell.sold_entries and cell.received_entries:
        return None
    silent = _other_side(cell)
    names = names_of(fold.rows, silent)
    kinds = [row.kind for name in names if (row := fold.rows.get(MERCHANTS, name)) is not None]
    heard = [row for name in names if (row := fold.rows.get(HEARD, name)) is not None]
    bound = kinds if silent == cell.buyer else set(kinds) & set(SELLERS_BOUND)
    if not bound or not heard:
        return None
    in_reach = min(h.first for h in heard) <= cell.last_received < max(h.last for h in heard)
    return silent if in_reach and not _is_answered(fold, cell) else None


def _is_answered(fold: Fold, cell: PairCell) -> bool:
    """Tells whether the other side speaks of the number; or of the lot, or of none, about that day.

    What both sides state under a number of its own answers nothing else.
    """
    if _is_paired(fold.rows, PAIRED_NUMBERS.key_of(cell)):
        return True
    same = {"seller": cell.seller, "buyer": cell.buyer, "product": cell.product}
    wanted = "received_entries" if cell.sold_entries else "sold_entries"
    return any(
        getattr(other, wanted) and (other.lot in (cell.lot, "") or cell.lot == "")
        and abs(other.day - cell.day) <= TRADING_DAYS
        and not _is_paired(fold.rows, PAIRED_NUMBERS.key_of(other))
        for other in fold.rows.select(PAIR_CELLS, same)
    )  # fmt: skip
