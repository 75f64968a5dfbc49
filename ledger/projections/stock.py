"""Stock: what each premises has of each lot, as its own reports add up."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from ledger.events.cases import DayBegan
from ledger.projections.as_read import LOT_UNKNOWN
from ledger.projections.by_date import marked, noted
from ledger.projections.fold import Entry, Fold
from ledger.projections.movements import (
    MOVEMENTS,
    GoodsReport,
    Moved,
    Movement,
    Unmoved,
    legs_of,
)
from ledger.projections.shelves import (
    SHELVES,
    STOCK,
    Shelf,
    Stock,
    is_short,
    is_uncertain,
    new_line,
    new_shelf,
)
from ledger.projections.table import Key, MemoryStore, Position, Rows, Table


class StockChanged(NamedTuple):
    """Signal: what is there of a lot changed, from `before` to the row's amount."""

    row: Stock
    before: int


class ShelfChanged(NamedTuple):
    """Signal: something moved on a shelf where goods of unnamed or uncertain lots play a part."""

    shelf: Shelf
    was_short: bool


def stock_from(movements: Sequence[Movement]) -> list[tuple[Stock, Shelf]]:
    """Sums up movements that are believed together, as stock lines with their shelves.

    Any set will do: those believed at some position, or those that had happened by some instant.
    """
    nobody = DayBegan(market="none", day=date.min, zone="UTC")
    nothing = Entry(0, "", 0, "", datetime.min.replace(tzinfo=UTC), (), nobody, [])
    desk = _Desk(Fold(Rows(MemoryStore()), nothing))
    for movement in sorted(movements, key=_place):
        desk.add(movement)
    return desk.keep()


class Stocks:
    """The present sum of believed movements; a report moves only its reporter's stock."""

    name = "stock"
    tables = (STOCK, SHELVES)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The stock rows and shelves of the goods in this entry."""
        if isinstance(entry.event, GoodsReport):
            for m in legs_of(entry, entry.event):
                yield STOCK, _lot_key(m)
                yield STOCK, (m.merchant, m.premises, m.product, LOT_UNKNOWN, m.unit)
                yield SHELVES, _shelf_key(m)

    def fold(self, fold: Fold) -> None:
        """Adds what moved; where the order of counts matters, sums up from the movements."""
        desk = _Desk(fold)
        again: dict[Key, Movement] = {}
        for signal in list(fold.signals):
            match signal:
                case Moved(movement):
                    done = desk.take_in(movement)
                case Unmoved(movement):
                    done = desk.take_out(movement)
                case _:
                    continue
            if not done:
                again[_lot_key(movement)] = movement
        desk.sum_again(again.values())
        desk.keep()


def _lot_key(movement: Movement) -> Key:
    return movement.merchant, movement.premises, movement.product, movement.lot, movement.unit


def _shelf_key(movement: Movement) -> tuple[str, str, str, str]:
    return movement.merchant, movement.premises, movement.product, movement.unit


def _place(movement: Movement) -> tuple[datetime, int, int]:
    return movement.happened, movement.original, movement.leg


class _Desk:
    """The rows that one entry changes, with what they held before."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._rows: dict[Key, tuple[Stock, int]] = {}
        self._shelves: dict[Key, tuple[Shelf, bool, bool]] = {}
        # What is summed up that no table holds, in its order.
        self._added: list[Movement] = []

    def take_in(self, movement: Movement) -> bool:
        """Adds a movement or count; False for one that comes late, to be summed up with the rest."""
        row, shelf = self._row(movement), self._shelf(movement)
        if _is_superseded(row, shelf, movement):
            _enter(row, shelf, movement, 1)
            return True
        # What was replaced, or identified later, has no place of its own among equal instants.
        in_place = movement.original == movement.position
        if movement.kind == "stock-counted":
            last = shelf.last_happened if _is_loose(shelf, movement) else row.last_happened
            in_order = movement.happened >= last and in_place
        else:
            ground = self._ground(row, shelf, movement)
            in_order = ground is None or movement.happened > ground
            in_order = in_order or (movement.happened == ground and in_place)
        _enter(row, shelf, movement, 1)
        if in_order:
            self._apply(row, shelf, movement)
        return in_order

    def add(self, movement: Movement) -> None:
        """Adds a movement or count that comes after all that were added before."""
        row, shelf = self._row(movement), self._shelf(movement)
        _enter(row, shelf, movement, 1)
        self._apply(row, shelf, movement)
        self._added.append(movement)

    def take_out(self, movement: Movement) -> bool:
        """Takes a movement out again; False where a count, or what it rests on, is in question."""
        row, shelf = self._row(movement), self._shelf(movement)
        ground = self._ground(row, shelf, movement)
        free = ground is None or movement.happened > ground
        if _is_superseded(row, shelf, movement):
            _enter(row, shelf, movement, -1)
            return True
        _enter(row, shelf, movement, -1)
        if free and movement.kind != "stock-counted":
            _add(row, shelf, movement, -movement.delta)
            return True
        return False

    def sum_again(self, movements: Iterable[Movement]) -> None:
        """Sums from their movements the shelves, or where all is named the lots, of these."""
        whole: dict[Key, Movement] = {}
        for movement in movements:
            shelf = self._shelf(movement)
            if _is_loose(shelf, movement):
                whole[_shelf_key(movement)] = movement
            else:
                self._sum(shelf, [self._row(movement)], {"lot": movement.lot})
        for movement in whole.values():
            shelf = self._shelf(movement)
            rows = self._rows_of(shelf)
            shelf.unnamed = shelf.loose_out = shelf.loose_in = shelf.open_out = shelf.forgiven = 0
            shelf.empty_out = shelf.empty_in = 0
            shelf.dates_out = ""
            shelf.counted_at = shelf.ceiling = None
            self._sum(shelf, rows, {})

    def keep(self) -> list[tuple[Stock, Shelf]]:
        """Keeps the rows, or drops those that no entry is left of, and says what changed."""
        fold = self._fold
        kept = []
        for row, before in self._rows.values():
            shelf = self._shelves[row.merchant, row.premises, row.product, row.unit][0]
            kept.append((row, shelf))
            if _is_date(row.lot):
                shelf.dates_short += max(0, -row.amount) - max(0, -before)
            row.last_position = Position(fold.entry.position)
            (fold.rows.put if row.entries else fold.rows.drop)(STOCK, row)
            fold.signals.append(StockChanged(row, before))
        for shelf, was_uncertain, was_short in self._shelves.values():
            (fold.rows.put if shelf.entries else fold.rows.drop)(SHELVES, shelf)
            if was_uncertain or is_uncertain(shelf):
                fold.signals.append(ShelfChanged(shelf, was_short))
        return kept

    def _ground(self, row: Stock, shelf: Shelf, movement: Movement) -> datetime | None:
        """Returns the latest count that this movement must come after to be simply added."""
        if not _is_loose(shelf, movement):
            return row.counted_at
        if row.lot == LOT_UNKNOWN or _is_date(row.lot) or shelf.date_counts:
            # A date may have been counted that this lot bears.
            return shelf.counted_at
        # A count of the whole product is kept on the line without a lot.
        key = *_shelf_key(movement)[:3], LOT_UNKNOWN, movement.unit
        line = self._rows[key][0] if key in self._rows else self._fold.rows.get(STOCK, *key)
        counts = row.counted_at, line and line.counted_at
        return max((at for at in counts if at), default=None)

    def _apply(self, row: Stock, shelf: Shelf, movement: Movement) -> None:
        """Lets a movement or count act on what came before it."""
        if movement.kind != "stock-counted":
            _add(row, shelf, movement, movement.delta)
            return
        counted = row.counted = movement.amount
        row.counted_at = movement.happened
        # Counts of several lots may arrive in any order while all is named.
        shelf.counted_at = max(movement.happened, shelf.counted_at or movement.happened)
        if row.lot == LOT_UNKNOWN:
            self._count_whole(row, shelf, counted)
            return
        if _is_date(row.lot):
            # Of a date that lots bear, all of them together were counted.
            bearing = self._bearing(movement, row.lot)
            counted -= sum(self._line(movement, lot).amount for lot in bearing)
            _note_lacking(row, shelf, counted)
            if bearing and counted > row.amount:
                shelf.loose_in += counted - row.amount
        missing = row.amount - counted
        if shelf.ceiling is not None and missing < 0:
            shelf.ceiling -= missing
        row.amount = counted
        row.loose_before, row.loose_in_before = shelf.loose_out, shelf.loose_in
        row.dates_before = marked(shelf.dates_out)
        shelf.named -= missing
        # What a lot lacks is where goods given out without their lot came from.
        if (explained := min(missing, shelf.open_out)) > 0:
            self._line(movement, LOT_UNKNOWN).amount += explained
            shelf.unnamed += explained
            shelf.open_out -= explained
        elif missing < 0:
            # Goods nobody had reported turn up: what left without a lot may have been of them.
            shelf.forgiven = shelf.open_out

    def _bearing(self, count: Movement, key: str) -> list[str]:
        """Returns the lots that a date stood beside on this shelf before it was counted."""
        stated = "produced" if key.startswith("D:") else "expires"
        same = dict(zip(SHELVES.key, _shelf_key(count), strict=True))
        asked = same | {stated: date.fromisoformat(key[2:]), "believed_to": None}
        heard = [*self._fold.rows.select(MOVEMENTS, asked), *self._added]
        found = {
            m.lot for m in heard
            if m.lot.startswith("L:") and key in _dates_of(m) and _shelf_key(m) == _shelf_key(count)
            and _place(m) < _place(count)
        }  # fmt: skip
        return sorted(found)

    def _count_whole(self, row: Stock, shelf: Shelf, counted: int) -> None:
        """Sets what there is of a product in all; where that is none, there is none of any lot."""
        if counted == 0:
            for other in self._rows_of(shelf):
                other.amount, other.dates_before = 0, ""
            shelf.dates_out = ""
            shelf.empty_out, shelf.empty_in = shelf.loose_out, shelf.loose_in
            shelf.named = shelf.unnamed = shelf.open_out = shelf.forgiven = 0
        shelf.ceiling = counted
        unnamed = counted - shelf.named
        if (gone := shelf.unnamed - unnamed) > 0:
            shelf.loose_out += gone
            shelf.open_out += gone
        else:
            # More than was known: of lots that nobody named.
            shelf.loose_in -= gone
        row.amount = shelf.unnamed = unnamed

    def _sum(self, shelf: Shelf, rows: Sequence[Stock], which: dict[str, str]) -> None:
        for row in rows:
            if row.lot != LOT_UNKNOWN:
                shelf.named -= row.amount
            row.amount = row.counted = row.loose_before = row.loose_in_before = 0
            row.counted_at, row.dates_before, row.by_date = None, "", 0
        same = dict(zip(SHELVES.key, SHELVES.key_of(shelf), strict=True)) | which
        believed = self._fold.rows.select(MOVEMENTS, same | {"believed_to": None})
        for movement in sorted(believed, key=_place):
            self._apply(self._row(movement), shelf, movement)

    def _rows_of(self, shelf: Shelf) -> list[Stock]:
        same = dict(zip(SHELVES.key, SHELVES.key_of(shelf), strict=True))
        for row in self._fold.rows.select(STOCK, same):
            self._rows.setdefault(STOCK.key_of(row), (row, row.amount))
        of_shelf = SHELVES.key_of(shelf)
        return [row for row, _ in self._rows.values() if SHELVES.key_of(row) == of_shelf]

    def _row(self, movement: Movement) -> Stock:
        return self._line(movement, movement.lot)

    def _line(self, movement: Movement, lot: str) -> Stock:
        merchant, premises, product, unit = _shelf_key(movement)
        key = merchant, premises, product, lot, unit
        if key not in self._rows:
            row = self._fold.rows.get(STOCK, *key) or new_line(key, movement.happened)
            self._rows[key] = row, row.amount
        return self._rows[key][0]

    def _shelf(self, movement: Movement) -> Shelf:
        key = _shelf_key(movement)
        if key not in self._shelves:
            shelf = self._fold.rows.get(SHELVES, *key) or new_shelf(key, movement.happened)
            self._shelves[key] = shelf, is_uncertain(shelf), is_short(shelf)
        return self._shelves[key][0]


def _is_loose(shelf: Shelf, movement: Movement) -> bool:
    """Tells whether goods known by no lot's number play a part in where this movement acts."""
    return shelf.loose_entries > 0 or movement.lot == LOT_UNKNOWN or _is_date(movement.lot)


def _is_date(lot: str) -> bool:
    return lot.startswith(("D:", "E:"))


def _is_superseded(row: Stock, shelf: Shelf, movement: Movement) -> bool:
    """Tells whether a later count of the lot made this one's effect on the amount void."""
    counted = row.counted_at
    return not _is_loose(shelf, movement) and counted is not None and movement.happened < counted


def _enter(row: Stock, shelf: Shelf, movement: Movement, sign: int) -> None:
    """Counts an entry, and what it moved, into or out of its rows."""
    row.entries = Position(row.entries + sign)
    shelf.entries = Position(shelf.entries + sign)
    if movement.kind == "stock-counted":
        shelf.counts = Position(shelf.counts + sign)
    if movement.lot == LOT_UNKNOWN or _is_date(movement.lot):
        shelf.loose_entries = Position(shelf.loose_entries + sign)
    if movement.kind == "stock-counted" and _is_date(movement.lot):
        shelf.date_counts = Position(shelf.date_counts + sign)
    if movement.delta > 0:
        row.taken_in += sign * movement.delta
    else:
        row.given_out -= sign * movement.delta
    row.last_happened = max(row.last_happened, movement.happened)
    shelf.last_happened = max(shelf.last_happened, movement.happened)


def _add(row: Stock, shelf: Shelf, movement: Movement, delta: int) -> None:
    if _is_date(row.lot):
        _note_moved(row, shelf, delta, is_out=movement.delta < 0)
    row.amount += delta
    if shelf.ceiling is not None and movement.delta > 0:
        shelf.ceiling += delta
    if row.lot != LOT_UNKNOWN:
        shelf.named += delta
        return
    shelf.unnamed += delta
    if movement.delta < 0:
        shelf.loose_out -= delta
        shelf.open_out -= delta
    else:
        shelf.loose_in += delta


def _dates_of(movement: Movement) -> list[str]:
    """Returns the dates that a label stated, as the keys by which goods without a lot are known."""
    stated = (("D", movement.produced), ("E", movement.expires))
    return [f"{letter}:{day}" for letter, day in stated if day is not None]


def _note_lacking(row: Stock, shelf: Shelf, counted: int) -> None:
    """Keeps what a count of a date found missing: nobody knows of which lot that bears it."""
    more = max(0, -counted) - max(0, -row.amount)
    if more > 0:
        row.by_date += more
        shelf.dates_out = noted(shelf.dates_out, row.lot, more, row.by_date)


def _note_moved(row: Stock, shelf: Shelf, delta: int, *, is_out: bool) -> None:
    """Keeps what a date gives out beyond what came in by it, before its amount changes."""
    if is_out:
        row.by_date -= delta
    more = max(0, -(row.amount + delta)) - max(0, -row.amount)
    if more or shelf.dates_out:
        shelf.dates_out = noted(shelf.dates_out, row.lot, more, row.by_date)
