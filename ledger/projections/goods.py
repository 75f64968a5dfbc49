"""What was read, turned into the keys under which it adds up."""

from ledger.events.reports import GoodsAsRead

# A report of goods with a code that states neither lot nor date: which lot it is, is unknown.
LOT_UNKNOWN = ""


def product_of(goods: GoodsAsRead) -> str:
    """Returns the product's key: the GTIN's 14 digits, or `item:` and the name people use."""
    return goods.gtin if goods.gtin is not None else f"item:{' '.join((goods.item or '').split())}"


def lot_of(goods: GoodsAsRead, delivery: str) -> str:
    """Returns the lot's key within its product.

    `L:` and the lot number; else `D:` and the production date, as the Food Safety Law of the PRC,
    article 53, allows; else `E:` and the last good day, which is all many labels print. Goods
    without a code make the delivery their lot: `R:` and `delivery`.
    """
    if goods.lot is not None:
        return f"L:{goods.lot}"
    if goods.produced is not None:
        return f"D:{goods.produced.isoformat()}"
    if goods.expires is not None:
        return f"E:{goods.expires.isoformat()}"
    return LOT_UNKNOWN if goods.gtin is not None else f"R:{delivery}"
