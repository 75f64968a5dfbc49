"""Words for the hand: what it is told at once, in which colour, and what it may say."""

from typing import Literal, NamedTuple

from ledger.events.reports import GoodsAsRead
from ledger.values.quantity import StatedQuantity

Colour = Literal["green", "amber", "red", "ask"]
HELP = (
    "modes: receive, sell, return (to the supplier), take-back (from a customer), dispose:REASON,"
    " use, count; words: with:ID, delivery:NUMBER, *6, 261201, p261121, same, skip, all (of a count), sold-out, undo; a voucher's"
    " code receives its delivery, then 3=10 says what there was of line 3; of stopped goods: 1 it is,"
    " 2 it is not, sold-anyway"
)


class Told(NamedTuple):
    """What the hand is told: a colour, words, and the numbers kept on the tape."""

    colour: Colour
    words: str
    numbers: tuple[int, ...] = ()


SEVERITY: tuple[Colour, ...] = ("green", "ask", "amber", "red")


def both(first: Told, then: Told) -> Told:
    """Tells two things at once; the worse colour wins, so that no red is lost behind a green."""
    if first.colour == "amber" and then.colour == "ask":
        words = f"the one before is {first.words}; {then.words}"
        return Told("ask", words, first.numbers + then.numbers)
    colour = max(first.colour, then.colour, key=SEVERITY.index)
    return Told(colour, f"{first.words}; {then.words}", first.numbers + then.numbers)


def shown(goods: GoodsAsRead, quantity: StatedQuantity) -> str:
    """Says a line as a hand can check it: how much of what, of which lot and date."""
    parts = [f"{quantity.amount} {quantity.unit.value}", goods.gtin or goods.item or ""]
    parts += [f"lot {goods.lot}"] if goods.lot else []
    parts += [f"until {goods.expires}"] if goods.expires else []
    parts += [f"made {goods.produced}"] if goods.produced and not goods.expires else []
    return " ".join(parts)
