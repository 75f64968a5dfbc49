"""Lot transforms: which lots went into which, edge by edge."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from ledger.events.cases import MerchantRegistered
from ledger.projections.fold import Entry, Fold
from ledger.projections.lots import LOTS, LotExpiry
from ledger.projections.merchants import MERCHANTS
from ledger.projections.movements import MOVEMENTS, Moved, Movement, Unmoved
from ledger.projections.parties import names_of
from ledger.projections.seen import SeenBy
from ledger.projections.table import Key, Position, Rows, Table


class LotTransform(msgspec.Struct):
    """One input lot of one output lot, believed from `position` to `believed_to`.

    `original` is the position of the entry; the legs are its inputs and outputs in order.
    `process` is what the entry calls the step.
    """

    position: Position
    original: Position
    input_leg: Position
    output_leg: Position
    premises: str
    input_product: str
    input_lot: str
    output_product: str
    output_lot: str
    happened: datetime
    merchant: str
    process: str
    believed_to: Position | None


# Who may give goods a new life: the register calls them makers of food.
MAKERS = ("producer", "processor")


class Outlives(NamedTuple):
    """Signal: whether goods made are said to last longer than what they were made of."""

    edge: LotTransform
    wanted: bool


class Gained(NamedTuple):
    """Signal: whether repacking or splitting is said to have made more than went in."""

    made: Movement
    wanted: bool


LOT_TRANSFORMS = Table(
    "lot_transforms",
    LotTransform,
    ("position", "original", "input_leg", "output_leg"),
    ("(input_product, input_lot)", "(output_product, output_lot)", "(original)", "(merchant)"),
    seen=SeenBy(of=("merchant",), at="premises", public=True),
)


class LotTransforms:
    """The edges between lots inside one premises."""

    name = "lot_transforms"
    tables = (LOT_TRANSFORMS,)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """Nothing to load: edges are new, or found by their position when they end."""
        return ()

    def fold(self, fold: Fold) -> None:
        """Takes in transformations as they are believed, voided, and learned to be other goods."""
        moved = [s.movement for s in fold.of(Moved) if s.movement.kind in ("used-in", "made")]
        ended = {
            s.movement.original: s.movement
            for s in fold.of(Unmoved) if s.movement.kind in ("used-in", "made")
        }  # fmt: skip
        _connect(fold, [leg for leg in moved if leg.original not in ended])
        for original, leg in sorted(ended.items()):
            for edge in fold.rows.select(LOT_TRANSFORMS, {"original": original}):
                if edge.believed_to is None:
                    edge.believed_to = Position(fold.entry.position)
                    fold.rows.put(LOT_TRANSFORMS, edge)
                    fold.signals.append(Outlives(edge, False))
            same = {"stream": leg.stream, "number": leg.number, "believed_to": None}
            legs = fold.rows.select(MOVEMENTS, same)
            _connect(fold, legs)
            if not legs:
                fold.signals.append(Gained(leg, False))
        for expiry in fold.of(LotExpiry):
            if not expiry.is_new:
                _compare_again(fold, expiry)
        if isinstance(event := fold.entry.event, MerchantRegistered):
            # Whether its steps are manufacture, is told by the register.
            same = {"merchant": event.merchant, "believed_to": None}
            for edge in fold.rows.select(LOT_TRANSFORMS, same):
                fold.signals.append(Outlives(edge, _outlives(fold, edge)))


def _connect(fold: Fold, legs: Sequence[Movement]) -> None:
    """Keeps an edge from every input to every output of one transformation."""
    inputs = [leg for leg in legs if leg.kind == "used-in"]
    for output in (leg for leg in legs if leg.kind == "made"):
        for used in inputs:
            edge = _edge(fold, used, output)
            fold.rows.put(LOT_TRANSFORMS, edge)
            if _outlives(fold, edge):
                fold.signals.append(Outlives(edge, True))
    if inputs:
        fold.signals.append(Gained(inputs[0], _gains(legs)))


def _gains(legs: Sequence[Movement]) -> bool:
    """Tells whether more came out than went in: other packs do not make more of the same goods."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for leg in legs:
        if leg.process in ("repacked", "split"):
            sums[leg.product, leg.unit][leg.kind == "made"] += leg.amount
    return any(0 < used < made for used, made in sums.values())


def _outlives(fold: Fold, edge: LotTransform) -> bool:
    """Holds what was made against what it was made of: repacking gives no new life (GB 31621)."""
    used = fold.rows.get(LOTS, edge.input_product, edge.input_lot)
    made = fold.rows.get(LOTS, edge.output_product, edge.output_lot)
    manufactured = edge.process == "manufactured" and _is_maker(fold, edge.merchant)
    if manufactured or None in (used, made) or None in (used.expires, made.expires):
        return False
    return bool(made.expires > used.expires)


def _compare_again(fold: Fold, lot: LotExpiry) -> None:
    for side in ("input", "output"):
        same = {f"{side}_product": lot.product, f"{side}_lot": lot.lot, "believed_to": None}
        for edge in fold.rows.select(LOT_TRANSFORMS, same):
            fold.signals.append(Outlives(edge, _outlives(fold, edge)))


def _edge(fold: Fold, used: Movement, made: Movement) -> LotTransform:
    return LotTransform(
        position=Position(fold.entry.position),
        original=made.original,
        input_leg=used.leg,
        output_leg=made.leg,
        premises=made.premises,
        input_product=used.product,
        input_lot=used.lot,
        output_product=made.product,
        output_lot=made.lot,
        happened=made.happened,
        merchant=made.merchant,
        process=made.process or "",
        believed_to=None,
    )


def _is_maker(fold: Fold, merchant: str) -> bool:
    names = names_of(fold.rows, merchant)
    known = [row for name in names if (row := fold.rows.get(MERCHANTS, name)) is not None]
    return any(row.kind in MAKERS for row in known)
