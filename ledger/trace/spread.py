"""Scope `position`: what one merchant's contamination reached, only forwards in time."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from ledger.trace.closure import Graph
from ledger.trace.question import From, How, LotName
from ledger.trace.rows import TraceRow, is_named

ALWAYS = datetime.min.replace(tzinfo=UTC)


class Spot(NamedTuple):
    """A lot at a merchant."""

    merchant: str
    lot: LotName


class _Way(NamedTuple):
    """From one place to another by goods that happened between two times."""

    into: Spot
    earliest: datetime
    latest: datetime
    certain: bool


def spread(graph: Graph, lots: Collection[LotName], origin: From) -> dict[Spot, How]:
    """Returns every place that contamination of these lots at a merchant may have come to."""
    since = origin.since or ALWAYS
    arrived: dict[How, dict[Spot, datetime]] = {"certain": {}, "possible": {}}
    for lot in lots:
        arrived["certain"][Spot(origin.merchant, lot)] = since
    ways = _Ways(graph)
    waiting: list[tuple[Spot, How]] = [(place, "certain") for place in arrived["certain"]]
    while waiting:
        place, how = waiting.pop()
        at = arrived[how][place]
        for way in ways.out_of(place):
            if way.latest < at:
                continue
            then: How = how if way.certain else "possible"
            known = arrived[then].get(way.into)
            if known is None or max(at, way.earliest) < known:
                arrived[then][way.into] = max(at, way.earliest)
                waiting.append((way.into, then))
    return {
        **dict.fromkeys(arrived["possible"], "possible"),
        **dict.fromkeys(arrived["certain"], "certain"),
    }


class _Ways:
    """The ways out of places, read product by lot as they are asked for."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[LotName, dict[str, list[_Way]]] = {}

    def out_of(self, place: Spot) -> list[_Way]:
        """Returns where a lot may have gone from a merchant."""
        if place.lot not in self._known:
            self._known[place.lot] = self._read(place.lot)
        return self._known[place.lot].get(place.merchant, [])

    def _read(self, lot: LotName) -> dict[str, list[_Way]]:
        found: dict[str, list[_Way]] = defaultdict(list)
        used: dict[int, tuple[TraceRow, bool]] = {}
        named = is_named(lot, self._graph.rows.open_dates(lot.product))
        for row in self._graph.rows.naming([lot]):
            # What was made of a date that several lots bear, its loose goods say.
            if row.kind == "used-in" and named:
                used[row.original] = row, True
            elif row.giver is not None and row.taker is not None:
                found[row.giver].append(_way(row, Spot(row.taker, lot), True))
        for step in self._graph.loose(lot.product).steps:
            if lot.key not in step.keys:
                continue
            row = step.row
            if step.what == "used":
                used.setdefault(row.original, (row, step.certain))
            elif step.what == "traded":
                found[step.merchant].append(_way(row, Spot(row.taker or "", lot), step.certain))
            else:
                into = Spot(row.merchant, LotName(row.product, row.lot))
                found[step.merchant].append(_way(row, into, step.certain))
        for row in self._graph.rows.entries(used):
            if row.kind == "made":
                taken, sure = used[row.original]
                found[taken.merchant].append(
                    _way(taken, Spot(row.merchant, LotName(row.product, row.lot)), sure)
                )
        return found


def _way(row: TraceRow, into: Spot, certain: bool) -> _Way:
    return _Way(into, row.earliest, row.latest, certain)


def lots_in(places: Iterable[Spot]) -> set[LotName]:
    """Returns the lots at these places."""
    return {place.lot for place in places}
