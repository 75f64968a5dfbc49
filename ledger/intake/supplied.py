"""What came from suppliers whose goods are stopped, as far as the views know it."""

import logging
from collections.abc import Collection, Mapping, Sequence

import psycopg

from ledger.events.holds import StoppedGoods
from ledger.rules.stops import line_of

log = logging.getLogger("suyuan.intake")

# As many lots of a supplier as a list can name one by one; beyond, its line alone stops receipts.
LOTS_MAX = 20_000
LOTS = """
SELECT DISTINCT counterparty, product, lot FROM trade.movements
WHERE counterparty = ANY(%s) AND kind = 'goods-received' AND believed_to IS NULL AND amount > 0
ORDER BY counterparty, product, lot LIMIT %s
"""


class PgSupplied:
    """Reads the views as a reader does; a list is signed also while they cannot be read."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._known: dict[str, Sequence[StoppedGoods]] = {}

    def of(self, suppliers: Collection[str]) -> Mapping[str, Sequence[StoppedGoods]]:
        """Returns the lots that came from each; what was known before while the views are away."""
        found: dict[str, list[StoppedGoods]] = {}
        try:
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as reader:
                for supplier, product, lot in reader.execute(LOTS, [sorted(suppliers), LOTS_MAX]):
                    goods = line_of(product, lot, supplier=supplier)
                    found.setdefault(supplier, []).append(goods)
        except psycopg.Error as error:
            log.warning("which lots came from stopped suppliers cannot be read now: %s", error)
            return self._known
        self._known = dict(found)
        return self._known
