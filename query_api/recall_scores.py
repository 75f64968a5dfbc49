"""A recall's score: how much was found, reached, acknowledged and accounted for, and how fast."""

from datetime import datetime
from decimal import Decimal

from query_api import recall_schemas as schemas
from query_api.problems import Problem
from query_api.recall_accounts import Accounts, Words, accounts_of
from query_api.recalls import counts_of, row_of
from query_api.views import Reader, rows

REACHED = ("reached", "refused")
SAID = """
SELECT what, min(said_at) AS first, max(said_at) AS last FROM trade.recall_words
WHERE kind = 'recall' AND subject = %s GROUP BY what
"""
STEPS = {
    "recall-drafted": "drafted", "recall-checked": "checked", "recall-published": "published",
    "recall-acknowledged": "first-read", "recall-answered": "first-answer",
    "recall-closed": "closed",
}  # fmt: skip


def score(reader: Reader, name: str) -> schemas.RecallScore:
    """Returns the score of a recall, or of its rehearsal; a problem while it is not published."""
    row = row_of(reader, name)
    if row["published_at"] is None:
        raise Problem(409, "recall-not-published", f"{name} is {row['stage']}: publish it first")
    accounts = accounts_of(reader, name)
    told = [accounts.words.get(holder, Words()) for holder in accounts.holders]
    count = len(told)
    reached = sum(_was_reached(words) for words in told)
    read = sum(words.acknowledged_at is not None for words in told)
    return schemas.RecallScore(
        position=accounts.position, recall=name, holders=count,
        found=_found(accounts), reached=_percent(reached, count),
        acknowledged=_percent(read, count), accounted=_accounted(accounts),
        stopwatch=_stopwatch(reader, name, row["known_at"]),
    )  # fmt: skip


def _was_reached(words: Words) -> bool:
    said = (words.acknowledged_at, words.answered_at, words.checked_at)
    return any(said) or words.call_result in REACHED


def _found(accounts: Accounts) -> float | None:
    """Returns how much of what went in stands somewhere: not under way, missing or gone to nobody."""
    estimate = accounts.trace.estimate if accounts.trace is not None else None
    if estimate is None or not estimate.went_in:
        return None
    lost = estimate.under_way + estimate.missing + estimate.sent_out
    return round(100 * max(0.0, 1 - lost / estimate.went_in), 1)


def _accounted(accounts: Accounts) -> float | None:
    """Returns the least over its products: what holders had and can say what became of it."""
    found = []
    for one in counts_of(accounts).sums:
        had = Decimal(one.had)
        open_ = Decimal(one.unanswered) + Decimal(one.unaccounted)
        if had:
            found.append(float(round(100 * max(Decimal(0), 1 - open_ / had), 1)))
    return min(found, default=None)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def _stopwatch(reader: Reader, name: str, known_at: datetime) -> list[schemas.RecallStep]:
    """Returns when each step was first taken, in seconds since the risk was known."""
    first: dict[str, datetime] = {}
    for row in rows(reader, SAID, [name]):
        if (step := STEPS.get(row["what"])) is not None:
            # A draft that was sent back was no checked one: the last word on it is.
            first[step] = row["last"] if step == "checked" else row["first"]
        if row["what"] == "recall-answered":
            first["last-answer"] = row["last"]
    steps = sorted(first.items(), key=lambda step: step[1])
    return [
        schemas.RecallStep(step=step, at=at, seconds=round((at - known_at).total_seconds(), 1))
        for step, at in steps
    ]
