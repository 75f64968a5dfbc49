"""The flow of a trace as the API shows it: its merchants by name, and what went between them."""

from collections import defaultdict

from ledger.trace.answer import Trace
from ledger.trace.flow import FlowEdge, FlowHow, flow, on_the_way, takers_of_loose
from ledger.trace.pg import PgRows
from ledger.trace.question import LotName
from query_api.lots import product_names
from query_api.stock import exact
from query_api.trace_schemas import FlowLine, FlowNode, FlowPage
from query_api.views import Reader, position, rows

REGISTER = "SELECT merchant, name, kind, district FROM trade.merchants WHERE merchant = ANY(%s)"


def flow_page(reader: Reader, found: Trace) -> FlowPage:
    """Returns who gave to whom what a trace reached, ahead and behind."""
    reached: dict[LotName, FlowHow] = {**dict.fromkeys(found.back, "behind"), **found.ahead}
    moment = PgRows(reader, found.question.moment, position(reader))
    loose = takers_of_loose(((h.merchant, h.lot, h.how) for h in found.holders), reached)
    unnamed = [row for product, who in loose.items() for row in moment.loose_rows(product, who)]
    named = on_the_way([*moment.naming(reached)], found.back, found.ahead)
    edges = flow(named, unnamed, reached)
    return FlowPage(
        position=found.position,
        nodes=_nodes(reader, found, edges),
        edges=[_line(edge) for edge in edges],
        product_names=product_names(reader, {edge.product for edge in edges}),
    )


def _line(edge: FlowEdge) -> FlowLine:
    told = edge._asdict() | {"at_least": exact(edge.at_least), "at_most": exact(edge.at_most)}
    return FlowLine(**told)


def _nodes(reader: Reader, found: Trace, edges: list[FlowEdge]) -> list[FlowNode]:
    asked = {lot.product for lot in found.question.lots}
    how: dict[str, str] = {who: "behind" for edge in edges for who in (edge.giver, edge.taker)}
    lots: dict[str, int] = defaultdict(int)
    left: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for holder in found.holders:
        if how.get(holder.merchant) != "certain":
            how[holder.merchant] = holder.how
        lots[holder.merchant] += 1
        # Of what was asked about alone: pieces of yoghurt and of sauce add up to nothing.
        if holder.left is not None and holder.lot.product in asked:
            left[holder.merchant][holder.unit] += holder.left.at_most
    known = {row["merchant"]: row for row in rows(reader, REGISTER, [sorted(how)])}
    nobody = {"name": None, "kind": None, "district": None}
    return [
        FlowNode(
            how=how[who], lots=lots[who],
            left_at_most={unit: exact(amount) for unit, amount in sorted(left[who].items())},
            **(known.get(who) or nobody | {"merchant": who}),
        )
        for who in sorted(how)
    ]  # fmt: skip
