"""What the log has published last: for receipts, and retained for every device."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from ledger.events import wire

log = logging.getLogger("suyuan.intake")

# A checkpoint comes about once a second.
LOOK_S = 0.5
LAST = "SELECT shown, key FROM ledger.checkpoints ORDER BY epoch DESC LIMIT 1"
Retain = Callable[[str, bytes], None]


class PublishedCheckpoint:
    """Follows the row of the last checkpoint; what it gives is in the log's files already."""

    def __init__(self, dsn: str, ledger: str, retain: Retain) -> None:
        self._dsn = dsn
        self._topic = wire.checkpoint_topic(ledger)
        self._retain = retain
        self._connection: psycopg.Connection[Any] | None = None
        self.text: str | None = None
        self._key: str | None = None

    @property
    def log_key(self) -> str | None:
        """The log's key, which devices pin when they join; None before anything was published."""
        if self._key is None:
            # Who joins in the first second would be without it for ever.
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                row = connection.execute(LAST).fetchone()
            self._key = row[1] if row is not None else None
        return self._key

    def start(self) -> None:
        """Follows in the background."""
        threading.Thread(target=self._run, daemon=True).start()

    def publish(self) -> None:
        """Leaves the checkpoint where devices find it: a broker that has just started has none."""
        if self.text is not None:
            self._retain(self._topic, self.text.encode())

    def step(self) -> None:
        """Looks once, and passes on what is new."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=5)
        row = self._connection.execute(LAST).fetchone()
        if row is None or row[0] is None:
            return
        text, self._key = bytes(row[0]).decode(), row[1]
        if text != self.text:
            self.text = text
            self.publish()

    def _run(self) -> None:
        while True:
            try:
                self.step()
            except psycopg.OperationalError as error:
                # Receipts go on with the checkpoint before; the next one covers all the same.
                log.info("no checkpoint can be read now: %s", error)
                self._connection = None
            time.sleep(LOOK_S)
