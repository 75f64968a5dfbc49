"""Lot transforms: which lots went into which, edge by edge."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from ledger.projections.fold import Entry, Fold
from ledger.projections.movements import MOVEMENTS, Moved, Movement, Unmoved
from ledger.projections.table import Key, Position, Rows, Table


class LotTransform(msgspec.Struct):
    """One input lot of one output lot, believed from `position` to `believed_to`.

    `original` is the position of the entry; the legs are its inputs and outputs in order.
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
    believed_to: Position | None


LOT_TRANSFORMS = Table(
    "lot_transforms",
    LotTransform,
    ("position", "original", "input_leg", "output_leg"),
    ("(input_product, input_lot)", "(output_product, output_lot)", "(original)"),
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
            (s.movement.original, s.movement.stream, s.movement.number)
            for s in fold.of(Unmoved) if s.movement.kind in ("used-in", "made")
        }  # fmt: skip
        again = {original for original, _, _ in ended}
        _connect(fold, [leg for leg in moved if leg.original not in again])
        for original, stream, number in sorted(ended):
            for edge in fold.rows.select(LOT_TRANSFORMS, {"original": original}):
                if edge.believed_to is None:
                    edge.believed_to = Position(fold.entry.position)
                    fold.rows.put(LOT_TRANSFORMS, edge)
            same = {"stream": stream, "number": number, "believed_to": None}
            _connect(fold, fold.rows.select(MOVEMENTS, same))


def _connect(fold: Fold, legs: Sequence[Movement]) -> None:
    """Keeps an edge from every input to every output of one transformation."""
    inputs = [leg for leg in legs if leg.kind == "used-in"]
    for output in (leg for leg in legs if leg.kind == "made"):
        for used in inputs:
            fold.rows.put(LOT_TRANSFORMS, _edge(fold, used, output))


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
        believed_to=None,
    )
