"""The flow of a trace: who gave reached goods to whom, and how much of them by either side's word."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from ledger.trace.question import How, LotName
from ledger.trace.rows import TraceRow


class FlowEdge(NamedTuple):
    """Goods of a product that went from one merchant to another, in thousandths of the unit.

    `at_least` and `at_most` are the two sides' words; where one alone speaks, they are equal.
    """

    giver: str
    taker: str
    product: str
    unit: str
    how: How
    at_least: int
    at_most: int


class _Words(NamedTuple):
    """What each side said of an edge's goods; none where it said nothing."""

    giver: int | None = None
    taker: int | None = None


def flow(
    named: Iterable[TraceRow], loose: Iterable[TraceRow], reached: Mapping[LotName, How]
) -> list[FlowEdge]:
    """Returns the edges between merchants, the largest first; those of loose goods are possible."""
    found: dict[tuple[str, str, str, str, How], _Words] = defaultdict(_Words)
    for row in named:
        _add(found, row, reached[LotName(row.product, row.lot)])
    for row in loose:
        _add(found, row, "possible")
    edges = [
        FlowEdge(*key, *_interval(words))
        for key, words in found.items()
        if max(words.giver or 0, words.taker or 0) > 0
    ]
    return sorted(edges, key=lambda edge: (-edge.at_most, edge))


def takers_of_loose(
    holders: Iterable[tuple[str, LotName, How]], reached: Collection[LotName]
) -> dict[str, set[str]]:
    """Returns by product who may hold goods that do not say their lot."""
    found: dict[str, set[str]] = defaultdict(set)
    for merchant, lot, how in holders:
        if how == "possible" and lot not in reached:
            found[lot.product].add(merchant)
    return found


def _add(found: dict[tuple[str, str, str, str, How], _Words], row: TraceRow, how: How) -> None:
    giver, taker = row.giver, row.taker
    if giver is None or taker is None or not row.believed:
        return
    back = row.kind == "goods-returned"
    # What went back is taken off again from the way it came.
    if back:
        giver, taker = taker, giver
    amount = -row.amount if back else row.amount
    key = giver, taker, row.product, row.unit, how
    words = found[key]
    if row.merchant == giver:
        found[key] = words._replace(giver=(words.giver or 0) + amount)
    else:
        found[key] = words._replace(taker=(words.taker or 0) + amount)


def _interval(words: _Words) -> tuple[int, int]:
    said = [amount for amount in words if amount is not None]
    return max(0, min(said)), max(said)
