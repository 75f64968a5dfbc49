"""The work of a recall: what to name in it, whom to call, and whom to check."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from ledger.events.holds import StoppedGoods
from ledger.rules.stops import line_of
from ledger.trace.answer import Trace
from ledger.trace.question import LotName
from query_api import recall_schemas as schemas
from query_api.ledgers import open_cards
from query_api.recall_accounts import Accounts, Words, accounts_of
from query_api.recalls import MERCHANTS, row_of, widened_at
from query_api.stock import exact
from query_api.stops import shown_lines
from query_api.views import Reader, is_rehearsal, rows

# To whom recalled goods went who is in no register, and how much of what from whom.
CARDS = """
SELECT m.card, m.merchant AS giver, m.product, m.unit, sum(m.amount) AS amount
FROM trade.movements m JOIN trade.stopped_lots l USING (product, lot)
WHERE l.kind = 'recall' AND l.stop = %s AND l.ended_at IS NULL AND m.kind = 'goods-sold'
  AND m.card IS NOT NULL AND m.counterparty IS NULL AND m.believed_to IS NULL
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
ALERTS = """
SELECT merchant, count(*) AS n FROM trade.alerts
WHERE closed_at IS NULL AND merchant = ANY(%s) GROUP BY merchant
"""
CLAIMS = """
SELECT product, lot, claims FROM trade.lots
JOIN unnest(%s::text[], %s::text[]) AS k(product, lot) USING (product, lot)
"""


class _Buyer(NamedTuple):
    """Somebody to be called: why, the card that says how, and what was got."""

    why: str
    card: str | None
    got: list[str]


def calls(
    reader: Reader, name: str, district: str | None, *, unread: bool = False
) -> schemas.CallList:
    """Returns whom to call: buyers in no register here, those of another district, and who has not read it."""
    row_of(reader, name)
    accounts = accounts_of(reader, name)
    known = {row["merchant"]: row for row in rows(reader, MERCHANTS, [list(accounts.holders)])}
    wanted = _buyers(reader, name, accounts, known, district, unread=unread)
    opened = open_cards(reader, (b.card for b in wanted.values()), f"call list of recall {name}")
    found = []
    for holder, buyer in wanted.items():
        card, words = opened.get(buyer.card or ""), accounts.words.get(holder, Words())
        there = known.get(holder, {})
        found.append(
            schemas.CallShown(
                holder=holder, is_card=buyer.card == holder, why=buyer.why, got=buyer.got,
                name=there.get("name") or (card.name if card else None),
                phone=card.phone if card else None, address=card.address if card else None,
                district=there.get("district"), calls=words.calls,
                call_result=words.call_result, called_at=words.called_at,
            )
        )  # fmt: skip
    found.sort(key=lambda call: (call.call_result == "reached", call.calls, call.holder))
    return schemas.CallList(
        position=accounts.position, rehearsal=is_rehearsal(reader), recall=name, district=district,
        calls=found,
    )  # fmt: skip


def called(found: Sequence[schemas.CallShown]) -> tuple[set[str], set[str]]:
    """Returns the merchants that a call list shows, and the cards of who is none."""
    cards = {call.holder for call in found if call.is_card}
    return {call.holder for call in found} - cards, cards


def _buyers(
    reader: Reader,
    name: str,
    accounts: Accounts,
    known: Mapping[str, Any],
    district: str | None,
    *,
    unread: bool,
) -> dict[str, _Buyer]:
    found: dict[str, _Buyer] = {}
    widened = widened_at(reader, name)
    for holder, lines in accounts.holders.items():
        there = known.get(holder)
        elsewhere = there is not None and district is not None and there["district"] != district
        silent = unread and not _has_read(accounts.words.get(holder, Words()), widened)
        if there is None or elsewhere or silent:
            got = [
                f"{exact(a.had or a.maybe)} {of.unit} {accounts.names.get(of.product, of.product)}"
                for of, a in lines.items()
            ]
            why = "unregistered" if there is None else "other-district" if elsewhere else "not-read"
            found[holder] = _Buyer(why, there["owner_card"] if there else None, got)
    for row in rows(reader, CARDS, [name]):
        buyer = found.setdefault(row["card"], _Buyer("unregistered", row["card"], []))
        amount = exact(int(row["amount"]))
        buyer.got.append(f"{amount} {row['unit']} {row['product']} ({row['giver']})")
    return found


def _has_read(words: Words, widened: datetime | None) -> bool:
    """Tells whether a holder has read all of a recall: also what it was widened by."""
    read = words.acknowledged_at
    return read is not None and (widened is None or read >= widened)


# As much as an entry holds of why somebody was drawn.
REASON_MAX = 60
# Reasons for a check and their weight: who has open alerts or does not answer is looked at first.
RISKS = {
    "alerts": (8, "还有未了预警 open alerts"),
    "silent": (4, "没有回复 no answer"),
    "unaccounted": (4, "数量不符 goods unaccounted for"),
    "large": (2, "持有最多 has the most"),
    "drawn": (1, "抽取 drawn by lot"),
}


def proposal_of_checks(reader: Reader, name: str, share: int, seed: int) -> schemas.CheckProposal:
    """Draws a share of the holders in percent, the risky before the rest, those by seed."""
    row_of(reader, name)
    accounts = accounts_of(reader, name)
    names = {
        row["merchant"]: row["name"] for row in rows(reader, MERCHANTS, [list(accounts.holders)])
    }
    alerts = {row["merchant"] for row in rows(reader, ALERTS, [list(accounts.holders)])}
    amounts = {h: sum(a.had for a in lines.values()) for h, lines in accounts.holders.items()}
    large = set(sorted(amounts, key=lambda one: -amounts[one])[: max(1, len(amounts) // 10)])
    found = []
    for holder, lines in accounts.holders.items():
        words = accounts.words.get(holder, Words())
        why = ["alerts"] if holder in alerts else []
        why += ["silent"] if words.answered_at is None else []
        why += ["unaccounted"] if any(a.unaccounted for a in lines.values()) else []
        why += ["large"] if holder in large else []
        why = why or ["drawn"]
        found.append(
            schemas.ProposedCheck(
                holder=holder, name=names.get(holder), risk=sum(RISKS[one][0] for one in why),
                reason=fitting([RISKS[one][1] for one in why]),
            )
        )  # fmt: skip
    found.sort(key=lambda one: (-one.risk, _lot(seed, name, one.holder)))
    wanted = -(-len(found) * share // 100)
    return schemas.CheckProposal(
        position=accounts.position, seed=seed, share=share, of=len(found), drawn=found[:wanted]
    )


def _lot(seed: int, recall_name: str, holder: str) -> str:
    """Draws by a hash, so that anybody can draw the same again."""
    return hashlib.sha256(f"{seed}|{recall_name}|{holder}".encode()).hexdigest()


def proposal(
    reader: Reader, found: Trace, asked: Sequence[LotName], *, possible: bool
) -> schemas.RecallProposal:
    """Returns what a recall of some lots would name: all that they became, with its dates."""
    wanted = [lot for lot, how in sorted(found.ahead.items()) if possible or how == "certain"]
    claims = {
        LotName(row["product"], row["lot"]): msgspec.json.decode(row["claims"])
        for row in rows(reader, CLAIMS, [[w.product for w in wanted], [w.key for w in wanted]])
    }
    lines: list[StoppedGoods] = []
    unnamed: list[str] = []
    for lot in wanted:
        if lot.key.startswith("M:"):
            unnamed.append(f"{lot.product} {lot.key}")
            continue
        try:
            line = line_of(lot.product, lot.key)
        except ValueError:
            unnamed.append(f"{lot.product} {lot.key}")
            continue
        if line.lot is not None:
            made, ends = _only(claims.get(lot), "p:"), _only(claims.get(lot), "e:")
            line = msgspec.structs.replace(
                line, produced_from=made, produced_until=made, expires_from=ends, expires_until=ends
            )
        lines.append(line)
    return schemas.RecallProposal(
        position=found.position, asked=[f"{lot.product} {lot.key}" for lot in asked],
        lines=shown_lines(reader, lines),
        possible=sum(how == "possible" for how in found.ahead.values()),
        unnamed=unnamed,
        holders=len({holder.merchant for holder in found.holders}),
    )  # fmt: skip


def _only(claims: dict[str, int] | None, kind: str) -> date | None:
    """Returns the one date of a kind that labels state; a reckoned or disputed one narrows nothing."""
    stated = [name[2:] for name in claims or () if name.startswith(kind)]
    return date.fromisoformat(stated[0]) if len(stated) == 1 else None


def fitting(reasons: Sequence[str]) -> str:
    """Joins reasons as far as an entry of the record has room for them: none is cut in the middle."""
    told = ""
    for reason in reasons:
        more = f"{told}; {reason}" if told else reason
        if len(more) <= REASON_MAX:
            told = more
    return told
