"""Closures: every lot that is reached from some lots, forwards or backwards, certain or possible."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from ledger.trace.loose import LooseGoods, LooseStep
from ledger.trace.question import How, LotName
from ledger.trace.rows import TraceRow, TraceRows, is_named


class Edge(NamedTuple):
    """What one lot became, or came from; `original` is the position of the entry that says so."""

    source: LotName
    target: LotName
    certain: bool
    original: int


class Graph:
    """Lots and what leads from one to another, read as far as it is asked for."""

    def __init__(self, rows: TraceRows, *, ending: Collection[str] = ()) -> None:
        """`ending` names processes that end contamination: nothing leads through them."""
        self.rows = rows
        self._ending = frozenset(ending)
        self._loose: dict[str, LooseGoods] = {}

    def loose(self, product: str) -> LooseGoods:
        """Returns what the loose goods of a product may be."""
        if product not in self._loose:
            dates = self.rows.open_dates(product)
            self._loose[product] = LooseGoods(product, self.rows.loose_world(product), dates)
        return self._loose[product]

    def forwards(self, lots: Collection[LotName]) -> list[Edge]:
        """Returns the edges that leave these lots."""
        edges: list[Edge] = []
        sources: dict[int, set[tuple[LotName, bool]]] = defaultdict(set)
        for row in self.rows.naming(lots):
            lot = LotName(row.product, row.lot)
            # A date that several lots bear is no lot: what it may be, its loose goods say.
            if row.kind == "used-in" and is_named(lot, self.rows.open_dates(row.product)):
                sources[row.original].add((lot, True))
        for step in self._steps({lot.product for lot in lots}):
            for edge in _edges(step):
                if edge.source in lots and step.what == "renamed":
                    edges.append(edge)
                elif edge.source in lots and step.what == "used":
                    sources[edge.original].add((edge.source, edge.certain))
        for row in self.rows.entries(sources):
            if row.kind == "made" and row.process not in self._ending:
                into = LotName(row.product, row.lot)
                found = sources[row.original]
                edges += [Edge(of, into, sure, row.original) for of, sure in sorted(found)]
        return edges

    def backwards(self, lots: Collection[LotName]) -> list[Edge]:
        """Returns the edges that lead to these lots."""
        made: dict[int, set[LotName]] = defaultdict(set)
        for row in self.rows.naming(lots):
            if row.kind == "made" and row.process not in self._ending:
                made[row.original].add(LotName(row.product, row.lot))
        edges = [
            Edge(source, into, sure, row.original)
            for row in self.rows.entries(made) if row.kind == "used-in"
            for source, sure in self._sources(row) for into in sorted(made[row.original])
        ]  # fmt: skip
        for step in self._steps({lot.product for lot in lots if lot.key.startswith("R:")}):
            if step.what == "renamed":
                edges += [edge for edge in _edges(step) if edge.target in lots]
        return edges

    def _sources(self, used: TraceRow) -> Iterable[tuple[LotName, bool]]:
        """Returns the lots that an input was of, or may have been of."""
        lot = LotName(used.product, used.lot)
        if is_named(lot, self.rows.open_dates(used.product)):
            yield lot, True
            return
        for step in self.loose(used.product).steps:
            place = step.row.original, step.row.leg
            if step.what == "used" and place == (used.original, used.leg):
                yield from ((edge.source, edge.certain) for edge in _edges(step))

    def _steps(self, products: Collection[str]) -> Iterable[LooseStep]:
        for product in sorted(products):
            yield from self.loose(product).steps


def closure(
    seeds: Collection[LotName],
    edges_of: Callable[[Collection[LotName]], list[Edge]],
    *,
    forwards: bool,
) -> dict[LotName, How]:
    """Returns every lot that is reached, the seeds included: over certain edges, or over any."""
    found: dict[LotName, How] = dict.fromkeys(seeds, "certain")
    frontier, beyond = set(seeds), set[LotName]()
    while frontier:
        edges = edges_of(frontier)
        beyond |= {_end(edge, forwards) for edge in edges if not edge.certain}
        frontier = {_end(edge, forwards) for edge in edges if edge.certain} - found.keys()
        found |= dict.fromkeys(frontier, "certain")
    frontier = beyond - found.keys()
    while frontier:
        found |= dict.fromkeys(frontier, "possible")
        frontier = {_end(edge, forwards) for edge in edges_of(frontier)} - found.keys()
    return found


def _end(edge: Edge, forwards: bool) -> LotName:
    return edge.target if forwards else edge.source


def _edges(step: LooseStep) -> Iterable[Edge]:
    """Returns an edge from every lot a step may be of, to what it was named; traded goods have none."""
    into = LotName(step.row.product, step.row.lot)
    for key in step.keys:
        yield Edge(LotName(step.row.product, key), into, step.certain, step.row.original)
