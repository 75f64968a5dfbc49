"""Tiers of a flow: who stands before whom, with cycles of goods left where they close."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

Edge = tuple[str, str]


def tiers(nodes: Iterable[str], edges: Iterable[Edge]) -> dict[str, int]:
    """Returns the tier of each node: one more than the furthest before it, not counting ways back."""
    onward = _without_ways_back(list(nodes), _onward(edges))
    waiting: dict[str, int] = defaultdict(int)
    for takers in onward.values():
        for taker in takers:
            waiting[taker] += 1
    found = dict.fromkeys(onward, 0)
    ready = [node for node in onward if not waiting[node]]
    while ready:
        node = ready.pop()
        for taker in onward[node]:
            found[taker] = max(found[taker], found[node] + 1)
            waiting[taker] -= 1
            if not waiting[taker]:
                ready.append(taker)
    return found


def in_order(placed: Mapping[str, int], edges: Sequence[Edge]) -> list[list[str]]:
    """Returns the nodes tier by tier, each near those it got its goods from (barycentre)."""
    before: dict[str, list[str]] = defaultdict(list)
    for giver, taker in edges:
        if placed[giver] < placed[taker]:
            before[taker].append(giver)
    columns: list[list[str]] = [[] for _ in range(max(placed.values(), default=-1) + 1)]
    for node, tier in sorted(placed.items()):
        columns[tier].append(node)
    row: dict[str, float] = {}
    for column in columns:
        for index, node in enumerate(column):
            row[node] = index
        middle = {
            node: sum(row[g] for g in before[node]) / len(before[node])
            if before[node]
            else row[node]
            for node in column
        }
        column.sort(key=lambda node: (middle[node], node))
        for index, node in enumerate(column):
            row[node] = index
    return columns


def _onward(edges: Iterable[Edge]) -> dict[str, list[str]]:
    onward: dict[str, list[str]] = defaultdict(list)
    for giver, taker in dict.fromkeys(edges):
        if giver != taker:
            onward[giver].append(taker)
    return onward


def _without_ways_back(
    nodes: Sequence[str], onward: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Leaves out the edges that lead back to somebody on the way there; walks without recursion."""
    kept: dict[str, list[str]] = {node: [] for node in nodes}
    done: set[str] = set()
    # Who gave and never took comes first, so that the way goods went is the way that is drawn.
    takers = {taker for found in onward.values() for taker in found}
    for start in sorted(nodes, key=lambda node: (node in takers, node)):
        if start in done:
            continue
        way, on_way = [(start, iter(onward.get(start, ())))], {start}
        while way:
            node, rest = way[-1]
            taker = next(rest, None)
            if taker is None:
                way.pop()
                on_way.discard(node)
                done.add(node)
            elif taker not in on_way:
                kept[node].append(taker)
                if taker not in done:
                    way.append((taker, iter(onward.get(taker, ()))))
                    on_way.add(taker)
    return kept
