"""Exports of a trace: its holders, or the records that other laws ask, as sheets."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ledger.rules.trace_records import IF_DIFFERENT, TraceRecord
from ledger.trace.answer import Trace
from ledger.trace.rows import is_made_here
from ledger.values.cards import Card
from query_api.ledgers import UNITS_ZH, WITHHELD, open_cards
from query_api.sheets import Figure, Sheet
from query_api.stock import exact
from query_api.trace_schemas import TraceHolder
from query_api.views import Reader, rows

EVENTS = """
SELECT m.original, m.kind, m.merchant, m.counterparty, m.card, m.lot, m.stated, m.stated_unit,
       m.read_product, m.business_date, m.delivery, p.name_zh, p.name_en, p.pack,
       r.name AS own_name, r.owner_card AS own_card, c.name AS other_name,
       coalesce(c.owner_card, m.card) AS other_card, pl.name AS place, k.name AS maker,
       t.device, m.number
FROM (
  SELECT m.* FROM trade.movements m
  JOIN unnest(%(products)s::text[], %(lots)s::text[]) AS l(product, lot) USING (product, lot)
  UNION ALL
  -- What was made without a lot is named by its entry alone.
  SELECT m.* FROM trade.movements m WHERE m.kind = 'made' AND m.original = ANY(%(made)s)
    AND m.lot !~ '^[LR]:') m
LEFT JOIN trade.products p ON p.gtin = m.read_product
LEFT JOIN trade.merchants r ON r.merchant = m.merchant
LEFT JOIN trade.merchants c ON c.merchant = m.counterparty
LEFT JOIN trade.merchants k ON k.merchant = p.maker
LEFT JOIN trade.premises pl ON pl.premises = m.premises
LEFT JOIN edge.tapes t ON t.stream = m.stream
WHERE m.kind = ANY(%(kinds)s) AND m.position <= %(position)s
  AND (%(at)s::timestamptz IS NULL OR m.happened <= %(at)s)
  AND (%(merchants)s::text[] IS NULL OR m.merchant = ANY(%(merchants)s))
  AND (m.believed_to IS NULL OR m.believed_to > %(position)s)
  AND (m.kind = 'made' OR m.counterparty IS NOT NULL OR m.card IS NOT NULL)
ORDER BY m.business_date, m.original, m.leg
"""
EVENTS_MAX = 1_000_000
STEPS = {"goods-sold": "shipping", "goods-received": "receiving", "made": "transformation"}
HOLDER_HEADINGS = {
    "how": "怎样 how", "merchant": "商户 merchant", "name": "名称 name", "premises": "地点 premises",
    "product": "产品 product", "product_name": "品名 goods", "lot": "批 lot", "unit": "单位 unit", "told": "对方说 told",
    "taken_in": "进 in", "made": "产 made", "sold": "销 sold", "sent_back": "退 sent back",
    "used": "用 used", "disposed": "毁 disposed", "at_least": "至少 at least",
    "at_most": "至多 at most",
}  # fmt: skip

FIGURES = {
    "told",
    "taken_in",
    "made",
    "sold",
    "sent_back",
    "used",
    "disposed",
    "at_least",
    "at_most",
}


def holders_sheet(found: Trace, shown: list[TraceHolder]) -> Sheet:
    """Returns the holders of a trace as a sheet."""
    lines = ([_cell(name, getattr(h, name)) for name in HOLDER_HEADINGS] for h in shown)
    about = f"{len(shown)} holders, true at position {found.position}"
    return Sheet("流向 trace", about, list(HOLDER_HEADINGS.values()), lines, [])


class RecordSheet(NamedTuple):
    """A law's record as a sheet, with the merchants and cards whose own it shows."""

    sheet: Sheet
    merchants: set[str]
    cards: set[str]


def record_sheet(
    reader: Reader, found: Trace, record: TraceRecord, *, persons: bool
) -> RecordSheet:
    """Returns a law's record of the traced movements, each row naming what it lacks at the end.

    Without `persons` it says nothing of people.
    """
    lots = sorted(found.ahead.keys() | found.back.keys())
    events = rows(reader, f"{EVENTS} LIMIT {EVENTS_MAX}", {
        "products": [lot.product for lot in lots], "lots": [lot.key for lot in lots],
        "made": [int(lot.key[2:].partition("/")[0]) for lot in lots if is_made_here(lot)],
        "kinds": list(record.kinds), "position": found.position, "at": found.question.moment.at,
        # What spread from one merchant is with those it reached alone.
        "merchants": sorted({holder.merchant for holder in found.holders})
        if found.question.origin is not None else None,
    })  # fmt: skip
    refs = {ref for event in events for ref in (event["own_card"], event["other_card"]) if ref}
    why = f"{record.title} at position {found.position}"
    cards = open_cards(reader, refs, why) if persons else dict.fromkeys(refs, WITHHELD)
    missing: Counter[str] = Counter()
    lines = list(_lines(record, events, cards, missing))
    titles = {field.key: field.title for field in record.fields}
    notes = [[titles[key], f"missing in {n} of {len(lines)} rows"] for key, n in missing.items()]
    about = f"{record.source}; {len(lines)} rows, true at position {found.position}"
    headings = [*titles.values(), "Missing", "Ledger position", "Device", "Entry no."]
    merchants = {e[name] for e in events for name in ("merchant", "counterparty") if e[name]}
    sheet = Sheet(record.title, about, headings, iter(lines), notes)
    return RecordSheet(sheet, merchants, refs if persons else set())


def _lines(
    record: TraceRecord,
    events: list[dict[str, Any]],
    cards: Mapping[str, Card],
    missing: Counter[str],
) -> Iterator[list[str]]:
    for event in events:
        known = _fields(event, cards)
        bare = _without_address(event, cards)
        lacking = [
            field for field in record.fields
            if field.key not in _not_asked(event)
            and (not known.get(field.key) or field.key in bare)
        ]  # fmt: skip
        missing.update(field.key for field in lacking)
        yield [
            *(known.get(field.key, "") for field in record.fields),
            "; ".join(field.title for field in lacking),
            str(event["original"]), event["device"] or "", str(event["number"]),
        ]  # fmt: skip


def _not_asked(event: dict[str, Any]) -> tuple[str, ...]:
    return (*IF_DIFFERENT, "other") if event["kind"] == "made" else IF_DIFFERENT


def _fields(event: dict[str, Any], cards: Mapping[str, Card]) -> dict[str, str]:
    quantity, unit = exact(int(event["stated"])), event["stated_unit"]
    names = (event["name_zh"], event["name_en"], event["pack"])
    goods = " ".join(name for name in names if name) or event["read_product"].removeprefix("item:")
    made = event["kind"] == "made"
    own = _location(event["own_name"] or event["merchant"], cards.get(event["own_card"] or ""))
    return {
        "event": STEPS[event["kind"]],
        "lot": event["lot"].partition(":")[2],
        "quantity": Figure(quantity),
        "unit": unit,
        "amount": f"{quantity} {UNITS_ZH[unit]}",
        "description": goods,
        "own": own,
        "other": "" if made else _location(
            event["other_name"] or event["counterparty"], cards.get(event["other_card"] or "")
        ),
        "day": event["business_date"].isoformat(),
        "lot_source": own if made else event["maker"] or "",
        "reference_type": "delivery" if event["delivery"] else "ledger entry",
        "reference": event["delivery"] or str(event["original"]),
    }  # fmt: skip


def _location(name: str | None, card: Card | None) -> str:
    """Writes who and, where it is on record, the address."""
    known = [name or (card.name if card else None), card.address if card else None]
    return ", ".join(word for word in known if word)


def _without_address(event: dict[str, Any], cards: Mapping[str, Card]) -> set[str]:
    """Returns which locations are a name alone, which no law takes for one."""
    sides = {"own": event["own_card"]} | (
        {} if event["kind"] == "made" else {"other": event["other_card"]}
    )
    return {key for key, ref in sides.items() if not getattr(cards.get(ref or ""), "address", None)}


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    return Figure(value) if name in FIGURES else str(value)
