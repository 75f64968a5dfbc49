"""A recall's accounts: what each holder had by the record, and what it says became of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec

from ledger.events.holds import StoppedGoods
from ledger.events.recalls import AnswerLine
from ledger.projections.goods import identify
from ledger.projections.groups import TRADE
from ledger.projections.postgres import PgStore
from ledger.projections.products import base_of
from ledger.projections.table import Rows
from ledger.trace.answer import Holder, Trace, trace
from ledger.trace.pg import PgRows
from ledger.trace.pg_stock import PgStock
from ledger.trace.question import AsOf, How, LotName, Question
from query_api.lots import product_names, single_of
from query_api.views import Reader, position, rows

LOTS = """
SELECT product, lot, how FROM trade.stopped_lots
WHERE kind = 'recall' AND stop = %s AND ended_at IS NULL ORDER BY product, lot
"""
TAKEN_OUT = """
SELECT product, lot FROM trade.stopped_lots
WHERE kind = 'recall' AND stop = %s AND ended_at IS NOT NULL
"""
SAID = """
SELECT h.*, coalesce(a.merchant, h.holder) AS goes_by
FROM trade.recall_holders h LEFT JOIN trade.merchant_aliases a ON a.alias = h.holder
WHERE recall = %s ORDER BY h.holder
"""
DRAFTED = """
SELECT l.product, l.lot, 'stopped' AS how FROM trade.lots l
JOIN unnest(%s::text[], %s::text[]) AS k(product, lot) USING (product, lot)
"""
NAMED = """
SELECT DISTINCT product, lot FROM trade.stop_lines
WHERE kind = 'recall' AND stop = %s AND ended_at IS NULL
"""
POSSIBLE = """
SELECT t.merchant, t.product, t.lot, t.unit, greatest(t.taken_in, t.amount) AS had
FROM trade.stopped_lots l
JOIN trade.stock t USING (product, lot)
WHERE l.kind = 'recall' AND l.stop = %s AND l.ended_at IS NULL AND l.how = 'possible'
ORDER BY t.merchant, t.product, t.lot
"""
# A disposal that was corrected away proves nothing any more.
PROVED = """
SELECT m.merchant, m.product, m.unit, sum(m.amount) AS amount
FROM trade.destructions d JOIN trade.movements m
  ON m.original = d.position AND m.kind = 'goods-disposed' AND m.believed_to IS NULL
JOIN trade.stopped_lots l ON l.product = m.product AND l.lot = m.lot AND l.kind = 'recall'
  AND l.stop = d.recall AND l.ended_at IS NULL
WHERE d.recall = %s GROUP BY m.merchant, m.product, m.unit
"""


# What an answer says became of goods.
SAYS = ("found", "sold", "returned", "destroyed")


class Of(NamedTuple):
    """A product in the unit it adds up in."""

    product: str
    unit: str


@dataclass
class Account:
    """What a holder had of a product, in thousandths; `said` is None while it has not answered.

    `maybe` is what it had of goods that say no lot and may be of a recalled one.
    """

    lots: set[str] = field(default_factory=set)
    had: int = 0
    maybe: int = 0
    used: int = 0
    sold: int = 0
    left: int | None = None
    proved: int = 0
    said: dict[str, int] | None = None

    @property
    def unaccounted(self) -> int | None:
        """What of it is neither used nor, as the holder says, found, sold, sent back or destroyed."""
        return None if self.said is None else self.had - self.used - sum(self.said.values())


class Words(NamedTuple):
    """What is on record of a holder."""

    acknowledged_at: datetime | None = None
    answered_at: datetime | None = None
    calls: int = 0
    called_at: datetime | None = None
    call_result: str | None = None
    drawn: str | None = None
    checked_at: datetime | None = None
    check_result: str | None = None


class Accounts(NamedTuple):
    """All holders of a recall by their id, with how each is reached; and lots beyond it."""

    position: int
    trace: Trace | None
    holders: Mapping[str, dict[Of, Account]]
    how: Mapping[str, How]
    words: Mapping[str, Words]
    beyond: list[LotName]
    # Of the products that holders had.
    names: Mapping[str, str]


def accounts_of(reader: Reader, recall: str, drafted: Sequence[StoppedGoods] = ()) -> Accounts:
    """Returns the accounts of a published recall, or of what a draft names by its lots."""
    head = position(reader)
    words, answers = _words(reader, recall)
    found = rows(reader, LOTS, [recall])
    if drafted:
        bases = {one: single_of(reader, one)[0] for one in {line.product or "" for line in drafted}}
        lots = [(bases[line.product or ""], f"L:{line.lot}") for line in drafted]
        about = [list(column) for column in zip(*lots, strict=True)]
        found = rows(reader, DRAFTED, about)
    named = {LotName(row["product"], row["lot"]) for row in found}
    sure = tuple(LotName(row["product"], row["lot"]) for row in found if row["how"] == "stopped")
    traced = None
    holders: defaultdict[str, defaultdict[Of, Account]] = defaultdict(lambda: defaultdict(Account))
    how: dict[str, How] = {}
    beyond: list[LotName] = []
    if sure:
        traced = trace(
            PgRows(reader, AsOf(), head), PgStock(reader, AsOf(head), is_now=True), Question(sure)
        )
        # What two officers took out of it stays out: nobody is asked to take it in again.
        out = {LotName(row["product"], row["lot"]) for row in rows(reader, TAKEN_OUT, [recall])}
        beyond = sorted(lot for lot in traced.ahead if lot not in named | out)
        _add_holders(holders, how, traced.holders, named)
    _add_possible(reader, holders, how, recall, unlabelled=not sure)
    if answers:
        _add_answers(reader, holders, answers, _lots_recalled(reader, recall))
    for row in rows(reader, PROVED, [recall]):
        account = holders[row["merchant"]][Of(row["product"], row["unit"])]
        account.proved += int(row["amount"])
    names = product_names(reader, {of.product for lines in holders.values() for of in lines})
    return Accounts(head, traced, dict(sorted(holders.items())), how, words, beyond, names)


def nothing_of(reader: Reader) -> Accounts:
    """Returns accounts without anybody in them, true for now."""
    return Accounts(position(reader), None, {}, {}, {}, [], {})


def _words(reader: Reader, recall: str) -> tuple[dict[str, Words], dict[str, list[AnswerLine]]]:
    """Returns what is on record of each holder, under the name its books go by, and its answer."""
    words: dict[str, Words] = {}
    answers: dict[str, list[AnswerLine]] = {}
    for row in rows(reader, SAID, [recall]):
        name = row["goes_by"]
        said = Words(**{key: row[key] for key in Words._fields})
        words[name] = said if name not in words else _together(words[name], said)
        if row["answer"] is not None:
            lines = msgspec.json.decode(row["answer"], type=list[AnswerLine])
            answers[name] = answers.get(name, []) + lines
    return words, answers


def _together(one: Words, other: Words) -> Words:
    """Returns what is on record of one holder under two names: nothing either said is lost."""
    members = {
        name: mine if (mine := getattr(one, name)) is not None else getattr(other, name)
        for name in Words._fields
    }
    return Words(**members)._replace(calls=one.calls + other.calls)


def _add_holders(
    holders: defaultdict[str, defaultdict[Of, Account]], how: dict[str, How],
    found: Iterable[Holder], named: set[LotName],
) -> None:  # fmt: skip
    for holder in found:
        if holder.lot not in named:
            continue
        if holder.how == "certain" or holder.merchant not in how:
            how[holder.merchant] = holder.how
        account = holders[holder.merchant][Of(holder.lot.product, holder.unit)]
        account.lots.add(holder.lot.key)
        sums = holder.sums
        went = sums.sold + sums.sent_back + sums.used + sums.disposed
        there = holder.left.at_most if holder.left is not None else 0
        # What was counted without ever having come in, was had all the same.
        came = max(0, holder.told or 0) + sums.taken_in + sums.made or went + there
        if holder.how == "possible":
            account.maybe += came
            continue
        account.had += came
        account.used += sums.used
        account.sold += sums.sold
        if holder.left is not None:
            account.left = (account.left or 0) + holder.left.at_most


def _add_possible(
    reader: Reader,
    holders: defaultdict[str, defaultdict[Of, Account]],
    how: dict[str, How],
    recall: str,
    *,
    unlabelled: bool,
) -> None:
    """Adds who has lots of which labels leave open whether they are recalled.

    `unlabelled` adds goods without any lot too: where lots are traced, that tells who may have them.
    """
    for row in rows(reader, POSSIBLE, [recall]):
        if row["merchant"] in how or (row["lot"] == "" and not unlabelled):
            continue
        account = holders[row["merchant"]][Of(row["product"], row["unit"])]
        account.lots.add(row["lot"])
        account.maybe += int(row["had"])
    for holder in holders:
        how.setdefault(holder, "possible")


def _add_answers(
    reader: Reader,
    holders: defaultdict[str, defaultdict[Of, Account]],
    answers: Mapping[str, list[AnswerLine]],
    recalled: Mapping[str, set[str]],
) -> None:
    """Puts what holders say beside what the record says; who names no goods found nothing.

    What is said of lots that are not recalled, or no longer, settles nothing of those that are.
    """
    # As what was scanned: a bottle is a piece, a case what the register says it contains.
    known = Rows(PgStore(reader, TRADE.name))
    for holder, lines in answers.items():
        for account in holders[holder].values() if holder in holders else ():
            account.said = dict.fromkeys(SAYS, 0)
        for line in lines:
            base = base_of(known, line.product)[0]
            if line.lot is not None and line.lot not in recalled.get(base, {line.lot}):
                continue
            said = {
                name: identify(known, line.product, "", line.unit.value, int(amount * 1000))
                for name in SAYS if (amount := getattr(line, name))
            }  # fmt: skip
            if holder not in holders and not said:
                # Who never had any, and found none, is no holder.
                continue
            for name, goods in said.items():
                account = holders[holder][Of(goods.product, goods.unit)]
                account.said = account.said or dict.fromkeys(SAYS, 0)
                account.said[name] += goods.amount


def _lots_recalled(reader: Reader, recall: str) -> dict[str, set[str]]:
    """Returns the lots that a recall names, by product, where it names nothing else of it."""
    named: defaultdict[str | None, set[str | None]] = defaultdict(set)
    bases: dict[str | None, str | None] = {None: None}
    for row in rows(reader, NAMED, [recall]):
        if row["product"] not in bases:
            bases[row["product"]] = single_of(reader, row["product"])[0]
        named[bases[row["product"]]].add(row["lot"])
    if None in named:
        return {}
    return {
        base or "": {lot or "" for lot in lots} for base, lots in named.items() if None not in lots
    }
