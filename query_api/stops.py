"""Stops as the API answers them: what is held or recalled, where it stands, and may goods be sold."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from ledger.events.holds import STOPPED_MAX, StoppedGoods
from ledger.rules.deadlines import colour
from ledger.rules.stops import Met, meets
from ledger.trace.answer import Shelved
from ledger.trace.pg_stock import PgStock
from ledger.trace.question import AsOf, LotName
from query_api import recall_schemas as schemas
from query_api.ledgers import known_as, names_of
from query_api.lots import FAMILY, base_of, product_names
from query_api.problems import Problem
from query_api.stock import exact
from query_api.views import Reader, gtin_of, is_rehearsal, position, rows

HOLDS = """
SELECT * FROM trade.holds WHERE (%(stage)s::text IS NULL OR stage = %(stage)s)
  AND position < %(before)s ORDER BY position DESC LIMIT %(limit)s
"""
# Of a stop that is over, what it stopped to its end.
LINES = """
SELECT goods FROM trade.stop_lines s WHERE kind = %(kind)s AND stop = %(stop)s
  AND (ended_at IS NULL OR ended_at = (SELECT max(ended_at) FROM trade.stop_lines o
    WHERE o.kind = s.kind AND o.stop = s.stop AND NOT EXISTS (SELECT 1 FROM trade.stop_lines n
      WHERE n.kind = s.kind AND n.stop = s.stop AND n.ended_at IS NULL)))
ORDER BY position, index LIMIT %(limit)s
"""
# What came in without its lot may be of this one, though all that named it has left.
STOCK = """
WITH there AS (
  SELECT t.merchant, r.name, t.premises, t.product, t.lot, t.unit, l.how, t.amount
  FROM trade.stopped_lots l JOIN trade.stock t USING (product, lot)
  LEFT JOIN trade.shelves s USING (merchant, premises, product, unit)
  LEFT JOIN trade.merchants r USING (merchant)
  WHERE l.kind = %s AND l.stop = %s AND l.ended_at IS NULL
    AND greatest(t.amount, t.amount + s.loose_in - greatest(t.loose_in_before, s.empty_in)) > 0)
SELECT *, (SELECT count(DISTINCT premises) FROM there) AS places FROM there
ORDER BY how DESC, amount DESC LIMIT 500
"""
WORDS = """
SELECT * FROM (
  SELECT position, what, by, said_at, holder, note FROM trade.recall_words
  WHERE kind = %s AND subject = %s ORDER BY position DESC LIMIT 1000) AS latest
ORDER BY position
"""
KNOWN = """
SELECT l.kind, l.stop, l.how, s.goods FROM trade.stopped_lots l
JOIN trade.stop_lines s ON s.kind = l.kind AND s.stop = l.stop AND s.ended_at IS NULL
WHERE l.product = %(base)s AND l.lot = %(lot)s AND l.ended_at IS NULL
  AND (s.product = ANY(%(gtins)s) OR s.product IS NULL)
ORDER BY l.kind DESC, l.stop, s.position, s.index LIMIT 500
"""
SUPPLIED = """
SELECT s.kind, s.stop, s.goods FROM trade.stop_lines s
WHERE s.supplier IS NOT NULL AND s.product IS NULL AND s.ended_at IS NULL AND EXISTS (
  SELECT 1 FROM trade.stopped_lots l
  WHERE l.product = %(base)s AND l.kind = s.kind AND l.stop = s.stop AND l.ended_at IS NULL)
ORDER BY s.kind, s.stop, s.position, s.index LIMIT 500
"""
NEAR = """
SELECT kind, stop, goods FROM trade.stop_lines WHERE ended_at IS NULL
  AND (product = ANY(%(gtins)s) OR (product IS NULL AND supplier = ANY(%(suppliers)s)))
ORDER BY kind DESC, stop, position, index
"""
LINES_SHOWN_MAX = 500
NEWEST = 2**62


class Goods(NamedTuple):
    """Goods at a till: a code, and what its label says besides."""

    gtin: str
    lot: str | None = None
    produced: date | None = None
    expires: date | None = None
    supplier: str | None = None


def may_be_sold(reader: Reader, goods: Goods) -> schemas.CheckAnswer:
    """Tells a till whether goods are stopped, may be, or are not, as far as is known here."""
    base = base_of(reader, gtin_of(goods.gtin))
    gtins = [row["gtin"] for row in rows(reader, FAMILY, [base])]
    suppliers = names_of(reader, known_as(reader, goods.supplier)) if goods.supplier else []
    near = rows(reader, NEAR, {"gtins": gtins, "suppliers": suppliers})
    lot = (goods.lot or "").strip() or None
    met = Met(gtins, lot, goods.produced, goods.expires, suppliers=suppliers or None)
    found: dict[str | None, list[dict[str, Any]]] = {"stopped": [], "possible": [], None: []}
    for row in near:
        found[meets(_read(row), met)].append(row)
    if lot is None and not suppliers:
        # Whoever stops a supplier's goods stops some of these, as far as the record knows.
        for row in rows(reader, SUPPLIED, {"base": base}):
            found["possible"].append(row)
    if lot is not None:
        # The record may know more of this lot than its label says: its dates, where it came from.
        for row in rows(reader, KNOWN, {"base": base, "lot": f"L:{lot}", "gtins": gtins}):
            found[row["how"]].append(row)
    gravest = found["stopped"] or found["possible"]
    verdict = "stop" if found["stopped"] else "look" if gravest else "sell"
    return schemas.CheckAnswer(
        verdict=verdict, words=WORDS_OF[verdict], position=position(reader),
        stops=sorted({f"{row['kind']} {row['stop']}" for row in gravest}),
        look_for=shown_lines(reader, dict.fromkeys(_read(row) for row in gravest[:LINES_SHOWN_MAX])),
    )  # fmt: skip


WORDS_OF = {
    "stop": "停售 do not sell it: it is held or recalled; set it aside",
    "look": "请看标签 look at the label: some of this product is held or recalled",
    "sell": "没有停售 nothing here stops it, as of this position",
}


def holds(
    reader: Reader, stage: str | None, before: int, limit: int, *, now: datetime
) -> schemas.HoldPage:
    """Returns a page of holds, the newest first."""
    found = rows(reader, HOLDS, {"stage": stage, "before": before, "limit": limit + 1})
    more = str(found[limit - 1]["position"]) if len(found) > limit else None
    shown = [_hold(row, now) for row in found[:limit]]
    for one in shown:
        one.first = next(iter(lines_of(reader, "hold", one.hold, 1)), None)
    return schemas.HoldPage(position=position(reader), holds=shown, next=more)


def hold(reader: Reader, name: str, *, now: datetime) -> schemas.HoldAnswer:
    """Returns a hold. Raises a problem for one that nobody placed."""
    found = rows(reader, "SELECT * FROM trade.holds WHERE hold = %s", [name])
    if not found:
        raise Problem(404, "hold-unknown", f"no hold is called {name}: suyuan hold list")
    stock = rows(reader, STOCK, ["hold", name])
    held = _held(reader, stock)
    # Beyond what is listed, as many as may have some.
    beyond = stock[0]["places"] - len({row["premises"] for row in stock}) if stock else 0
    return schemas.HoldAnswer(
        position=position(reader), rehearsal=is_rehearsal(reader), hold=_hold(found[0], now),
        lines=lines_of(reader, "hold", name, STOPPED_MAX),
        stock=held, places=len({one.premises for one in held}) + beyond, words=words_of(reader, "hold", name),
    )  # fmt: skip


def lines_of(reader: Reader, kind: str, stop: str, limit: int) -> list[schemas.StoppedLine]:
    """Returns what a hold or recall stops now, or stopped to its end; so many lines at most."""
    found = rows(reader, LINES, {"kind": kind, "stop": stop, "limit": limit})
    return shown_lines(reader, [_read(row) for row in found])


def shown_lines(reader: Reader, lines: Iterable[StoppedGoods]) -> list[schemas.StoppedLine]:
    """Returns lines with the names of their products."""
    known = list(lines)
    names = product_names(reader, (line.product for line in known if line.product))
    return [
        schemas.StoppedLine(**msgspec.structs.asdict(line), name=names.get(line.product or ""))
        for line in known
    ]


def words_of(reader: Reader, kind: str, subject: str) -> list[schemas.CaseWord]:
    """Returns the history of a case."""
    return [schemas.CaseWord(**row) for row in rows(reader, WORDS, [kind, subject])]


def _hold(row: dict[str, Any], now: datetime) -> schemas.HoldShown:
    standing = row["stage"] == "placed"
    how = colour(row["placed_at"], row["until"], now) if standing else None
    worked_out = ("colour", "first")
    members = {name: row[name] for name in schemas.HoldShown.model_fields if name not in worked_out}
    return schemas.HoldShown(**members, colour=how)


def _held(reader: Reader, stock: list[dict[str, Any]]) -> list[schemas.HeldStock]:
    """Returns stopped goods in stock, with what is there at least and at most as a trace says it."""
    names = product_names(reader, (row["product"] for row in stock))
    left = PgStock(reader, AsOf(), is_now=True).left(map(_shelved, stock))
    members = ("merchant", "name", "premises", "product", "lot", "unit", "how")
    return [
        schemas.HeldStock(
            **{name: row[name] for name in members}, product_name=names.get(row["product"]),
            amount=exact(int(row["amount"])), at_least=exact(left[_shelved(row)].at_least),
            at_most=exact(left[_shelved(row)].at_most),
        )
        for row in stock if row["amount"] > 0 or left[_shelved(row)].at_most
    ]  # fmt: skip


def _shelved(row: dict[str, Any]) -> Shelved:
    lot = LotName(row["product"], row["lot"])
    return Shelved(row["merchant"], row["premises"], lot, row["unit"])


def _read(row: dict[str, Any]) -> StoppedGoods:
    return msgspec.json.decode(row["goods"], type=StoppedGoods)
