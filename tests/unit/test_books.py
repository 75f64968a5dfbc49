"""The merchant's first page: what its shelf shows, and what it is told to do about its alerts."""

from datetime import date
from typing import Any

import pytest

from kiosk_ui.faces.books import OWN_WORDS, _due, _own
from kiosk_ui.language import load_languages
from ledger.rules.alert_kinds import ALERT_KINDS

ENGLISH = load_languages()["en"]
TODAY = date(2026, 11, 22)


def line(amount: str, least: str, most: str, **about: Any) -> dict[str, Any]:
    """Returns a line of stock as the API writes it."""
    stock = {"amount": amount, "at_least": least, "at_most": most, "lot": "L:A", "expires": None}
    return stock | {"product": "1", "unit": "piece", "stopped": None} | about


@pytest.mark.parametrize(
    ("stock", "shown"),
    [
        (line("3", "3", "3"), True),
        (line("0", "0", "0"), False),
        (line("0", "0", "0", stopped="recalled"), True),
        # Sold more than came: less than none is something to look at.
        (line("-3", "0", "0"), True),
        (line("0", "0", "2"), True),
    ],
)
def test_what_is_all_gone_is_no_line_of_a_shelf(stock: dict[str, Any], *, shown: bool) -> None:
    assert bool(_due([stock], TODAY, ENGLISH)) is shown


def test_what_left_by_a_date_is_no_line_beside_the_lots_it_may_have_been_of() -> None:
    """A stall was told that more went out than came in, of goods it had counted lot by lot."""
    by_date, lot = line("-5", "0", "0", lot="E:2026-12-04"), line("9", "4", "9")

    assert [one["lot"] for one in _due([by_date, lot], TODAY, ENGLISH)] == ["L:A"]
    assert len(_due([by_date], TODAY, ENGLISH)) == 1
    assert len(_due([by_date, lot | {"product": "2"}], TODAY, ENGLISH)) == 2


def test_what_ends_first_stands_on_top_and_a_range_is_marked() -> None:
    lines = [line("1", "0", "2"), line("5", "5", "5", expires="2026-11-24")]

    shown = _due(lines, TODAY, ENGLISH)

    assert [(one["left"], one["uncertain"]) for one in shown] == [(2, False), (None, True)]


def group(*kinds: str) -> dict[str, Any]:
    known = [ALERT_KINDS[kind] for kind in kinds]
    return {
        "kinds": list(kinds), "lot": "L:A", "todo_zh": "；".join(kind.todo_zh for kind in known),
        "todo_en": " ".join(kind.todo_en for kind in known),
    }  # fmt: skip


def test_what_is_to_be_done_about_one_alert_hides_nothing_about_another() -> None:
    late_and_there = _own(group("expired-in-stock", "sold-after-expiry"), ENGLISH)
    mixed = _own(group("near-expiry", "oversold"), ENGLISH)

    assert late_and_there["named"] == "A"
    assert all(
        OWN_WORDS[kind] in late_and_there["todo"]
        for kind in ("expired-in-stock", "sold-after-expiry")
    )
    assert mixed["todo"] == group("near-expiry", "oversold")["todo_en"]


def test_a_merchants_own_words_are_of_kinds_that_there_are_and_in_both_languages() -> None:
    chinese = load_languages()["zh"]

    assert set(OWN_WORDS) <= set(ALERT_KINDS)
    assert [text for text in OWN_WORDS.values() if chinese.word(text) == text] == []
