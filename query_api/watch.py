"""Watching: one connection hears the followers, and every live stream waits on it."""

import asyncio
import logging

import psycopg

log = logging.getLogger("suyuan.query")

AWAY_S = 1.0
# Lots' pages show what came of tapes, too.
GROUPS = ("trade", "edge")


class Watch:
    """Counts the times the views moved, and wakes whoever waits for the next."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.count = 0
        self._condition = asyncio.Condition()

    async def changed(self, seen: int) -> None:
        """Waits until the views have moved beyond what was `seen`."""
        async with self._condition:
            await self._condition.wait_for(lambda: self.count != seen)

    async def run(self) -> None:
        """Listens for ever; a database that is away is tried again."""
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)
                async with connection:
                    for group in GROUPS:
                        await connection.execute(f"LISTEN views_{group}")
                    async for _ in connection.notifies():
                        async with self._condition:
                            self.count += 1
                            self._condition.notify_all()
            except psycopg.Error as error:
                log.warning("the watch lost the database: %s", str(error).strip())
            await asyncio.sleep(AWAY_S)
