"""The flow of a trace: who gave reached goods to whom, and how much of them by either side's word."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from ledger.trace.question import How, LotName
from ledger.trace.rows import TraceRow

# Where the goods of an edge lie: reached for certain, possibly, or only on the way that led to what was asked.
FlowHow = How | Literal["behind"]


class FlowEdge(NamedTuple):
    """Goods of a product that went from one merchant to another, in thousandths of the unit.

    `at_least` and `at_most` are the two sides' words; where one alone speaks, they are equal.
    """

    giver: str
    taker: str
    product: str
    unit: str
    how: FlowHow
    at_least: int
    at_most: int


class _Words(NamedTuple):
    """What each side said of an edge's goods; none where it said nothing."""

    giver: int | None = None
    taker: int | None = None


def flow(
    named: Iterable[TraceRow], loose: Iterable[TraceRow], reached: Mapping[LotName, FlowHow]
) -> list[FlowEdge]:
    """Returns the edges between merchants, the largest first; those of loose goods are possible."""
    found: dict[tuple[str, str, str, str, FlowHow], _Words] = defaultdict(_Words)
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


def on_the_way(
    rows: Sequence[TraceRow], back: Collection[LotName], ahead: Collection[LotName]
) -> list[TraceRow]:
    """Returns the rows without those of ingredients that went elsewhere: they led to nothing that was asked.

    A lot that lies behind alone came to whoever used it for a lot of `back`; who else bought of it is not
    on that way. Where no entry says by name who used it, all of it stays.
    """
    made = {row.original for row in rows if row.kind == "made" and _lot(row) in back}
    users: dict[LotName, set[str]] = defaultdict(set)
    givers: dict[LotName, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        if row.kind == "used-in" and row.original in made:
            users[_lot(row)].add(row.merchant)
        elif (sides := _way(row)) is not None:
            givers[_lot(row)][sides[1]].add(sides[0])
    led = {
        lot: _leading_to(who, givers[lot]) for lot, who in users.items() if lot not in ahead
    }  # fmt: skip
    return [row for row in rows if _lot(row) not in led or _taker(row) in led[_lot(row)]]


def _leading_to(users: Collection[str], givers: Mapping[str, Collection[str]]) -> set[str]:
    found, frontier = set(users), set(users)
    while frontier:
        frontier = {giver for who in frontier for giver in givers.get(who, ())} - found
        found |= frontier
    return found


def takers_of_loose(
    holders: Iterable[tuple[str, LotName, How]], reached: Collection[LotName]
) -> dict[str, set[str]]:
    """Returns by product who may hold goods that do not say their lot."""
    found: dict[str, set[str]] = defaultdict(set)
    for merchant, lot, how in holders:
        if how == "possible" and lot not in reached:
            found[lot.product].add(merchant)
    return found


def _lot(row: TraceRow) -> LotName:
    return LotName(row.product, row.lot)


def _way(row: TraceRow) -> tuple[str, str] | None:
    """Returns who gave to whom, of a return the way it had come; None for what is no trade."""
    if row.giver is None or row.taker is None:
        return None
    return (row.taker, row.giver) if row.kind == "goods-returned" else (row.giver, row.taker)


def _taker(row: TraceRow) -> str | None:
    way = _way(row)
    return way[1] if way is not None else None


def _add(
    found: dict[tuple[str, str, str, str, FlowHow], _Words], row: TraceRow, how: FlowHow
) -> None:
    way = _way(row)
    if way is None or not row.believed:
        return
    giver, taker = way
    # What went back is taken off again from the way it came.
    amount = -row.amount if row.kind == "goods-returned" else row.amount
    key = giver, taker, row.product, row.unit, how
    words = found[key]
    if row.merchant == giver:
        found[key] = words._replace(giver=(words.giver or 0) + amount)
    else:
        found[key] = words._replace(taker=(words.taker or 0) + amount)


def _interval(words: _Words) -> tuple[int, int]:
    said = [amount for amount in words if amount is not None]
    return max(0, min(said)), max(said)
