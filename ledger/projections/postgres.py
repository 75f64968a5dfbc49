"""Rows of projections in PostgreSQL: set-wise reads, COPY into a temporary table, merge."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from psycopg import Connection, sql
from psycopg.rows import TupleRow, tuple_row

from ledger.projections.seen import let_see
from ledger.projections.table import TURNED, Key, Table

PgConnection = Connection[TupleRow]
# Whatever rows its own cursors give; a store asks by cursors of its own.
AnyConnection = Connection[Any]


def create_tables(connection: PgConnection, schema: str, tables: Sequence[Table]) -> None:
    """Makes a schema with its tables, empty, readable to who may see its rows."""
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    for table in tables:
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in zip(table.columns, table.column_types, strict=True)
        ]
        connection.execute(
            sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
                sql.Identifier(schema, table.name),
                sql.SQL(", ").join(columns),
                _names(table.primary),
            )
        )
        for index in table.indexes:
            connection.execute(
                sql.SQL("CREATE INDEX ON {} " + index).format(sql.Identifier(schema, table.name))
            )
    grant = "GRANT USAGE ON SCHEMA {0} TO suyuan_reader"
    connection.execute(sql.SQL(grant).format(sql.Identifier(schema)))
    for table in tables:
        let_see(connection, schema, table.name, table.seen)


class _Statements:
    """The statements of one table, composed once, and how its values are turned."""

    def __init__(self, schema: str, table: Table) -> None:
        place = sql.Identifier(schema, table.name)
        self.temporary = f"new_{schema}_{table.name}"
        held = sql.Identifier(self.temporary)
        types = dict(zip(table.columns, table.column_types, strict=True))
        arrays = [sql.SQL("%s::" + types[name] + "[]") for name in table.key]
        sets = [
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
            for name in table.columns
            if name not in table.key
        ]
        self.make = sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {})").format(held, place)
        self.load = sql.SQL("SELECT t.* FROM {} t JOIN unnest({}) k ({}) USING ({})").format(
            place, sql.SQL(", ").join(arrays), _names(table.key), _names(table.key)
        )
        self.copy = sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(held)
        # A row that is all key says nothing new when it comes again.
        then = (
            sql.SQL("UPDATE SET {}").format(sql.SQL(", ").join(sets))
            if sets
            else sql.SQL("NOTHING")
        )
        merge = "INSERT INTO {} SELECT * FROM {} ON CONFLICT ({}) DO {}"
        self.merge = sql.SQL(merge).format(place, held, _names(table.key), then)
        self.erase = sql.SQL("DELETE FROM {} t USING unnest({}) k ({}) WHERE {}").format(
            place, sql.SQL(", ").join(arrays), _names(table.key),
            sql.SQL(" AND ").join(
                sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in table.key
            ),
        )  # fmt: skip
        self.empty = sql.SQL("TRUNCATE {}").format(held)
        self.types = [kind.partition("(")[0] for kind in table.column_types]
        self.turned = [(i, TURNED[kind]) for i, kind in enumerate(self.types) if kind in TURNED]
        self.lists = [i for i, kind in enumerate(self.types) if kind.endswith("[]")]


class PgStore:
    """A `Store` over one schema, inside the transaction its caller has begun."""

    def __init__(self, connection: AnyConnection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._statements: dict[str, _Statements] = {}
        # Tables whose temporary one was made: who only reads may make none.
        self._made: set[str] = set()

    def load(self, table: Table, keys: Sequence[Key]) -> list[Any]:
        """See `Store.load`."""
        if not keys:
            return []
        values = [list(column) for column in zip(*keys, strict=True)]
        return self._rows(table, self._of(table).load, values)

    def write(self, table: Table, rows: Sequence[Any]) -> None:
        """See `Store.write`."""
        statements = self._of(table)
        if table.name not in self._made:
            self._connection.execute(statements.make)
            self._made.add(table.name)
        with self._connection.cursor().copy(statements.copy) as copy:
            copy.set_types(statements.types)
            for row in rows:
                values = msgspec.structs.astuple(row)
                if statements.lists:
                    values = tuple(list(v) if isinstance(v, tuple) else v for v in values)
                copy.write_row(values)
        self._connection.execute(statements.merge)
        self._connection.execute(statements.empty)

    def erase(self, table: Table, keys: Sequence[Key]) -> None:
        """See `Store.erase`."""
        values = [list(column) for column in zip(*keys, strict=True)]
        self._connection.execute(self._of(table).erase, values)

    def select(
        self,
        table: Table,
        equal: Mapping[str, Any],
        at_most: Mapping[str, Any],
        limit: int | None = None,
    ) -> list[Any]:
        """See `Store.select`."""
        tests: list[sql.Composable] = [sql.SQL("true")]
        for name, value in equal.items():
            test = "{} IS NULL" if value is None else "{} = %s"
            tests.append(sql.SQL(test).format(sql.Identifier(name)))
        tests += [sql.SQL("{} <= %s").format(sql.Identifier(name)) for name in at_most]
        query = sql.SQL("SELECT * FROM {} WHERE {}").format(
            sql.Identifier(self._schema, table.name),
            sql.SQL(" AND ").join(tests),
        )
        if limit is not None:
            query += sql.SQL(" LIMIT {}").format(limit)
        values = [value for value in equal.values() if value is not None]
        return self._rows(table, query, [*values, *at_most.values()])

    def _of(self, table: Table) -> _Statements:
        """Returns a table's statements."""
        known = self._statements.get(table.name)
        if known is None:
            known = self._statements[table.name] = _Statements(self._schema, table)
        return known

    def _rows(self, table: Table, query: sql.Composed, values: Sequence[Any]) -> list[Any]:
        turned = self._of(table).turned
        with self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            cursor.execute(query, values)
            found = cursor.fetchall()
        if not turned:
            return [table.row(*row) for row in found]
        return [table.row(*_turn(list(row), turned)) for row in found]


def _turn(row: list[Any], turned: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    for index, turn in turned:
        if row[index] is not None:
            row[index] = turn(row[index])
    return row


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
