"""A recall's accounts: what each holder had by the record, and what it says became of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec

from ledger.events.recalls import AnswerLine
from ledger.trace.answer import Holder, Trace, trace
from ledger.trace.pg import PgRows
from ledger.trace.pg_stock import PgStock
from ledger.trace.question import AsOf, How, LotName, Question
from ledger.values.quantity import scaled_thousandths
from query_api.ledgers import known_as
from query_api.lots import base_of
from query_api.views import Reader, position, rows

LOTS = """
SELECT product, lot, how FROM trade.stopped_lots
WHERE kind = 'recall' AND stop = %s AND ended_at IS NULL ORDER BY product, lot
"""
SAID = "SELECT * FROM trade.recall_holders WHERE recall = %s"
# A disposal that was corrected away proves nothing any more.
PROVED = """
SELECT m.merchant, m.product, m.unit, sum(m.amount) AS amount
FROM trade.destructions d JOIN trade.movements m
  ON m.original = d.position AND m.kind = 'goods-disposed' AND m.believed_to IS NULL
WHERE d.recall = %s GROUP BY m.merchant, m.product, m.unit
"""


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


def accounts_of(reader: Reader, recall: str) -> Accounts:
    """Returns the accounts of a published recall; of another nothing is held."""
    head = position(reader)
    words, answers = _words(reader, recall)
    found = rows(reader, LOTS, [recall])
    named = {LotName(row["product"], row["lot"]) for row in found}
    sure = tuple(LotName(row["product"], row["lot"]) for row in found if row["how"] == "stopped")
    if not sure:
        return Accounts(head, None, {}, {}, words, [])
    traced = trace(
        PgRows(reader, AsOf(), head), PgStock(reader, AsOf(head), is_now=True), Question(sure)
    )
    beyond = sorted(lot for lot in traced.ahead if lot not in named)
    holders, how = _holders(traced.holders, named)
    _add_answers(reader, holders, answers)
    for row in rows(reader, PROVED, [recall]):
        account = holders[row["merchant"]][Of(row["product"], row["unit"])]
        account.proved += int(row["amount"])
    return Accounts(head, traced, dict(sorted(holders.items())), how, words, beyond)


def _words(reader: Reader, recall: str) -> tuple[dict[str, Words], dict[str, list[AnswerLine]]]:
    """Returns what is on record of each holder, under the name its books go by, and its answer."""
    words: dict[str, Words] = {}
    answers: dict[str, list[AnswerLine]] = {}
    for row in rows(reader, SAID, [recall]):
        name = known_as(reader, row["holder"])
        words[name] = Words(**{key: row[key] for key in Words._fields})
        if row["answer"] is not None:
            answers[name] = msgspec.json.decode(row["answer"], type=list[AnswerLine])
    return words, answers


def _holders(
    found: Iterable[Holder], named: set[LotName]
) -> tuple[defaultdict[str, defaultdict[Of, Account]], dict[str, How]]:
    holders: defaultdict[str, defaultdict[Of, Account]] = defaultdict(lambda: defaultdict(Account))
    how: dict[str, How] = {}
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
        # What was counted without having come in, was had all the same.
        came = max((holder.told or 0) + sums.taken_in + sums.made, went + there)
        if holder.how == "possible":
            account.maybe += came
            continue
        account.had += came
        account.used += sums.used
        account.sold += sums.sold
        if holder.left is not None:
            account.left = (account.left or 0) + holder.left.at_most
    return holders, how


def _add_answers(
    reader: Reader,
    holders: defaultdict[str, defaultdict[Of, Account]],
    answers: Mapping[str, list[AnswerLine]],
) -> None:
    """Puts what holders say beside what the record says; who names no goods found nothing."""
    bases: dict[str, str] = {}
    for holder, lines in answers.items():
        for account in holders[holder].values():
            account.said = dict.fromkeys(("found", "sold", "returned", "destroyed"), 0)
        for line in lines:
            if line.product not in bases:
                coded = line.product.isdigit()
                bases[line.product] = base_of(reader, line.product) if coded else line.product
            said = {
                name: scaled_thousandths(line.unit.value, int(getattr(line, name) * 1000))
                for name in ("found", "sold", "returned", "destroyed")
            }
            unit = next(iter(said.values()))[0]
            account = holders[holder][Of(bases[line.product], unit)]
            account.said = account.said or dict.fromkeys(said, 0)
            for name, (_, amount) in said.items():
                account.said[name] += amount
