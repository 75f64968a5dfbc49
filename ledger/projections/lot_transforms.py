"""Lot transforms: which lots went into which, edge by edge."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from ledger.events.reports import GoodsTransformed
from ledger.projections.fold import Entry, Fold
from ledger.projections.movements import Moved, Movement, Unmoved
from ledger.projections.table import Key, Position, Table


class LotTransform(msgspec.Struct):
    """One input lot of one output lot; closed by `believed_to` when its entry was voided."""

    position: Position
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
    ("position", "input_leg", "output_leg"),
    ("(input_product, input_lot)", "(output_product, output_lot)"),
)


class LotTransforms:
    """The edges between lots inside one premises."""

    name = "lot_transforms"
    tables = (LOT_TRANSFORMS,)

    def keys(self, entry: Entry) -> Iterable[tuple[Table, Key]]:
        """Nothing to load: edges are new, or found by their position when they end."""
        return ()

    def fold(self, fold: Fold) -> None:
        """Takes in transformations as they are believed and voided."""
        if isinstance(fold.entry.event, GoodsTransformed):
            moved = [signal.movement for signal in fold.of(Moved)]
            inputs = [movement for movement in moved if movement.kind == "used-in"]
            for output in (movement for movement in moved if movement.kind == "made"):
                for used in inputs:
                    fold.rows.put(LOT_TRANSFORMS, _edge(used, output))
        ended = {s.movement.position for s in fold.of(Unmoved) if s.movement.kind == "made"}
        for position in sorted(ended):
            for edge in fold.rows.select(LOT_TRANSFORMS, {"position": position}):
                edge.believed_to = Position(fold.entry.position)
                fold.rows.put(LOT_TRANSFORMS, edge)


def _edge(used: Movement, made: Movement) -> LotTransform:
    return LotTransform(
        position=made.position,
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
