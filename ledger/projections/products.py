"""Products of the register: what each is called, what it is a case of, and what its units hold."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from ledger.events.cases import ProductRegistered
from ledger.projections.as_read import goods_in, product_of
from ledger.projections.fold import Entry, Fold
from ledger.projections.seen import OPEN
from ledger.projections.sounds import spoken_of
from ledger.projections.table import Key, Position, Rows, Table
from ledger.rules.register import LEVELS_MAX
from ledger.values.bigrams import bigrams
from ledger.values.quantity import Pack
from ledger.values.spoken import spoken_grams


class ProductRow(msgspec.Struct):
    """A product of the register; `packs` is what its units hold, as JSON."""

    gtin: str
    name_zh: str
    name_en: str
    category: str
    pack: str | None
    maker: str | None
    shelf_life_days: Position | None
    base: str | None
    contains: Position | None
    packs: str
    bigrams: tuple[str, ...]
    # How the Chinese name is said, and the pairs of letters that it can be typed by.
    spoken: str
    spoken_grams: tuple[str, ...]
    position: Position


class ProductCases(msgspec.Struct):
    """The products that are cases of one, each of the next level."""

    base: str
    cases: tuple[str, ...]


PRODUCTS = Table(
    "products",
    ProductRow,
    ("gtin",),
    ("USING gin (bigrams)", "USING gin (spoken_grams)"),
    seen=OPEN,
)
PRODUCT_CASES = Table("product_cases", ProductCases, ("base",))


class ShelfLifeKnown(NamedTuple):
    """Signal: a product's shelf life was stated."""

    gtin: str


class ConversionKnown(NamedTuple):
    """Signal: what a product is a case of, or what its units hold, is stated differently."""

    gtin: str
    former_base: str


def base_of(rows: Rows, product: str) -> tuple[str, int]:
    """Returns the product that a GTIN is a case of in the end, and how many of it one holds.

    Where the register leads in a circle, a product is itself.
    """
    base, contains = product, 1
    for _ in range(LEVELS_MAX + 1):
        row = rows.get(PRODUCTS, base)
        if row is None or row.base is None:
            return base, contains
        base, contains = row.base, contains * row.contains
    return product, 1


def packs_of(rows: Rows, product: str) -> Sequence[Pack]:
    """Returns what the units of a product hold, as the register says."""
    row = rows.get(PRODUCTS, product)
    return () if row is None else _read_packs(row.packs)


_write = msgspec.json.Encoder(decimal_format="string").encode


def _write_packs(packs: Sequence[Pack]) -> str:
    return _write(packs).decode()


@lru_cache(4096)
def _read_packs(text: str) -> tuple[Pack, ...]:
    return msgspec.json.decode(text, type=tuple[Pack, ...])


def family_of(rows: Rows, gtin: str) -> list[str]:
    """Returns a product and every product that is a case of it, at any level."""
    found, new = [gtin], [gtin]
    for _ in range(LEVELS_MAX + 1):
        held = [row for base in new if (row := rows.get(PRODUCT_CASES, base)) is not None]
        new = [case for row in held for case in row.cases if case not in found]
        found += new
    return found


class Products:
    """The register of products as rows."""

    name = "products"
    tables = (PRODUCTS, PRODUCT_CASES)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The products that the goods in this entry may be, and one that is registered."""
        if isinstance(entry.event, ProductRegistered):
            yield PRODUCTS, (entry.event.gtin,)
        for goods in goods_in(entry.event):
            yield PRODUCTS, (product_of(goods),)

    def fold(self, fold: Fold) -> None:
        """Takes in registrations of products."""
        event = fold.entry.event
        if not isinstance(event, ProductRegistered):
            return
        before = fold.rows.get(PRODUCTS, event.gtin)
        former_base = base_of(fold.rows, event.gtin)[0]
        life, contains = event.shelf_life_days, event.contains
        spoken = spoken_of(event.name_zh)
        row = ProductRow(
            event.gtin,
            event.name_zh,
            event.name_en,
            event.category,
            event.pack,
            event.maker,
            None if life is None else Position(life),
            event.base,
            None if contains is None else Position(contains),
            _write_packs(event.packs),
            bigrams(f"{event.name_zh} {event.name_en}"),
            spoken,
            spoken_grams(spoken),
            Position(fold.entry.position),
        )
        fold.rows.put(PRODUCTS, row)
        for base in {row.base, before.base if before is not None else None}:
            if base is not None:
                _note_case(fold, base, row)
        fold.signals.append(ShelfLifeKnown(event.gtin))
        if _conversion(before) != _conversion(row):
            fold.signals.append(ConversionKnown(event.gtin, former_base))


def _note_case(fold: Fold, base: str, row: ProductRow) -> None:
    known = fold.rows.get(PRODUCT_CASES, base)
    cases = set(known.cases if known is not None else ()) - {row.gtin}
    cases |= {row.gtin} if row.base == base else set()
    noted = ProductCases(base, tuple(sorted(cases)))
    (fold.rows.put if cases else fold.rows.drop)(PRODUCT_CASES, noted)


def _conversion(row: ProductRow | None) -> tuple[str | None, int | None, str]:
    return (row.base, row.contains, row.packs) if row is not None else (None, None, "[]")
