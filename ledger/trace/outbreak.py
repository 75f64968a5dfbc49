"""Outbreaks: what several suspects have in common behind them, with the reason for each score."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ledger.trace.closure import Graph, closure
from ledger.trace.question import How, LotName

# A possible way counts for half of a certain one.
POSSIBLE_WEIGHT = 0.5
# For so many of the best the places they reached are counted as well.
WEIGHED_MAX = 50
NOT_WEIGHED = 10**9


class Suspect(NamedTuple):
    """What fell under suspicion: a lot, or all that a stall had in some days."""

    name: str
    lots: frozenset[LotName]


class Source(NamedTuple):
    """A lot, or with `lot` null a merchant's place, that may be behind several suspects.

    `suspects` says how each is reached; `exposed` how many merchants it reached in all, suspects
    or not: of two sources that explain the same, the one that reached fewer explains it better.
    """

    lot: LotName | None
    merchant: str | None
    suspects: Mapping[str, How]
    exposed: int

    @property
    def score(self) -> float:
        """How many suspects it explains, a possible way counting half."""
        return sum(1 if how == "certain" else POSSIBLE_WEIGHT for how in self.suspects.values())


def common_sources(graph: Graph, suspects: Sequence[Suspect], *, places: bool) -> list[Source]:
    """Returns what is behind two suspects or more, the likeliest first.

    `places` adds merchants where contamination may have passed from one lot to another.
    """
    behind = {
        suspect.name: closure(suspect.lots, graph.backwards, forwards=False) for suspect in suspects
    }
    found: dict[LotName, dict[str, How]] = defaultdict(dict)
    for name, reached in behind.items():
        for lot, how in reached.items():
            found[lot][name] = how
    sources = [Source(lot, None, hows, 0) for lot, hows in found.items() if len(hows) > 1]
    ranked = sorted(sources, key=_rank)
    weighed = [s._replace(exposed=_exposed(graph, s.lot)) for s in ranked[:WEIGHED_MAX]]
    # The rest are told as well, behind those of their score that were weighed.
    weighed += [s._replace(exposed=NOT_WEIGHED) for s in ranked[WEIGHED_MAX:]]
    if places:
        weighed += _places(graph, behind)
    return sorted(weighed, key=_rank)


def _rank(source: Source) -> tuple[float, bool, int, tuple[str, ...]]:
    # A lot says more than a place through which many lots went.
    name = tuple(source.lot) if source.lot is not None else (source.merchant or "",)
    return -source.score, source.lot is None, source.exposed, name


def _exposed(graph: Graph, lot: LotName | None) -> int:
    """Returns how many merchants had a lot or what it became."""
    ahead = closure([lot] if lot is not None else [], graph.forwards, forwards=True)
    return len(_merchants(graph, ahead))


def _merchants(graph: Graph, lots: Collection[LotName]) -> set[str]:
    """Returns who has had any of these lots, by own rows or another's."""
    rows = graph.rows.naming(lots)
    others = (row.counterparty for row in rows if row.giver is not None and row.counterparty)
    return {row.merchant for row in rows} | set(others)


def _places(graph: Graph, behind: Mapping[str, Mapping[LotName, How]]) -> Iterable[Source]:
    """Returns merchants that two suspects' goods came through, or their sources did."""
    found: dict[str, dict[str, How]] = defaultdict(dict)
    for name, reached in behind.items():
        sure = [lot for lot, how in reached.items() if how == "certain"]
        for merchant in _merchants(graph, list(reached)):
            found[merchant][name] = "possible"
        for merchant in _merchants(graph, sure):
            found[merchant][name] = "certain"
    for merchant, hows in sorted(found.items()):
        if len(hows) > 1:
            given = {lot for reached in behind.values() for lot in reached}
            rows = graph.rows.naming(given)
            takers = {row.taker for row in rows if row.giver == merchant and row.taker != merchant}
            yield Source(None, merchant, hows, len(takers))
