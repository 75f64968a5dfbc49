"""The worked examples of docs/trace.md, each against the rules and the brute force."""

import re
from decimal import Decimal
from typing import Any

import pytest

from ledger.events.reports import Portion
from ledger.trace.answer import Trace, trace
from ledger.trace.estimate import At
from ledger.trace.question import AsOf, From, LotName, Question
from ledger.values.quantity import StatedQuantity, Unit
from tests.support.brute_trace import Brute
from tests.support.make import MILK, STALL, TODAY, counted, milk, sold, transformed
from tests.support.memory_trace import MemoryRows, MemoryStock
from tests.support.trace_page import Example, Story, examples

EXAMPLES = list(examples())
QUESTION = re.compile(r"(\S+)(?: at (\w+) from (\w+))?(?: as-of (\w+))?$")


def asked(story: Story, text: str) -> tuple[Question, Trace]:
    """Asks a question of the page."""
    found = QUESTION.match(text)
    assert found is not None, text
    lot = LotName(*story.goods(found[1]))
    position = story.marks[found[4]][0] if found[4] else None
    moment = AsOf(position)
    origin = From(found[2], story.marks[found[3]][1]) if found[2] else None
    question = Question((lot,), moment, origin)
    line = story.line
    return question, trace(MemoryRows(line, moment), MemoryStock(line, moment), question)


def lots_in(story: Story, text: str) -> set[LotName]:
    names = [name.strip() for name in text.split(",")]
    return {LotName(*story.goods(name)) for name in names}


def check(story: Story, answer: str, question: Question, found: Trace) -> None:
    """Holds one line of an example against the answer."""
    word, _, rest = answer.partition(" ")
    ahead = {
        how: {lot for lot, h in found.ahead.items() if h == how} for how in ("certain", "possible")
    }
    if word in ahead:
        assert found_named(story, ahead[word]) == lots_in(story, rest)
    elif word == "sources":
        assert set(found.back) - set(question.lots) == lots_in(story, rest)
    elif word == "share":
        merchant, goods, share = rest.split()
        assert found.estimate is not None
        held = found.estimate.held[At(merchant, LotName(*story.goods(goods)))].share
        assert held == pytest.approx(float(share) * 1000)
    elif word == "worst":
        product, left, consumers = rest.split()[0], *map(int, re.findall(r"[0-9]+", rest))
        meant = story.goods(f"{product}/?").product
        (worst,) = [w for w in found.worst if w.product == meant]
        assert (worst.left_at_most, worst.to_consumers) == (left * 1000, consumers * 1000)
    elif word == "holders":
        assert {h.merchant for h in found.holders} == {name.strip() for name in rest.split(",")}
    else:
        assert any(says(story, word, rest, holder) for holder in found.holders), found.holders


def found_named(story: Story, lots: set[LotName]) -> set[LotName]:
    """Leaves lots apart that an entry named by itself, which the page does not write."""
    return {lot for lot in lots if not lot.key.startswith("M:")}


def says(story: Story, word: str, rest: str, holder: Any) -> bool:
    merchant, goods, *amounts = rest.split()
    product, key = story.goods(goods)
    same = (holder.merchant, holder.lot.product, holder.lot.key) == (merchant, product, key)
    if word == "maybe":
        return same and holder.how == "possible"
    if not same or holder.how != "certain":
        return False
    if word == "told":
        return bool(holder.told == int(amounts[0]) * 1000)
    least, most = int(amounts[1]), int(amounts[-1])
    return bool(tuple(holder.left) == (least * 1000, most * 1000))


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.title for e in EXAMPLES])
def test_the_worked_example_is_answered_as_the_page_says(example: Example) -> None:
    story = Story()
    for line in example.told:
        story.tell(line)

    for question_text, answers in example.asked:
        question, found = asked(story, question_text)
        for answer in answers:
            check(story, answer, question, found)
        brute = Brute(story.line, question.moment.position)
        seeds = {tuple(lot) for lot in question.lots}
        if question.origin is None:
            told = brute.told(seeds)
            assert {tuple(lot): how for lot, how in found.ahead.items()} == told.forwards
            assert {tuple(lot): how for lot, how in found.back.items()} == told.backwards
        else:
            spread = brute.spread(seeds, question.origin.merchant, question.origin.since)
            assert {tuple(lot) for lot in found.ahead} == {lot for _, lot in spread}


def test_the_page_has_its_worked_examples() -> None:
    assert len(EXAMPLES) >= 10
    assert all(example.told and example.asked and example.asked[0].answers for example in EXAMPLES)


def told(*lines: str) -> Story:
    story = Story()
    for line in lines:
        story.tell(line)
    return story


def test_loose_goods_that_were_only_counted_may_be_of_any_lot() -> None:
    story = told(
        "shop has milk/? 5", "farm has milk/A 10", "farm sold milk/A 6 to shop",
        "shop received milk/A 6 from farm", "shop used milk/? 2 for soup/S 1",
    )  # fmt: skip

    _, found = asked(story, "milk/A")

    assert found.ahead[LotName(*story.goods("soup/S"))] == "possible"


def test_what_went_back_to_nobody_named_is_not_with_consumers() -> None:
    story = told("shop has milk/A 6", "shop returned milk/A 6")

    _, found = asked(story, "milk/A")

    assert found.estimate is not None
    assert (found.estimate.to_consumers, found.estimate.sent_out) == (0, 6000)


def test_a_date_that_several_lots_bear_goes_where_it_was_sold_and_into_nothing_that_was_made() -> (
    None
):
    story, day = told(), {"produced": TODAY}

    def portion(lot: str | None) -> Portion:
        quantity = StatedQuantity(amount=Decimal(1), unit=Unit.PIECE)
        return Portion(goods=milk(lot, **day), quantity=quantity)

    for event in (
        counted(9, milk("1", **day)), counted(9, milk("2", **day)),
        sold(1, milk(None, **day), counterparty="m-2"),
        transformed([portion(None)], [portion("3")]),
    ):  # fmt: skip
        story.line.report(event)
    date = LotName(MILK, f"D:{TODAY}")
    question = Question((date,), AsOf(), From(STALL, None))

    found = trace(MemoryRows(story.line), MemoryStock(story.line), question)

    assert {holder.merchant for holder in found.holders if holder.lot == date} == {STALL, "m-2"}
    assert set(found.ahead) == {date}


def test_goods_whose_number_one_side_alone_states_are_not_under_way_for_ever() -> None:
    for seller, buyer in ((" as V1", ""), ("", " as V1")):
        story = told(
            "farm has milk/A 10", f"farm sold milk/A 6 to shop{seller}",
            f"shop received milk/A 6 from farm{buyer}",
        )  # fmt: skip

        _, found = asked(story, "milk/A")

        assert found.estimate is not None
        assert (found.estimate.under_way, found.estimate.went_in) == (0, 10_000)
