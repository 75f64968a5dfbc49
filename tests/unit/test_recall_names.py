"""How a recall is named where there is room for one line."""

from typing import Any

import pytest

from kiosk_ui.language import load_languages
from kiosk_ui.viewmodels.recall import LINE, held_alone, named_shortly

ZH = load_languages()["zh"]
LANGUAGES = {"zh": ZH, "en": load_languages()["en"]}


def line(name: str, lot: str | None = None, **more: Any) -> dict[str, Any]:
    return dict.fromkeys(LINE) | {"name": name, "lot": lot} | more


def named(*lines: dict[str, Any], code: str = "zh", in_all: int | None = None) -> str:
    notice = {"recall": "r-1", "lines": list(lines), "lines_in_all": in_all or len(lines)}
    return named_shortly(notice, LANGUAGES[code])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("zh", "酸奶（批号 A-1、A-2）、辣椒酱（批号 B）"),
        ("en", "酸奶 (lot A-1, A-2), 辣椒酱 (lot B)"),
    ],
)
def test_whoever_reads_of_a_recall_sees_of_which_lots_it_is(code: str, words: str) -> None:
    assert named(line("酸奶", "A-1"), line("酸奶", "A-2"), line("辣椒酱", "B"), code=code) == words


def test_goods_recalled_by_their_dates_or_by_many_lots_are_named_alone() -> None:
    dated = line("酸奶", expires_from="2026-11-01")

    assert named(line("酸奶", "A-1"), dated, line("米", "B")) == "酸奶、米（批号 B）"
    assert (
        named(*(line("酸奶", f"A-{n}") for n in range(4)), line("米", "B")) == "酸奶、米（批号 B）"
    )


def test_a_lot_of_cases_and_singles_is_named_once() -> None:
    assert (
        named(line("酸奶", "A"), line("酸奶", "A"), line("米", "B"))
        == "酸奶（批号 A）、米（批号 B）"
    )


def test_where_not_every_line_is_known_no_lots_are_named_as_if_they_were_all() -> None:
    assert named(line("酸奶", "A-1"), line("米", "B"), in_all=7) == "酸奶、米 …"


def stop(*lines: dict[str, Any], in_all: int | None = None) -> dict[str, Any]:
    return {"lines": list(lines), "lines_in_all": in_all or len(lines)}


def test_goods_on_hold_that_are_recalled_as_well_are_told_of_once() -> None:
    """A shopper read of one lot that it was recalled, and below that its sale was stopped until that is clear."""
    hold, other = stop(line("酸奶", "A", product="1")), stop(line("酸奶", "B", product="1"))
    recall = stop(line("酸奶", "A", product="1", produced_from="2026-11-01"))
    dated = stop(line("米", product="2", expires_from="2026-11-01"))

    assert held_alone([hold, other, dated], [recall]) == [other, dated]
    # Nor is one lot that two offices stopped named twice.
    assert held_alone([other, stop(line("酸奶", "B", product="1"))], []) == [other]
    # A recall of one delivery of a lot stops less than a hold of all of it.
    one = stop(line("酸奶", "A", product="1", delivery="m-1/SH-1"))
    assert held_alone([hold], [one]) == [hold]
    assert held_alone([one], [recall]) == []
    # What stops more than it shows stays.
    many = stop(line("酸奶", "A", product="1"), in_all=300)
    assert held_alone([many], [recall]) == [many]
