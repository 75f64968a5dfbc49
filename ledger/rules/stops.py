"""Stops: whether goods are among those that a hold or recall stops, or may be."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

import msgspec

from ledger.events.holds import StoppedGoods

Meets = Literal["stopped", "possible"]


class Met(NamedTuple):
    """Goods as somebody has them in hand: under any name of their product, with what is known.

    `suppliers` is None where nobody knows whom they came from.
    """

    products: Collection[str]
    lot: str | None = None
    produced: date | None = None
    expires: date | None = None
    delivery: str | None = None
    suppliers: Collection[str] | None = None


def meets(line: StoppedGoods, met: Met) -> Meets | None:
    """Tells whether a line stops goods: it does, it may as far as is known, or it does not."""
    if line.product is not None and line.product not in met.products:
        return None
    supplied = _supplied(line, met)
    part = _part(line, met)
    if supplied is None or part is None:
        return None
    return "stopped" if supplied == part == "stopped" else "possible"


def meets_any(lines: Iterable[StoppedGoods], met: Met) -> Meets | None:
    """Tells what the gravest of several lines says of goods."""
    found = {meets(line, met) for line in lines}
    return "stopped" if "stopped" in found else "possible" if "possible" in found else None


def _supplied(line: StoppedGoods, met: Met) -> Meets | None:
    if line.supplier is None:
        return "stopped"
    if met.suppliers is None:
        # All goods of unknown origin would be in question: a product must narrow it down.
        return "possible" if line.product is not None else None
    return "stopped" if line.supplier in met.suppliers else None


def _part(line: StoppedGoods, met: Met) -> Meets | None:
    """Compares the lot, or the dates where a label says no lot."""
    if line.lot is not None and met.lot:
        return "stopped" if line.lot == met.lot else None
    if line.delivery is not None:
        if met.delivery is None:
            return "possible"
        return "stopped" if line.delivery == met.delivery else None
    within = _within(line, met)
    if within is False:
        return None
    if line.lot is not None:
        # Its dates may be another lot's too: the number has to be looked at.
        return "possible"
    return "stopped" if within or not any(line.days) else "possible"


def _within(line: StoppedGoods, met: Met) -> bool | None:
    """Tells whether the dates in hand lie in a line's ranges; None where they do not say."""
    said = []
    for first, last, day in (
        (line.produced_from, line.produced_until, met.produced),
        (line.expires_from, line.expires_until, met.expires),
    ):
        if day is not None and (first or last):
            said.append((first is None or first <= day) and (last is None or day <= last))
    return all(said) if said else None


def covers_all(wider: Sequence[StoppedGoods], lines: Iterable[StoppedGoods]) -> bool:
    """Tells whether every line stops nothing that these do not stop as well.

    The dates beside a lot only say how it is told; a product alone covers all of it.
    """
    named = {_told_by(line) for line in wider}
    return all(
        line in wider or _told_by(line) in named or (line.product, None, None) in named
        for line in lines
    )


def _told_by(line: StoppedGoods) -> tuple[str | None, str | None, object]:
    if line.lot is not None and line.supplier is None:
        return line.product, line.lot, None
    bare = line.product is not None and line == StoppedGoods(product=line.product)
    return (line.product, None, None) if bare else (line.product, None, line)


def line_of(product: str, lot: str, *, supplier: str | None = None) -> StoppedGoods:
    """Returns a lot, by its key in the views, as a line that stops it."""
    about: dict[str, Any] = {"product": product, "supplier": supplier}
    kind, _, value = lot.partition(":")
    match kind:
        case "L":
            about["lot"] = value
        case "R":
            about["delivery"] = value
        case "D":
            day = date.fromisoformat(value)
            about |= {"produced_from": day, "produced_until": day}
        case "E":
            day = date.fromisoformat(value)
            about |= {"expires_from": day, "expires_until": day}
    return msgspec.convert(about, StoppedGoods)
