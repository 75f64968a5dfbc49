"""Identity: what labels tie together, so that goods read in different ways become the same goods."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from ledger.projections.fold import Entry, Fold
from ledger.projections.goods import LOT_KEYS, LotKey, lot_meant
from ledger.projections.movements import (
    MOVEMENTS,
    GoodsReport,
    Moved,
    Movement,
    Unmoved,
    legs_of,
    recognize,
    reidentify,
)
from ledger.projections.parties import CardKnown, MerchantKnown
from ledger.projections.products import ConversionKnown, base_of, family_of
from ledger.projections.seen import OPEN
from ledger.projections.table import Key, Position, Rows, Table


class Tie(msgspec.Struct):
    """A label that stated both keys of a base product: what `key` names may be what `other` names.

    `key` is a date's (`D:`, `E:`); `other` a lot number's, or for a last good day the production
    day's. `ended` is 0 while some report that states both is believed, then where the last ended.
    """

    product: str
    key: str
    other: str
    ended: Position
    since: Position


TIES = Table(
    "ties",
    Tie,
    ("product", "key", "other", "ended"),
    ("(product, other) WHERE ended = 0",),
    seen=OPEN,
)


class Tied(NamedTuple):
    """Two keys of one base product that stand on one label."""

    product: str
    key: str
    other: str


class KeyCandidates(NamedTuple):
    """Signal: whether a date of a product stands for several lots has changed."""

    product: str
    key: str


class Identities:
    """Ties between labels, and what they make of goods that were reported before them.

    A tie or conversion learned later closes what it changes and believes it anew, so that the
    result equals learning it first.
    """

    name = "identity"
    tables = (TIES, LOT_KEYS)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The ties that the labels in this entry state."""
        if isinstance(entry.event, GoodsReport):
            for leg in legs_of(entry, entry.event):
                # As known before this page; those behind look for their rows by it.
                recognize(rows, leg)
                for pair in _pairs(leg, leg.product):
                    yield TIES, (*pair, 0)

    def fold(self, fold: Fold) -> None:
        """Takes in what the register and the labels say, until nothing changes any more."""
        for signal in list(fold.signals):
            match signal:
                case ConversionKnown():
                    _convert(fold, signal)
                case MerchantKnown():
                    _rename(fold, signal)
                case CardKnown(card):
                    _reidentify_all(fold, {"card": card})
        seen = 0
        while seen < len(fold.signals):
            new, seen = fold.signals[seen:], len(fold.signals)
            changed = {(pair.product, pair.key) for s in new for pair in _tie(fold, s)}
            # Production days first: what a last good day means may rest on them.
            for product, key in sorted(changed):
                _settle_key(fold, product, key)


def _pairs(movement: Movement, product: str) -> Iterable[Tied]:
    """Returns what a movement's label ties."""
    if movement.produced is None and movement.expires is None:
        return
    numbered = movement.read_lot.startswith("L:")
    if movement.produced is not None and numbered:
        yield Tied(product, f"D:{movement.produced}", movement.read_lot)
    if movement.expires is None:
        return
    if numbered:
        yield Tied(product, f"E:{movement.expires}", movement.read_lot)
    if movement.produced is not None:
        yield Tied(product, f"E:{movement.expires}", f"D:{movement.produced}")


def _tie(fold: Fold, signal: object) -> list[Tied]:
    """Keeps or ends the ties of one movement; returns those that began or ended."""
    match signal:
        case Moved(movement):
            new = [p for p in _pairs(movement, movement.product) if not _tied(fold, p)]
            for pair in new:
                row = Tie(*pair, Position(0), Position(fold.entry.position))
                fold.rows.put(TIES, row)
            return new
        case Unmoved(movement):
            over = [
                pair for pair in _pairs(movement, movement.product)
                if _tied(fold, pair) and not _still_said(fold, pair, movement)
            ]  # fmt: skip
            for pair in over:
                _end(fold, pair)
            return over
    return []


def _tied(fold: Fold, pair: Tied) -> bool:
    return fold.rows.get(TIES, *pair, 0) is not None


def _end(fold: Fold, pair: Tied) -> None:
    row = fold.rows.get(TIES, *pair, 0)
    fold.rows.drop(TIES, row)
    if row.since != fold.entry.position:
        ended = msgspec.structs.replace(row, ended=Position(fold.entry.position))
        fold.rows.put(TIES, ended)


def _still_said(fold: Fold, pair: Tied, over: Movement) -> bool:
    """Tells whether another believed movement states both keys."""
    dates: dict[str, Any] = {"produced": over.produced}
    if pair.key.startswith("E:"):
        dates = {"expires": over.expires}
    if pair.other.startswith("D:"):
        dates["produced"] = over.produced
        places = [lot_meant(fold.rows, pair.product, pair.other)]
        same = {"product": pair.product, "key": pair.other, "ended": 0}
        places += [tie.other for tie in fold.rows.select(TIES, same)]
    else:
        # Not those that are booked under the number because of this very tie.
        places = [pair.other]
        dates["read_lot"] = pair.other
    same = {"product": pair.product, "believed_to": None} | dates
    return any(fold.rows.any(MOVEMENTS, same | {"lot": lot}) for lot in dict.fromkeys(places))


def _settle_key(fold: Fold, product: str, key: str) -> None:
    """Works out anew which lot a date stands for; what was booked under it follows."""
    before = lot_meant(fold.rows, product, key)
    same = {"product": product, "key": key, "ended": 0}
    tied = {tie.other for tie in fold.rows.select(TIES, same)}
    lots = {lot_meant(fold.rows, product, other) for other in tied}
    row = fold.rows.get(LOT_KEYS, product, key)
    if (len(lots) > 1) != (row is not None and row.candidates > 1):
        fold.signals.append(KeyCandidates(product, key))
    if lots:
        lot = next(iter(lots)) if len(lots) == 1 else None
        fold.rows.put(LOT_KEYS, LotKey(product, key, lot, Position(len(lots))))
    elif row is not None:
        fold.rows.drop(LOT_KEYS, row)
    if lot_meant(fold.rows, product, key) == before:
        return
    booked = {"product": product, "lot": before, "read_lot": key, "believed_to": None}
    for movement in fold.rows.select(MOVEMENTS, booked):
        reidentify(fold, movement)
    for tie in fold.rows.select(TIES, {"product": product, "other": key, "ended": 0}):
        _settle_key(fold, product, tie.key)


def _rename(fold: Fold, known: MerchantKnown) -> None:
    """Takes the entries of and with a merchant to whom its names stand for now."""
    for side in ("merchant", "counterparty"):
        _reidentify_all(fold, {side: known.former})


def _reidentify_all(fold: Fold, same: dict[str, str]) -> None:
    for movement in fold.rows.select(MOVEMENTS, same | {"believed_to": None}):
        reidentify(fold, movement)


def _convert(fold: Fold, known: ConversionKnown) -> None:
    """Takes a product with all its cases to what the register makes of them now."""
    family = family_of(fold.rows, known.gtin)
    bases = {known.former_base, base_of(fold.rows, known.gtin)[0], *family}
    for base in sorted(bases):
        for movement in fold.rows.select(MOVEMENTS, {"product": base, "believed_to": None}):
            if movement.read_product in family:
                reidentify(fold, movement)
