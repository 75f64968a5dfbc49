"""Tables of projections: declared once as a struct, kept in PostgreSQL or in memory alike."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from itertools import islice
from operator import attrgetter
from typing import Any, Protocol, TypeVar, get_type_hints
from uuid import UUID

import msgspec

from ledger.projections.seen import SeenBy

Key = tuple[Any, ...]
R = TypeVar("R", bound=msgspec.Struct)

_SQL_TYPES: dict[Any, str] = {
    str: "text",
    int: "numeric(30,0)",
    bool: "boolean",
    date: "date",
    datetime: "timestamptz",
    UUID: "uuid",
    bytes: "bytea",
    tuple[str, ...]: "text[]",
}


class Position(int):
    """A position or a small count: a bigint, where `int` is a sum of any size."""


_SQL_TYPES[Position] = "bigint"


class Table:
    """A projection's table: its row type, the fields of its key and its indexes as SQL."""

    def __init__(
        self,
        name: str,
        row: type[msgspec.Struct],
        key: tuple[str, ...],
        indexes: tuple[str, ...] = (),
        *,
        leading: str | None = None,
        seen: SeenBy | None = None,
    ) -> None:
        """`leading` is the field of the key that questions begin with, where it is not the first.

        `seen` says whose its rows are; without, it is for followers alone.
        """
        self.name = name
        self.row = row
        self.key = key
        self.seen = seen
        self.primary = key if leading is None else tuple(sorted(key, key=leading.__ne__))
        self.indexes = tuple(_exact(index, key) for index in indexes)
        self.columns = row.__struct_fields__
        # Asked for millions of times in a rebuild, so it is one call into C.
        fields = attrgetter(*key)
        self.key_of: Callable[[Any], Key] = fields if len(key) > 1 else _alone(fields)

    @cached_property
    def column_types(self) -> tuple[str, ...]:
        """The SQL type of each column."""
        hints = get_type_hints(self.row)
        return tuple(_SQL_TYPES[_without_none(hints[name])] for name in self.columns)

    @cached_property
    def _turns(self) -> dict[str, Callable[[Any], Any]]:
        kinds = [kind.partition("(")[0] for kind in self.column_types]
        named = zip(self.columns, kinds, strict=True)
        return {name: TURNED[kind] for name, kind in named if kind in TURNED}

    def row_of(self, found: Mapping[str, Any]) -> Any:
        """Returns the row that a query found, of whatever else it found beside."""
        values = {name: found[name] for name in self.columns}
        for name, turn in self._turns.items():
            if values[name] is not None:
                values[name] = turn(values[name])
        return self.row(**values)


# numeric comes back as Decimal and arrays as lists; the structs hold int and tuple.
TURNED: dict[str, Callable[[Any], Any]] = {"numeric": int, "text[]": tuple}


def _exact(index: str, key: tuple[str, ...]) -> str:
    """Lets an index on a part of the key end with the rest of it.

    PostgreSQL takes each of a few columns for as good as the whole key, and may look a row up by
    them: without the rest it goes through every place of a lot for each of them.
    """
    columns = tuple(index.strip("()").split(", "))
    if not set(columns) < set(key):
        return index
    return f"({', '.join((*columns, *(name for name in key if name not in columns)))})"


def _alone(field: Callable[[Any], Any]) -> Callable[[Any], Key]:
    return lambda row: (field(row),)


class Store(Protocol):
    """Where rows are while nobody folds: loads by key, writes whole rows, selects by columns."""

    def load(self, table: Table, keys: Sequence[Key]) -> list[Any]:
        """Returns the rows of those keys that exist."""
        ...

    def write(self, table: Table, rows: Sequence[Any]) -> None:
        """Inserts rows, or replaces those of the same key."""
        ...

    def erase(self, table: Table, keys: Sequence[Key]) -> None:
        """Removes the rows of those keys."""
        ...

    def select(
        self,
        table: Table,
        equal: Mapping[str, Any],
        at_most: Mapping[str, Any],
        limit: int | None = None,
    ) -> list[Any]:
        """Returns the rows whose columns equal, or are not null and at most, the given values.

        None equals None: it finds the rows that state nothing there.
        """
        ...


class Rows:
    """One page's unit of work: rows loaded once, folded in memory, written in one stroke."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: defaultdict[str, dict[Key, Any]] = defaultdict(dict)
        self._changed: defaultdict[str, dict[Key, Any]] = defaultdict(dict)
        self._dropped: defaultdict[str, set[Key]] = defaultdict(set)
        self._tables: dict[str, Table] = {}
        self._indexes: defaultdict[str, dict[tuple[str, ...], _Index]] = defaultdict(dict)

    def prefetch(self, wanted: Iterable[tuple[Table, Key]]) -> None:
        """Loads many rows at once, so that the folds find them in memory."""
        by_table: defaultdict[Table, set[Key]] = defaultdict(set)
        for table, key in wanted:
            by_table[table].add(key)
        for table, keys in by_table.items():
            known = self._known[table.name]
            missing = [key for key in keys if key not in known]
            known.update(dict.fromkeys(missing))
            for row in self._store.load(table, missing):
                known[table.key_of(row)] = row

    def get(self, table: Table, *key: Any) -> Any:
        """Returns a row, or None. A caller that changes it MUST `put` it."""
        known = self._known[table.name]
        if key not in known:
            found = self._store.load(table, [key])
            known[key] = found[0] if found else None
        return known[key]

    def is_new(self, table: Table, *key: Any) -> None:
        """Notes that a row cannot be there yet, which saves looking for it."""
        self._known[table.name].setdefault(key, None)

    def put(self, table: Table, row: Any) -> None:
        """Keeps a new or changed row."""
        key, name = table.key_of(row), table.name
        self._tables[name] = table
        self._known[name][key] = self._changed[name][key] = row
        if self._dropped:
            self._dropped[name].discard(key)
        for index in self._indexes.get(name, {}).values():
            index.put(key, row)

    def drop(self, table: Table, row: Any) -> None:
        """Removes a row; it may be put again."""
        key, name = table.key_of(row), table.name
        self._tables[name] = table
        self._known[name][key] = None
        self._changed[name].pop(key, None)
        self._dropped[name].add(key)
        for index in self._indexes.get(name, {}).values():
            index.drop(key)

    def select(
        self,
        table: Table,
        equal: Mapping[str, Any] | None = None,
        at_most: Mapping[str, Any] | None = None,
    ) -> list[Any]:
        """Returns rows by columns, what this page changed included, in the order of their keys.

        What changed is looked up here and not written first, which would cost a merge each time.
        """
        equal, at_most = equal or {}, at_most or {}
        known, changed = self._known[table.name], self._changed[table.name]
        dropped = self._dropped[table.name]
        found = [
            row for row in self._index(table, tuple(equal)).get(tuple(equal.values()))
            if _within(row, at_most)
        ]  # fmt: skip
        for row in self._store.select(table, equal, at_most):
            key = table.key_of(row)
            if key not in changed and key not in dropped:
                if known.get(key) is None:
                    known[key] = row
                found.append(known[key])
        return sorted(found, key=table.key_of)

    def any(self, table: Table, equal: Mapping[str, Any]) -> bool:
        """Tells whether there is such a row, without reading all of them."""
        changed = self._changed[table.name]
        if self._index(table, tuple(equal)).get(tuple(equal.values())):
            return True
        # As many of the stored rows may have been changed here to something else.
        gone = changed.keys() | self._dropped[table.name]
        found = self._store.select(table, equal, {}, limit=len(gone) + 1)
        return any(table.key_of(row) not in gone for row in found)

    def _index(self, table: Table, columns: tuple[str, ...]) -> "_Index":
        indexes = self._indexes[table.name]
        if columns not in indexes:
            indexes[columns] = _Index(columns, self._changed[table.name])
        return indexes[columns]

    def flush(self) -> None:
        """Writes everything that changed; ends this unit of work."""
        for name, keys in self._dropped.items():
            if keys:
                self._store.erase(self._tables[name], sorted(keys))
        for name, rows in self._changed.items():
            if rows:
                self._store.write(self._tables[name], list(rows.values()))


class _Index:
    """The changed rows of a table by the values of some columns."""

    def __init__(self, columns: tuple[str, ...], rows: Mapping[Key, Any]) -> None:
        self._columns = columns
        self._values: dict[Key, Key] = {}
        self._rows: defaultdict[Key, dict[Key, Any]] = defaultdict(dict)
        for key, row in rows.items():
            self.put(key, row)

    def put(self, key: Key, row: Any) -> None:
        values = tuple(getattr(row, name) for name in self._columns)
        if (former := self._values.get(key)) is not None and former != values:
            del self._rows[former][key]
        self._values[key] = values
        self._rows[values][key] = row

    def drop(self, key: Key) -> None:
        if (values := self._values.pop(key, None)) is not None:
            del self._rows[values][key]

    def get(self, values: Key) -> list[Any]:
        return list(self._rows[values].values()) if values in self._rows else []


def _within(row: Any, at_most: Mapping[str, Any]) -> bool:
    return all(
        getattr(row, name) is not None and getattr(row, name) <= value
        for name, value in at_most.items()
    )


class MemoryStore:
    """A store that ends with the process; rows are copied in and out as a database would."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Key, Any]] = {}

    def load(self, table: Table, keys: Sequence[Key]) -> list[Any]:
        """See `Store.load`."""
        held = self.tables.get(table.name, {})
        return [msgspec.structs.replace(held[key]) for key in keys if key in held]

    def write(self, table: Table, rows: Sequence[Any]) -> None:
        """See `Store.write`."""
        held = self.tables.setdefault(table.name, {})
        held.update({table.key_of(row): msgspec.structs.replace(row) for row in rows})

    def erase(self, table: Table, keys: Sequence[Key]) -> None:
        """See `Store.erase`."""
        held = self.tables.get(table.name, {})
        for key in keys:
            held.pop(key, None)

    def select(
        self,
        table: Table,
        equal: Mapping[str, Any],
        at_most: Mapping[str, Any],
        limit: int | None = None,
    ) -> list[Any]:
        """See `Store.select`."""
        found = (
            msgspec.structs.replace(row)
            for row in self.tables.get(table.name, {}).values()
            if all(getattr(row, name) == value for name, value in equal.items())
            and _within(row, at_most)
        )
        return list(islice(found, limit))


def _without_none(hint: Any) -> Any:
    arguments = [a for a in getattr(hint, "__args__", ()) if a is not type(None)]
    is_union = type(None) in getattr(hint, "__args__", ())
    return arguments[0] if is_union else hint
