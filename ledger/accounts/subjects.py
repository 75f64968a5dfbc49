"""Who an account is: what it was granted, for requests that name somebody who is not signed in."""

from typing import NamedTuple

import psycopg

from ledger.accounts.book import PgAccounts
from ledger.errors import JournalUnavailable
from ledger.rules.access import Subject, reach

# More than an authority has who work on alerts; a longer list is nothing to choose from.
OFFICERS_MAX = 500


class Officer(NamedTuple):
    """Somebody who works on alerts: the account, and its owner's name."""

    account: str
    name: str


def _works_on_alerts(subject: Subject) -> bool:
    """Tells whether somebody works on alerts of others: a merchant sees its own alone."""
    found = reach(subject, "alert", "write")
    return bool(found.everything or found.markets or found.areas)


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

    def officers(self) -> list[Officer]:
        """Returns who works on alerts, by account. Raises `JournalUnavailable`."""
        try:
            with psycopg.connect(self._dsn, connect_timeout=5) as connection:
                accounts = PgAccounts(connection).all()
        except psycopg.Error as error:
            raise JournalUnavailable(f"the accounts are away: {error}") from error
        found = [
            Officer(one.account, one.name)
            for one in accounts
            if not one.disabled and _works_on_alerts(Subject(one.account, one.grants))
        ]
        return found[:OFFICERS_MAX]
