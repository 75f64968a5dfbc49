"""Groups: projections that read each other share one follower, in a declared order."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.projections.alerts import Alerts
from ledger.projections.corrections import Corrections
from ledger.projections.coverage import Coverage
from ledger.projections.devices import DeviceRegister
from ledger.projections.documents import Documents
from ledger.projections.expiry import Expiries
from ledger.projections.fold import Projection
from ledger.projections.gaps import Gaps
from ledger.projections.identity import Identities
from ledger.projections.lot_transforms import LotTransforms
from ledger.projections.lots import Lots
from ledger.projections.merchants import Merchants
from ledger.projections.movements import Movements
from ledger.projections.pairs import Pairs
from ledger.projections.parties import Parties
from ledger.projections.products import Products
from ledger.projections.recalls import Recalls
from ledger.projections.stock import Stocks
from ledger.projections.stops import Stops
from ledger.projections.table import Table
from ledger.projections.times import Times


class Group(NamedTuple):
    """Projections with one schema and one position, which are rebuilt and swapped together."""

    name: str
    projections: Sequence[Projection]

    @property
    def tables(self) -> list[Table]:
        """All tables of the group."""
        return [table for projection in self.projections for table in projection.tables]


TRADE: Final = Group(
    "trade",
    (
        Merchants(),
        DeviceRegister(),
        Parties(),
        Products(),
        Times(),
        Movements(),
        Corrections(),
        Identities(),
        Lots(),
        LotTransforms(),
        Stocks(),
        Expiries(),
        Documents(),
        Pairs(),
        Coverage(),
        Stops(),
        Recalls(),
        Alerts(),
    ),
)
EDGE: Final = Group("edge", (Gaps(),))
GROUPS: Final = (TRADE, EDGE)
# Counts up whenever a table of the views changes: a follower makes older ones anew. A test holds
# it to the tables.
VIEWS_VERSION: Final = 14


def group_of(projection: str) -> Group | None:
    """Returns the group a projection belongs to, or None for a name nobody bears."""
    for group in GROUPS:
        if projection in {p.name for p in group.projections}:
            return group
    return None
