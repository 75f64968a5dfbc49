"""Upkeep of the views: replay beside them and compare, or rebuild and swap without downtime."""

from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql

from ledger.follower import Follower, drop_views, hold_views, make_views
from ledger.projections.groups import GROUPS, Group

PgConnection = Connection[tuple[Any, ...]]
Stepped = Callable[[int], None]
# How often a swap is tried against readers that are in its way.
SWAPS_MAX = 10


class Comparison(NamedTuple):
    """How a table's live rows compare with those of a replay."""

    table: str
    rows: int
    missing: int
    unexpected: int


class Upkeep:
    """Works on the views through two connections of the follower's role."""

    def __init__(self, follower_dsn: str) -> None:
        self._dsn = follower_dsn

    def compare(self, stepped: Stepped = lambda count: None) -> list[Comparison]:
        """Replays every group into a second copy and compares it row by row with the live one.

        Followers of a group wait only while its copy catches up the last events and is compared.
        """
        found = []
        for group in GROUPS:
            copy = self._fresh(group, "check")
            try:
                self._catch_up(copy, stepped)
                found += self._compare(group, copy)
            finally:
                copy.close()
                self._drop(copy.schema)
        return found

    def rebuild(self, group: Group, stepped: Stepped = lambda count: None) -> int:
        """Fills a new version of a group's tables and swaps it in; returns its position."""
        fresh = self._fresh(group, "next")
        self._catch_up(fresh, stepped)
        for tried in range(1, SWAPS_MAX + 1):
            try:
                position = self._swap(group, fresh)
                break
            except psycopg.errors.DeadlockDetected:
                # Readers hold one table and wait for another; they are done in a moment.
                if tried == SWAPS_MAX:
                    raise
        fresh.close()
        return position

    def _swap(self, group: Group, fresh: Follower) -> int:
        with self._connect() as connection, connection.transaction():
            hold_views(connection, group, alone=True)
            # What was recorded meanwhile; followers wait for these few events only.
            position = self._finish(fresh)
            old = f"{group.name}_old"
            self._rename(connection, group.name, old)
            self._rename(connection, fresh.schema, group.name)
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(old)))
        return position

    def _fresh(self, group: Group, suffix: str) -> Follower:
        schema = f"{group.name}_{suffix}"
        self._drop(schema)
        with self._connect() as connection, connection.transaction():
            make_views(connection, schema, group)
        return Follower(group, self._connect, schema, guarded=False)

    def _catch_up(self, follower: Follower, stepped: Stepped) -> None:
        while (count := follower.step()) > 0:
            stepped(count)

    def _finish(self, follower: Follower) -> int:
        while follower.step() > 0:
            pass
        return follower.position()

    def _compare(self, group: Group, copy: Follower) -> list[Comparison]:
        with self._connect() as connection, connection.transaction():
            hold_views(connection, group, alone=True)
            row = connection.execute(
                sql.SQL("SELECT position FROM {}").format(sql.Identifier(group.name, "position"))
            ).fetchone()
            assert row is not None
            while copy.step(upto=row[0]) > 0:
                pass
            return [
                Comparison(
                    f"{group.name}.{table.name}",
                    self._count(connection, group.name, table.name),
                    self._differing(connection, copy.schema, group.name, table.name),
                    self._differing(connection, group.name, copy.schema, table.name),
                )
                for table in group.tables
            ]

    def _count(self, connection: PgConnection, schema: str, table: str) -> int:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def _differing(self, connection: PgConnection, left: str, right: str, table: str) -> int:
        """Counts rows of `left` that do not stand in `right` just so."""
        query = sql.SQL("SELECT count(*) FROM (TABLE {} EXCEPT TABLE {}) AS d").format(
            sql.Identifier(left, table), sql.Identifier(right, table)
        )
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def _rename(self, connection: PgConnection, old: str, new: str) -> None:
        connection.execute(
            sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
        )

    def _drop(self, schema: str) -> None:
        with self._connect() as connection:
            drop_views(connection, schema)

    def _connect(self) -> PgConnection:
        return psycopg.connect(self._dsn, autocommit=True, connect_timeout=5)
