"""Goods as they were read: the keys a label and a person gave them."""

from collections.abc import Iterable

from ledger.events.base import Event
from ledger.events.reports import (
    DaySalesTotalled,
    EntryCorrected,
    GoodsAsRead,
    GoodsMoved,
    GoodsTransformed,
)

# A report of goods that states neither lot nor date: which lot it is, is unknown.
LOT_UNKNOWN = ""


def goods_in(event: Event) -> Iterable[GoodsAsRead]:
    """Returns the goods an event speaks of."""
    match event:
        case GoodsMoved():
            return (event.goods,)
        case DaySalesTotalled():
            return tuple(line.goods for line in event.lines)
        case GoodsTransformed():
            return tuple(portion.goods for portion in event.inputs + event.outputs)
        case EntryCorrected(goods=goods) if goods is not None:
            return (goods,)
    return ()


def product_of(goods: GoodsAsRead) -> str:
    """Returns the product's key: the GTIN's 14 digits, or `item:` and the name people use."""
    return goods.product


def lot_of(goods: GoodsAsRead, delivery: str | None) -> str:
    """Returns the lot's key within its product.

    `L:` and the lot number; else `D:` and the production date, as the Food Safety Law of the PRC,
    article 53, allows; else `E:` and the last good day, which is all many labels print. Goods
    without a code make the delivery they came by their lot: `R:` and its name, where it is known.
    """
    if goods.lot is not None:
        return f"L:{goods.lot}"
    if goods.produced is not None:
        return f"D:{goods.produced.isoformat()}"
    if goods.expires is not None:
        return f"E:{goods.expires.isoformat()}"
    return LOT_UNKNOWN if goods.gtin is not None or delivery is None else f"R:{delivery}"
