"""Who an account is: what it was granted, for requests that name somebody who is not signed in."""

import psycopg

from ledger.accounts.book import PgAccounts
from ledger.errors import JournalUnavailable
from ledger.rules.access import Subject


class PgSubjects:
    """Looks accounts up by their name."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def __call__(self, account: str) -> Subject | None:
        """Returns who an account is; None for one that does not exist or is closed. Raises `JournalUnavailable`."""
        try:
            with psycopg.connect(self._dsn, connect_timeout=5) as connection:
                found = PgAccounts(connection).find(account)
        except psycopg.Error as error:
            raise JournalUnavailable(f"the accounts are away: {error}") from error
        if found is None or found.disabled:
            return None
        return Subject(found.account, found.grants)
