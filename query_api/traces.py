"""Traces as the API answers them: one state of the views for all of an answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ledger.trace.answer import Holder, Trace, trace
from ledger.trace.engine import ArrayEngine
from ledger.trace.estimate import Estimate
from ledger.trace.pg import PgRows
from ledger.trace.pg_stock import PgStock
from ledger.trace.question import AsOf, From, How, LotName, Question
from query_api import trace_schemas as schemas
from query_api.ledgers import known_as
from query_api.lots import base_of, lot_key, product_names
from query_api.problems import Problem
from query_api.stock import exact
from query_api.views import Reader, gtin_of, position, rows

LOTS_SHOWN_MAX = 5000
GAPS = """
SELECT g.kind, g.device, g.first_number, g.last_number, g.happened_from, g.happened_to, g.note
FROM edge.gaps g
WHERE g.kind <> 'offline' AND g.note <> 'reports lost: 0' AND g.position <= %(position)s AND g.stream IN (
    SELECT m.stream FROM trade.movements m
    JOIN unnest(%(products)s::text[], %(lots)s::text[]) AS l(product, lot) USING (product, lot))
ORDER BY g.position LIMIT 200
"""
UNSETTLED = """
SELECT a.kind, a.subject, a.merchant, a.product, a.lot, a.evidence AS position
FROM trade.alerts a
JOIN unnest(%(products)s::text[], %(lots)s::text[]) AS l(product, lot) USING (product, lot)
WHERE a.kind = ANY(%(kinds)s) AND a.opened_at <= %(position)s
  AND (a.closed_at IS NULL OR a.closed_at > %(position)s)
ORDER BY a.kind, a.subject LIMIT 200
"""
SEEDS_MAX = 100


def lots_asked(reader: Reader, products: list[str], lots: list[str]) -> tuple[LotName, ...]:
    """Returns the lots that are asked about; problems for those that nothing is recorded of."""
    if len(products) != len(lots) or not 0 < len(lots) <= SEEDS_MAX:
        raise Problem(422, "lots-invalid", f"name 1 to {SEEDS_MAX} lots, each with its product")
    found = [_lot(reader, product, lot) for product, lot in zip(products, lots, strict=True)]
    query = "SELECT 1 FROM trade.movements WHERE product = %s AND lot = %s LIMIT 1"
    for lot in found:
        if not rows(reader, query, list(lot)):
            raise Problem(
                404, "lot-unknown", f"nothing is recorded of lot {lot.key} of {lot.product}"
            )
    return tuple(found)


class Answered(NamedTuple):
    """A trace and the engine that found it: `arrays` in memory, or `postgresql` row by row."""

    trace: Trace
    engine: str


def ask(
    reader: Reader,
    lots: tuple[LotName, ...],
    moment: AsOf,
    origin: From | None,
    *,
    engine: ArrayEngine | None = None,
) -> Answered:
    """Answers a question from one state of the views, out of memory where that can be."""
    head = position(reader)
    if moment.position is not None and moment.position > head:
        raise Problem(
            422, "position-to-come", f"the views stand at {head}, before {moment.position}"
        )
    if origin is not None:
        # By the name its entries go by now; one that never had anything gets an empty answer no more.
        origin = origin._replace(merchant=known_as(reader, origin.merchant))
        had = "SELECT 1 FROM trade.movements WHERE merchant = %(m)s OR counterparty = %(m)s LIMIT 1"
        if not rows(reader, had, {"m": origin.merchant}):
            raise Problem(404, "merchant-unknown", f"nothing is recorded of {origin.merchant}")
    rows_then = PgRows(reader, moment, head)
    is_now = moment == AsOf()
    stock = PgStock(reader, rows_then.moment, is_now=is_now)
    question = Question(lots, moment, origin)
    if engine is not None:
        found = engine.answer(reader, head, question, rows_then, stock)
        if found is not None:
            return Answered(found, "arrays")
    return Answered(trace(rows_then, stock, question), "postgresql")


class HoldersWanted(NamedTuple):
    """Which holders are shown: from a place on, so many, of all or of those found by a word."""

    after: int
    limit: int
    find: str


def wanted_holders(reader: Reader, found: Trace, find: str) -> list[Holder]:
    """Returns the holders of a trace, the largest first: all, or those found by a word."""
    return sorted(_searched(reader, found.holders, find), key=_largest_first)


def page(
    reader: Reader, answered: Answered, wanted: Sequence[Holder], asked: HoldersWanted
) -> schemas.TracePage:
    """Shows a trace: all its lots, and of the `wanted` holders the part that is asked for."""
    found, (after, limit, _) = answered.trace, asked
    held = wanted[after : after + limit]
    more = after + limit if len(wanted) > after + limit else None
    return schemas.TracePage(
        position=found.position, engine=answered.engine, ahead=_lots(found.ahead), behind=_lots(found.back),
        lots_ahead=len(found.ahead), lots_behind=len(found.back), holders_in_all=len(found.holders),
        holders_found=len(wanted),
        holders=_shown(reader, held),
        worst=[
            schemas.WorstCase(
                product=w.product, unit=w.unit, left_at_most=exact(w.left_at_most),
                to_consumers=exact(w.to_consumers),
            )
            for w in found.worst
        ],
        estimate=_estimate(found.estimate), gaps=_gaps(reader, found),
        unsettled=_unsettled(reader, found),
        next=None if more is None else str(more),
    )  # fmt: skip


def merchants_in(shown: schemas.TracePage) -> set[str]:
    """Returns the merchants whose records a page shows, the parts that stand on every page included."""
    found = {holder.merchant for holder in shown.holders}
    found.update(one.merchant for one in shown.unsettled if one.merchant)
    return found.union(
        share.merchant for share in (shown.estimate.shares if shown.estimate else ())
    )


def holders(reader: Reader, found: Trace) -> list[schemas.TraceHolder]:
    """Returns every holder of a trace as it is shown."""
    return _shown(reader, found.holders)


def _shown(reader: Reader, held: Sequence[Holder]) -> list[schemas.TraceHolder]:
    names = merchant_names(reader, [holder.merchant for holder in held])
    products = product_names(reader, (holder.lot.product for holder in held))
    return [_holder(holder, names, products) for holder in held]


def _searched(reader: Reader, held: Sequence[Holder], find: str) -> Sequence[Holder]:
    """Returns the holders whose name, id or place holds a word, whatever its case and blanks."""
    word = _plain(find)
    if not word:
        return held
    names = merchant_names(reader, [holder.merchant for holder in held])
    return [
        holder
        for holder in held
        if word in _plain(names.get(holder.merchant, ""))
        or word in holder.merchant
        or word in (holder.premises or "")
    ]


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()


def _largest_first(holder: Holder) -> tuple[str, int, str, str, str]:
    """Orders the certain before the possible, and then by how much may be left, or was told of."""
    amount = holder.left.at_most if holder.left is not None else holder.told or 0
    return holder.how, -amount, holder.merchant, holder.premises or "", str(holder.lot)


def _lot(reader: Reader, product: str, lot: str) -> LotName:
    if product.startswith("item:"):
        return LotName(product, lot)
    base = base_of(reader, gtin_of(product))
    return LotName(base, lot_key(reader, base, lot))


def _lots(reached: Any) -> list[schemas.TracedLot]:
    return [
        schemas.TracedLot(product=lot.product, lot=lot.key, how=how)
        for lot, how in sorted(reached.items(), key=_certain_first)[:LOTS_SHOWN_MAX]
    ]


def _estimate(told: Estimate | None) -> schemas.TraceEstimate | None:
    if told is None:
        return None
    names = (
        "went_in",
        "under_way",
        "to_consumers",
        "used_up",
        "thrown_away",
        "missing",
        "sent_out",
    )
    shares = [
        schemas.TraceShare(
            merchant=at.merchant, product=at.lot.product, lot=at.lot.key, share=_rounded(held.share)
        )
        for at, held in sorted(told.held.items()) if held.share
    ]  # fmt: skip
    sums = {name: _rounded(getattr(told, name)) for name in names}
    return schemas.TraceEstimate(shares=shares[:LOTS_SHOWN_MAX], **sums)


def _rounded(thousandths: float) -> str:
    return exact(round(thousandths))


def _named(found: Trace) -> dict[str, Any]:
    lots = sorted(found.ahead.keys() | found.back.keys())
    return {"products": [lot.product for lot in lots], "lots": [lot.key for lot in lots]}


def _gaps(reader: Reader, found: Trace) -> list[schemas.TraceGap]:
    """Returns where the record may lack something: tapes that named these lots and were broken."""
    asked = _named(found) | {"position": found.position}
    return [schemas.TraceGap(**row) for row in rows(reader, GAPS, asked)]


def _unsettled(reader: Reader, found: Trace) -> list[schemas.TraceUnsettled]:
    """Returns what does not add up of these lots, as alerts say it that were open at its position."""
    kinds = ["oversold", "one-sided", "dates-disputed", "repacked-more"]
    about = _named(found) | {"kinds": kinds, "position": found.position}
    return [schemas.TraceUnsettled(**row) for row in rows(reader, UNSETTLED, about)]


def _certain_first(found: tuple[LotName, How]) -> tuple[str, LotName]:
    return found[1], found[0]


def merchant_names(reader: Reader, merchants: list[str]) -> dict[str, str]:
    """Returns the names of the merchants that are registered."""
    query = "SELECT merchant, name FROM trade.merchants WHERE merchant = ANY(%s)"
    return {row["merchant"]: row["name"] for row in rows(reader, query, [merchants])}


def _holder(holder: Holder, names: dict[str, str], products: dict[str, str]) -> schemas.TraceHolder:
    sums = {name: exact(amount) for name, amount in holder.sums._asdict().items()}
    left = holder.left
    return schemas.TraceHolder(
        merchant=holder.merchant, name=names.get(holder.merchant), premises=holder.premises,
        product=holder.lot.product, product_name=products.get(holder.lot.product), lot=holder.lot.key, unit=holder.unit, how=holder.how,
        # Whoever gave more than it got, by what others say, got none.
        told=None if holder.told is None else exact(max(0, holder.told)),
        at_least=exact(left.at_least) if left else None,
        at_most=exact(left.at_most) if left else None, **sums,
    )  # fmt: skip


def instant(at: datetime | None) -> datetime | None:
    """Returns an instant with its zone; a problem for one that leaves its zone open."""
    if at is not None and at.tzinfo is None:
        raise Problem(422, "zone-missing", "say the zone: 2026-11-22T08:00:00+08:00")
    return at
