"""Pairs of a merchant's trades: what both sides say, by totals."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from ledger.projections.pairs import PAIR_CELLS, RUN_DAYS, TRADING_DAYS, Run, trading_runs
from query_api import schemas
from query_api.ledgers import names_of
from query_api.stock import exact
from query_api.views import Reader, rows

# By the delivery's number where both carry it, else by the lot and its trading days: DESIGN,
# section 5. Read in the order of what pages, so that a page reads no more than it shows.
CELLS = """
SELECT c.*, k.numbered, CASE WHEN k.numbered THEN c.delivery ELSE '' END AS grouped,
       CASE WHEN k.numbered THEN '' ELSE c.lot END AS of_lot, p.name_zh
FROM trade.pair_cells c
JOIN trade.paired_numbers n USING (seller, buyer, product, unit, delivery)
LEFT JOIN trade.products p ON p.gtin = c.product
CROSS JOIN LATERAL (
    SELECT delivery <> '' AND n.sold_entries > 0 AND n.received_entries > 0 AS numbered
) k
WHERE (c.seller = %(merchant)s OR c.buyer = %(merchant)s)
  AND (k.numbered OR c.day BETWEEN %(from)s AND %(to)s)
  AND (c.seller, c.buyer, c.product, c.unit, CASE WHEN k.numbered THEN c.delivery ELSE '' END,
       CASE WHEN k.numbered THEN '' ELSE c.lot END)
      >= (%(a)s, %(b)s, %(c)s, %(d)s, %(e)s, %(f)s)
ORDER BY c.seller, c.buyer, c.product, c.unit, grouped, of_lot, c.day
"""
# What one side took back after both had agreed: both readings are shown.
CONTESTED = """
SELECT m.original, m.believed_to, m.kind, coalesce(a.merchant, m.merchant) AS merchant,
       coalesce(b.merchant, m.counterparty) AS counterparty, m.product, m.unit, m.lot,
       coalesce(m.delivery, '') AS delivery, m.amount, m.business_date AS day
FROM trade.movements m
LEFT JOIN trade.merchant_aliases a ON a.alias = m.merchant
LEFT JOIN trade.merchant_aliases b ON b.alias = m.counterparty
WHERE m.contested = 'confirmed' AND m.product = ANY(%(products)s)
  AND (m.merchant = ANY(%(names)s) OR m.counterparty = ANY(%(names)s))
  AND m.business_date BETWEEN %(from)s AND %(to)s
ORDER BY m.original LIMIT 1000
"""


class PairGroup(NamedTuple):
    """What both sides say of one delivery, or of one lot about some days."""

    seller: str
    buyer: str
    product: str
    unit: str
    delivery: str
    lot: str
    name_zh: str | None
    numbers: list[str]
    run: Run

    @property
    def key(self) -> list[str]:
        """Its place among the pairs of a merchant."""
        return [*self[:6], self.run.last.isoformat()]


def page(
    reader: Reader, merchant: str, since: date, until: date, *, after: list[str], limit: int
) -> list[schemas.TradePair]:
    """Returns groups of a merchant's trades behind a key, with what both sides say."""
    # A run that reaches into the period began up to a week before it, and may be answered after.
    values: dict[str, Any] = {
        "merchant": merchant, "from": _day(since, -RUN_DAYS - TRADING_DAYS),
        "to": _day(until, RUN_DAYS + TRADING_DAYS),
    }  # fmt: skip
    found: list[PairGroup] = []
    with reader.cursor() as cells:
        cells.execute(CELLS, values | dict(zip("abcdef", after, strict=False)))
        for group in _groups(cells):
            inside = group.run.first <= until and group.run.last >= since
            if inside and group.key > after:
                found.append(group)
            if len(found) == limit:
                break
    asked = values | {"products": sorted({group.product for group in found})}
    asked["names"] = names_of(reader, merchant)
    contested = rows(reader, CONTESTED, asked) if found else []
    return [_pair(group, [c for c in contested if _is_of(c, group)]) for group in found]


def _day(day: date, distance: timedelta) -> date:
    """Returns a day so far off, or the last or first there is."""
    try:
        return day + distance
    except OverflowError:
        return day


def _groups(cells: Iterator[dict[str, Any]]) -> Iterator[PairGroup]:
    """Groups cells as they come, in the order of their keys."""
    names = ("seller", "buyer", "product", "unit", "grouped", "of_lot")
    for key, same in groupby(cells, key=lambda cell: [cell[name] for name in names]):
        seller, buyer, product, unit, delivery, lot = key
        held = list(same)
        numbers = sorted({cell["delivery"] for cell in held} - {""})
        runs = trading_runs(map(PAIR_CELLS.row_of, held))
        if held[0]["numbered"]:
            runs = [_whole(runs)]
        for run in runs:
            name = held[0]["name_zh"]
            yield PairGroup(seller, buyer, product, unit, delivery, lot, name, numbers, run)


def _whole(runs: list[Run]) -> Run:
    """Returns what runs of one delivery's number add up to, whenever each side entered it."""
    totals = [sum(amounts) for amounts in zip(*(run[2:] for run in runs), strict=True)]
    return Run(runs[0].first, runs[-1].last, *totals)


def _is_of(entry: dict[str, Any], group: PairGroup) -> bool:
    """Tells whether an entry that was taken back had belonged to a group."""
    same = (entry["product"], entry["unit"]) == (group.product, group.unit)
    sides = {entry["merchant"], entry["counterparty"]} == {group.seller, group.buyer}
    if group.delivery:
        return same and sides and entry["delivery"] == group.delivery
    # Once one side is void, the number pairs nothing: what is left stands under its lot and day.
    first, last = _day(group.run.first, -TRADING_DAYS), _day(group.run.last, TRADING_DAYS)
    lots = entry["lot"] == group.lot or "" in (entry["lot"], group.lot)
    return same and sides and lots and first <= entry["day"] <= last


def _pair(group: PairGroup, contested: list[dict[str, Any]]) -> schemas.TradePair:
    run = group.run
    if run.sold_entries and run.received_entries:
        status = "confirmed" if run.sold == run.received else "differs"
    else:
        status = "seller-only" if run.sold_entries else "buyer-only"
    return schemas.TradePair(
        seller=group.seller, buyer=group.buyer, product=group.product, name_zh=group.name_zh,
        unit=group.unit, delivery=group.delivery or None, lot=group.lot, status=status,
        sold=exact(int(run.sold)), received=exact(int(run.received)),
        difference=exact(int(run.received - run.sold)), first_day=run.first, last_day=run.last,
        numbers=group.numbers,
        contested=[
            schemas.ContestedEntry(
                position=entry["original"], corrected_at=entry["believed_to"], kind=entry["kind"],
                merchant=entry["merchant"], amount=exact(int(entry["amount"])),
            )
            for entry in contested
        ],
    )  # fmt: skip
