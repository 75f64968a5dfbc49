"""A stall's own page of a recall: in which unit it answers, and whether it said more than it had."""

from typing import Any

import pytest

from kiosk_ui.language import load_languages
from kiosk_ui.viewmodels.recall import task_shown

LINE = dict.fromkeys(
    (
        "name", "delivery", "produced_from", "produced_until", "expires_from", "expires_until", "supplier",
    )
)  # fmt: skip
PORK, MILK = "item:猪肉", "06901234567892"


def task(had: list[tuple[str, str, str, str]], answer: list[dict[str, str]] | None) -> Any:
    none = {"found": "0", "sold": "0", "returned": "0", "destroyed": "0", "lot": None}
    goods = {place[:2] for place in had} or {(MILK, "L:A")}
    return task_shown(
        {
            "colour": "green",
            "lines": [LINE | {"product": name, "lot": lot[2:]} for name, lot in sorted(goods)],
            "had": [dict(zip(("product", "lot", "unit", "had"), one, strict=True)) for one in had],
            "answer": None if answer is None else [none | one for one in answer],
        },
        load_languages()["en"],
    )


def test_what_came_in_by_weight_is_answered_for_by_weight() -> None:
    (line,) = task([(PORK, "L:B1", "kg", "12.5")], None)["lines"]

    assert line["unit"] == "kg"
    assert [str(amount) for amount in line["had"].values()] == ["12.5"]


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
