"""Products of the register, with the bigrams by which they are found."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from ledger.events.cases import ProductRegistered
from ledger.projections.fold import Entry, Fold
from ledger.projections.table import Key, Position, Table


class ProductRow(msgspec.Struct):
    """A product of the register."""

    gtin: str
    name_zh: str
    name_en: str
    category: str
    pack: str | None
    maker: str | None
    shelf_life_days: Position | None
    bigrams: tuple[str, ...]
    position: Position


PRODUCTS = Table("products", ProductRow, ("gtin",), ("USING gin (bigrams)",))


class ShelfLifeKnown(NamedTuple):
    """Signal: a product's shelf life was stated."""

    gtin: str


def bigrams(text: str) -> tuple[str, ...]:
    """Returns the pairs of neighbouring characters of a text, sorted, for searching by GIN.

    Two characters are what a Chinese word mostly has; Latin letters are folded to lower case.
    """
    found: set[str] = set()
    for word in text.casefold().split():
        found.update(word[i : i + 2] for i in range(max(1, len(word) - 1)))
    return tuple(sorted(found))


class Products:
    """The register of products as rows."""

    name = "products"
    tables = (PRODUCTS,)

    def keys(self, entry: Entry) -> Iterable[tuple[Table, Key]]:
        """Nothing to load: every event here replaces its row."""
        return ()

    def fold(self, fold: Fold) -> None:
        """Takes in registrations of products."""
        event = fold.entry.event
        if not isinstance(event, ProductRegistered):
            return
        life = event.shelf_life_days
        row = ProductRow(
            event.gtin,
            event.name_zh,
            event.name_en,
            event.category,
            event.pack,
            event.maker,
            None if life is None else Position(life),
            bigrams(f"{event.name_zh} {event.name_en}"),
            Position(fold.entry.position),
        )
        fold.rows.put(PRODUCTS, row)
        fold.signals.append(ShelfLifeKnown(event.gtin))
