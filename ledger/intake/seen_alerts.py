"""Which alerts somebody may work on: those that the views let them see."""

import psycopg

from ledger.errors import JournalUnavailable
from ledger.projections.seen import state_reach
from ledger.rules.access import Reach

GROUP = """
SELECT g.open = (SELECT count(*) FROM trade.alerts a WHERE a.grouped = g.grouped AND a.closed_at IS NULL)
FROM trade.alert_groups g WHERE g.grouped = %s
"""


class PgSeenAlerts:
    """Asks the views as a reader that reaches as far as somebody does."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def __call__(self, group: str, found: Reach, account: str, *, whole: bool) -> bool:
        """Returns whether a group is within reach, or all of it. Raises `JournalUnavailable`."""
        try:
            with psycopg.connect(self._dsn, connect_timeout=5) as reader:
                state_reach(reader, found, account)
                row = reader.execute(GROUP, [group]).fetchone()
                return row is not None and (bool(row[0]) or not whole)
        except psycopg.Error as error:
            raise JournalUnavailable(f"the views are away: {error}") from error
