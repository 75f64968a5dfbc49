"""Lots that are stopped by dates or suppliers, as the views know them."""

import logging
from collections.abc import Sequence

import psycopg

from ledger.events.stop_list import StopLine
from ledger.rules.stops import line_of

log = logging.getLogger("suyuan.intake")

# As many lots as a list names one by one; beyond, the wider line asks the hand to look.
LOTS_MAX = 50_000
# A list is not held back by views that are slow: what was known before is signed again.
PATIENCE = "-c statement_timeout=2000"
LOTS = """
SELECT l.kind, l.stop, l.product, l.lot, coalesce(r.grade, '')
FROM trade.stopped_lots l LEFT JOIN trade.recalls r ON l.kind = 'recall' AND r.recall = l.stop
WHERE l.ended_at IS NULL AND l.how = 'stopped' AND l.lot <> ''
  AND EXISTS (SELECT 1 FROM trade.stop_lines s
    WHERE s.kind = l.kind AND s.stop = l.stop AND s.ended_at IS NULL
      AND (s.supplier IS NOT NULL OR (NOT s.goods LIKE '%%"lot":%%'::bytea
        AND s.goods LIKE ANY (ARRAY['%%"produced_%%', '%%"expires_%%']::bytea[]))))
ORDER BY l.position DESC LIMIT %s
"""


class PgKnownLots:
    """Reads the views as a reader does; a list is signed also while they cannot be read."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._known: Sequence[StopLine] = ()

    def read(self) -> Sequence[StopLine]:
        """Returns the lots; what was known before while the views are away."""
        try:
            with psycopg.connect(
                self._dsn, autocommit=True, connect_timeout=5, options=PATIENCE
            ) as reader:
                rows = reader.execute(LOTS, [LOTS_MAX]).fetchall()
        except psycopg.Error as error:
            log.warning("which lots are stopped by dates or suppliers cannot be read: %s", error)
            return self._known
        found = []
        for kind, stop, product, lot, grade in rows:
            try:
                line = StopLine(kind=kind, stop=stop, goods=line_of(product, lot), grade=grade)
            except ValueError as error:
                # A label that no line can name: its wider line asks the hand to look.
                log.warning("lot %r of %s cannot be named on the list: %s", lot, product, error)
                continue
            found.append(line)
        self._known = found
        return found
