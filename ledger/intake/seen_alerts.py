"""Which alerts somebody may work on: those that the views let them see."""

import psycopg

from ledger.errors import JournalUnavailable
from ledger.projections.seen import state_reach
from ledger.rules.access import Reach

GROUP = "SELECT FROM trade.alert_groups WHERE grouped = %s"


class PgSeenAlerts:
    """Asks the views as a reader that reaches as far as somebody does."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def __call__(self, group: str, found: Reach, account: str) -> bool:
        """Returns whether there is such a group within reach. Raises `JournalUnavailable`."""
        try:
            with psycopg.connect(self._dsn, connect_timeout=5) as reader:
                state_reach(reader, found, account)
                return bool(reader.execute(GROUP, [group]).rowcount)
        except psycopg.Error as error:
            raise JournalUnavailable(f"the views are away: {error}") from error
