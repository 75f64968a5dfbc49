"""Farm produce of a simulated trade: no code, no lot; bought at dawn and sold on to stalls."""

from datetime import date
from decimal import Decimal
from typing import Any

from ledger.events.reports import GoodsAsRead, GoodsDisposed, GoodsReceived, GoodsSold
from ledger.values.quantity import StatedQuantity, Unit
from suyuan.assortment import ITEMS
from suyuan.making import Making
from suyuan.participants import FARMER, Merchant, card_ref
from suyuan.truth_books import Delivered

SOLD_ON_JIN = 5
JIN_G = 500


def buy_produce(making: Making, day: date, wholesaler: Merchant) -> None:
    """Vegetables and fish from farmers: the delivery is their lot, and some of it is thrown away."""
    for item in ITEMS:
        delivery = making.new_delivery("F", day)
        jin = Decimal(making.dice.randint(200, 900)) / 10
        making.put(
            day, 4.8, wholesaler, GoodsReceived, making.new_session(), goods=GoodsAsRead(item=item),
            quantity=_jin(jin), delivery=delivery, counterparty_card=card_ref(FARMER.name),
        )  # fmt: skip
        making.put(
            day, 10.5, wholesaler, GoodsDisposed, making.new_session(), reason="damaged",
            goods=GoodsAsRead(item=item), quantity=_jin(Decimal(2)), delivery=delivery,
        )  # fmt: skip
        named = f"{wholesaler.id}/{delivery}"
        making.truth.weigh_in(wholesaler.premises, item, named, int((jin - 2) * JIN_G))


def sell_produce_on(
    making: Making, day: date, wholesaler: Merchant, stalls: list[Merchant]
) -> None:
    """A basket of each to a stall: one both enter, one the seller forgets, one the buyer."""
    for number, item in enumerate(ITEMS):
        stall = making.dice.choice(stalls)
        delivery, quantity = making.new_delivery("P", day), _jin(Decimal(SOLD_ON_JIN))
        grams = SOLD_ON_JIN * JIN_G
        told = Delivered(wholesaler.id, stall.id, f"item:{item}", "g", delivery)
        fields: dict[str, Any] = {
            "goods": GoodsAsRead(item=item),
            "quantity": quantity,
            "delivery": delivery,
        }
        if number != 1:
            making.put(day, 9.0, wholesaler, GoodsSold, making.new_session(),
                      counterparty=stall.id, **fields)  # fmt: skip
            making.truth.weigh_out(wholesaler.premises, item, grams)
            making.truth.books.sell(told, grams * 1000, day)
        if number != 2:
            making.put(day, 9.2, stall, GoodsReceived, making.new_session(),
                      counterparty=wholesaler.id, **fields)  # fmt: skip
            lot = f"{stall.id}/{delivery}"
            making.truth.weigh_in(stall.premises, item, lot, grams)
            making.truth.books.receive(told, grams * 1000, day, lot=f"R:{lot}")


def _jin(amount: Decimal) -> StatedQuantity:
    return StatedQuantity(amount=amount, unit=Unit.JIN)
