"""Rows of projections in PostgreSQL: set-wise reads, COPY into a temporary table, merge."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from ledger.projections.table import Key, Position, Table

PgConnection = Connection[TupleRow]


def create_tables(connection: PgConnection, schema: str, tables: Sequence[Table]) -> None:
    """Makes a schema with its tables, empty, readable to the services that query."""
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    for table in tables:
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in zip(table.columns, table.column_types(), strict=True)
        ]
        connection.execute(
            sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
                sql.Identifier(schema, table.name),
                sql.SQL(", ").join(columns),
                _names(table.key),
            )
        )
        for index in table.indexes:
            connection.execute(
                sql.SQL("CREATE INDEX ON {} " + index).format(sql.Identifier(schema, table.name))
            )
    grant = "GRANT USAGE ON SCHEMA {0} TO suyuan_reader"
    connection.execute(sql.SQL(grant).format(sql.Identifier(schema)))
    grant = "GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO suyuan_reader"
    connection.execute(sql.SQL(grant).format(sql.Identifier(schema)))


class PgStore:
    """A `Store` over one schema, inside the transaction its caller has begun."""

    def __init__(self, connection: PgConnection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._temporary: set[str] = set()

    def load(self, table: Table, keys: Sequence[Key]) -> list[Any]:
        """See `Store.load`."""
        if not keys:
            return []
        types = dict(zip(table.columns, table.column_types(), strict=True))
        arrays = [sql.SQL("%s::" + types[name] + "[]") for name in table.key]
        query = sql.SQL("SELECT t.* FROM {} t JOIN unnest({}) k ({}) USING ({})").format(
            sql.Identifier(self._schema, table.name),
            sql.SQL(", ").join(arrays),
            _names(table.key),
            _names(table.key),
        )
        return self._rows(table, query, [list(column) for column in zip(*keys, strict=True)])

    def write(self, table: Table, rows: Sequence[Any]) -> None:
        """See `Store.write`."""
        temporary = self._make_temporary(table)
        copy_sql = sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(temporary)
        with self._connection.cursor().copy(copy_sql) as copy:
            copy.set_types([_base(kind) for kind in table.column_types()])
            for row in rows:
                copy.write_row([_plain(value) for value in msgspec.structs.astuple(row)])
        others = [name for name in table.columns if name not in table.key]
        sets = sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others
        )
        self._connection.execute(
            sql.SQL("INSERT INTO {} SELECT * FROM {} ON CONFLICT ({}) DO UPDATE SET {}").format(
                sql.Identifier(self._schema, table.name), temporary, _names(table.key), sets
            )
        )
        self._connection.execute(sql.SQL("TRUNCATE {}").format(temporary))

    def select(
        self, table: Table, equal: Mapping[str, Any], at_most: Mapping[str, Any]
    ) -> list[Any]:
        """See `Store.select`."""
        tests = [sql.SQL("{} = %s").format(sql.Identifier(name)) for name in equal]
        tests += [sql.SQL("{} <= %s").format(sql.Identifier(name)) for name in at_most]
        query = sql.SQL("SELECT * FROM {} WHERE {}").format(
            sql.Identifier(self._schema, table.name), sql.SQL(" AND ").join(tests)
        )
        return self._rows(table, query, [*equal.values(), *at_most.values()])

    def _rows(self, table: Table, query: sql.Composed, values: Sequence[Any]) -> list[Any]:
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(query, values)
            return [_struct(table, row) for row in cursor.fetchall()]

    def _make_temporary(self, table: Table) -> sql.Identifier:
        name = f"new_{self._schema}_{table.name}"
        if name not in self._temporary:
            self._connection.execute(
                sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {})").format(
                    sql.Identifier(name), sql.Identifier(self._schema, table.name)
                )
            )
            self._temporary.add(name)
        return sql.Identifier(name)


def _struct(table: Table, row: TupleRow) -> Any:
    # numeric comes back as Decimal and arrays as lists; the structs hold int and tuple.
    kinds = table.column_types()
    values = [
        int(value) if kind.startswith("numeric") and value is not None
        else tuple(value) if kind.endswith("[]") and value is not None
        else value
        for kind, value in zip(kinds, row, strict=True)
    ]  # fmt: skip
    return table.row(*values)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return int(value) if isinstance(value, Position) else value


def _base(kind: str) -> str:
    return kind.partition("(")[0]


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
