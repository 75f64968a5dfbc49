"""Everything that can go wrong, in one picture.

LedgerError
├── Malformed           bytes that are not an event: quarantine, keep the bytes, never retry
├── Conflict            another writer was first: read again, decide again
├── JournalUnavailable  the database is away: wait and retry, the scanner keeps the scan
├── JournalDamaged      a hash or a number does not match: stop the process, call a human
└── BadSetting          the configuration cannot work: correct it and start again
"""

# The exit code of a service that found the record damaged: nobody may start it again by itself.
EXIT_DAMAGED = 70


class LedgerError(Exception):
    """The root of what the ledger raises on purpose."""


class Malformed(LedgerError):
    """Bytes that are not an event. Quarantine them, keep the bytes, never retry."""


class Conflict(LedgerError):
    """Another writer was first. Read again, decide again."""


class JournalUnavailable(LedgerError):
    """The database is away. Wait and retry; the scanner keeps the scan."""


class JournalDamaged(LedgerError):
    """A hash or a number does not match the record. Stop the process, call a human."""


class BadSetting(LedgerError):
    """The configuration cannot work. Correct it and start again."""
