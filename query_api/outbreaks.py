"""Outbreaks as the API answers them: suspects read from the views, sources with their reasons."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from ledger.trace.closure import Graph
from ledger.trace.outbreak import NOT_WEIGHED, Source, Suspect, common_sources
from ledger.trace.pg import PgRows
from ledger.trace.question import AsOf, How, LotName
from query_api.ledgers import known_as
from query_api.lots import product_names
from query_api.problems import Problem
from query_api.trace_schemas import OutbreakAnswer, OutbreakSource
from query_api.traces import lots_asked, merchant_names
from query_api.views import Reader, position, rows

SUSPECTS_MAX = 100
SOURCES_SHOWN_MAX = 200
HAD = """
SELECT DISTINCT product, lot FROM trade.movements
WHERE merchant = %s AND (believed_to IS NULL OR contested IS NOT NULL) AND amount > 0 AND lot <> ''
  AND business_date BETWEEN %s AND %s
  AND kind IN ('goods-received', 'goods-sold', 'day-sales', 'made', 'stock-counted')
LIMIT %s
"""
# Of more the trace behind each is no answer that anybody waits for.
HAD_MAX = 5000


class Asked(NamedTuple):
    """What is suspect: lots, each with its product, and stalls over some days."""

    products: list[str]
    lots: list[str]
    stalls: list[str]
    since: date
    until: date


def merchants_in(found: OutbreakAnswer) -> set[str]:
    """Returns the merchants that an answer names."""
    return {source.merchant for source in found.sources if source.merchant is not None}


def answer(reader: Reader, asked: Asked, *, places: bool, ending: Sequence[str]) -> OutbreakAnswer:
    """Ranks what the suspects have in common. Raises a problem for fewer than two of them."""
    head = position(reader)
    graph = Graph(PgRows(reader, AsOf(), head), ending=ending)
    suspects = list({suspect.name: suspect for suspect in _suspects(reader, asked)}.values())
    if not 1 < len(suspects) <= SUSPECTS_MAX:
        words = f"name 2 to {SUSPECTS_MAX} lots or stalls, not {len(suspects)}"
        raise Problem(422, "suspects-invalid", words)
    found = common_sources(graph, suspects, places=places)
    shown = [_shown(source, len(suspects)) for source in found[:SOURCES_SHOWN_MAX]]
    return OutbreakAnswer(
        position=head, suspects=[suspect.name for suspect in suspects], found=len(found),
        sources=_named(reader, shown),
    )  # fmt: skip


def _named(reader: Reader, shown: list[OutbreakSource]) -> list[OutbreakSource]:
    products = product_names(reader, (one.product for one in shown if one.product))
    merchants = merchant_names(reader, [one.merchant for one in shown if one.merchant])
    return [
        one.model_copy(
            update={
                "product_name": products.get(one.product or ""),
                "merchant_name": merchants.get(one.merchant or ""),
            }
        )
        for one in shown
    ]


def _suspects(reader: Reader, asked: Asked) -> list[Suspect]:
    lots = lots_asked(reader, asked.products, asked.lots) if asked.products or asked.lots else ()
    suspects = [Suspect(f"{lot.product}/{lot.key}", frozenset([lot])) for lot in lots]
    for stall in asked.stalls:
        had = rows(reader, HAD, [known_as(reader, stall), asked.since, asked.until, HAD_MAX + 1])
        if len(had) > HAD_MAX:
            words = f"{stall} had more than {HAD_MAX} lots from {asked.since}: name fewer days"
            raise Problem(422, "stall-too-large", words)
        if not had:
            words = f"nothing is recorded of {stall} from {asked.since} to {asked.until}"
            raise Problem(404, "stall-unknown", words)
        suspects.append(
            Suspect(stall, frozenset(LotName(row["product"], row["lot"]) for row in had))
        )
    return suspects


def _shown(source: Source, of: int) -> OutbreakSource:
    sure = _count(source.suspects, "certain")
    maybe = _count(source.suspects, "possible")
    lot = source.lot
    reach = "?" if source.exposed == NOT_WEIGHED else str(source.exposed)
    where = "经手 gave to" if lot is None else "到过 reached"
    return OutbreakSource(
        product=lot.product if lot else None, lot=lot.key if lot else None,
        merchant=source.merchant, score=source.score, suspects=dict(source.suspects),
        exposed=None if source.exposed == NOT_WEIGHED else source.exposed,
        product_name=None, merchant_name=None,
        reason=(
            f"解释 explains {sure + maybe} / {of} (确定 certain {sure}, 可能 possible {maybe});"
            f" {where} {reach} 户 merchants"
        ),
    )  # fmt: skip


def _count(suspects: Mapping[str, How], how: How) -> int:
    return sum(found == how for found in suspects.values())
