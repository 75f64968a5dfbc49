"""A tape's file: SQLite, its tables, and telling it from another's."""

import sqlite3
from contextlib import closing
from pathlib import Path

SQLITE = b"SQLite format 3"
SCHEMA = """
CREATE TABLE IF NOT EXISTS tape (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    tape TEXT NOT NULL, device TEXT NOT NULL, key_seed BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS reports (
    number INTEGER PRIMARY KEY, report BLOB NOT NULL, chain BLOB NOT NULL,
    position INTEGER, code TEXT, flags TEXT
);
CREATE INDEX IF NOT EXISTS unreceipted ON reports (number) WHERE position IS NULL;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS once (key TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS receipts (
    heard INTEGER PRIMARY KEY AUTOINCREMENT, last INTEGER NOT NULL, answer BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS documents (
    digest TEXT PRIMARY KEY, media TEXT NOT NULL, content BLOB NOT NULL, sent INTEGER NOT NULL DEFAULT 0
);
"""


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(SQLITE))


def is_tape(path: Path) -> bool:
    """Tells whether a file is a tape's.

    Looks without changing anything: somebody else's database must not get our tables."""
    if not path.is_file() or not _begins(path).startswith(SQLITE):
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as found:
            rows = found.execute("SELECT count(*) FROM tape").fetchone()
    except sqlite3.OperationalError as error:
        # A full disk keeps even a reader out: that says nothing about whose file it is.
        return "no such table" not in str(error)
    except sqlite3.Error:
        return False
    return bool(rows[0] == 1)


def open_file(path: Path, *, synchronous: str = "FULL") -> sqlite3.Connection:
    """Opens a tape's file, with its tables; a new one is made."""
    connection = sqlite3.connect(path, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    # Pages of one large photograph must not push the log of changes beyond reason.
    connection.execute("PRAGMA wal_autocheckpoint = 1000")
    connection.executescript(SCHEMA)
    return connection
