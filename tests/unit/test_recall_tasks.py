"""A stall's own page of a recall: for which goods it answers, in which unit, and whether it said more than it had."""

from typing import Any

import pytest

from kiosk_ui.language import load_languages
from kiosk_ui.viewmodels.recall import LINE, is_before, task_shown
from query_api.recall_work import RISKS, fitting

PORK, MILK = "item:猪肉", "06901234567892"
Had = tuple[str, str, str, str]


def line(**said: Any) -> dict[str, Any]:
    return dict.fromkeys((*LINE, "name")) | said


def task(had: list[Had], answer: list[dict[str, str]] | None, *lines: dict[str, Any]) -> Any:
    none = {"found": "0", "sold": "0", "returned": "0", "destroyed": "0", "lot": None}
    dates = {"name": None, "produced": None, "expires": None}
    own = [dates | dict(zip(("product", "lot", "unit", "had"), one, strict=True)) for one in had]
    return task_shown(
        {
            "colour": "green", "had": own, "lines": list(lines),
            "acknowledged_at": None, "widened_at": None,
            "answer": None if answer is None else [none | one for one in answer],
        },
        load_languages()["en"],
    )  # fmt: skip


def test_a_stall_answers_for_its_own_goods_whatever_a_recall_names_first() -> None:
    others = [line(product=MILK, lot=f"Z{number}") for number in range(20)]

    shown = task([(MILK, "L:A150", "piece", "8")], None, *others)

    assert [(row["product"], row["number"]) for row in shown["rows"]] == [(MILK, "A150")]


def test_a_recall_of_a_supplier_is_answered_for_by_the_goods_that_came_from_it() -> None:
    shown = task([(MILK, "E:2026-12-01", "piece", "8")], None, line(supplier="m-8"))

    assert [(row["product"], row["number"]) for row in shown["rows"]] == [(MILK, None)]


def test_by_whose_records_none_came_in_still_answers_for_what_is_named() -> None:
    shown = task([], None, line(product=MILK, lot="A"), line(supplier="m-8"))

    assert [(row["product"], row["number"]) for row in shown["rows"]] == [(MILK, "A")]


def test_what_came_in_by_weight_is_answered_for_by_weight() -> None:
    (row,) = task([(PORK, "L:B1", "kg", "12.5")], None)["rows"]

    assert (row["unit"], row["had"]) == ("kg", "12.5")


@pytest.mark.parametrize(
    ("found", "sold", "beyond"), [("900", "0", True), ("30", "8", False), ("30", "9", True)]
)
def test_who_answers_for_more_than_came_in_is_told(found: str, sold: str, beyond: bool) -> None:
    said = {"product": MILK, "unit": "piece", "found": found, "sold": sold}

    shown = task([(MILK, "L:A", "piece", "30"), (MILK, "L:B", "piece", "8")], [said])

    assert shown["beyond"] is beyond
    assert shown["said"][0]["fates"]["found"] == found


def test_an_answer_without_any_goods_is_an_answer() -> None:
    shown = task([(MILK, "L:A", "piece", "30")], [])

    assert (shown["said"], shown["beyond"]) == ([], False)


def test_who_read_it_before_it_was_widened_reads_it_again() -> None:
    before, after = "2026-11-30T08:00:00+00:00", "2026-11-30T16:30:00+08:00"

    assert is_before(before, after)
    assert not is_before(after, before)
    assert not is_before(None, after)
    assert not is_before(before, None)


def test_why_somebody_is_visited_is_never_cut_in_the_middle_of_a_word() -> None:
    every = [words for _, words in RISKS.values()]

    told = fitting(every)

    assert len(told) <= 60
    assert told.split("; ") == [one for one in every if one in told]
    assert fitting(every[:1]) == every[0]
