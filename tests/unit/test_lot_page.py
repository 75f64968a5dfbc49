"""The lot page finds words for whatever the record holds."""

from datetime import date, timedelta
from typing import Any, get_args, get_type_hints

import pytest

from kiosk_ui.language import load_languages
from kiosk_ui.viewmodels.lot import (
    ADVICE,
    KINDS,
    MERCHANT_KINDS,
    PAPER_KINDS,
    cards_by_date,
    lot_mark,
    lot_view,
)
from ledger.events.base import stored_name
from ledger.events.cases import MerchantRegistered
from ledger.events.catalogue import TAPE_REPORTS
from ledger.events.reports import CertificateFiled, GoodsMoved
from ledger.rules.near_expiry import near_from
from tests.support.make import MILK


def choices(kind: type[Any], member: str) -> set[str]:
    return set(get_args(get_type_hints(kind)[member]))


def test_a_lot_with_a_meat_inspection_certificate_has_a_page_and_so_has_every_other_paper() -> None:
    assert choices(CertificateFiled, "kind") - {"other"} <= set(PAPER_KINDS)


def test_every_kind_of_merchant_and_movement_has_a_word() -> None:
    moved = {
        stored_name(kind).partition(".")[0] for kind in TAPE_REPORTS if issubclass(kind, GoodsMoved)
    }

    assert choices(MerchantRegistered, "kind") <= set(MERCHANT_KINDS)
    assert moved <= set(KINDS)


@pytest.mark.parametrize("words", [KINDS, MERCHANT_KINDS, PAPER_KINDS, ADVICE])
def test_every_word_is_said_in_chinese(words: dict[str, str]) -> None:
    chinese = load_languages()["zh"]

    assert [word for word in words.values() if chinese.word(word) == word] == []


def test_a_lot_that_a_hold_may_mean_is_not_said_to_be_free_of_one() -> None:
    stop = {
        "kind": "hold", "stop": "h-1", "how": "possible", "authority": "市监局", "reason": "抽检",
        "notice": None,
    }  # fmt: skip
    product = {"gtin": "06901234567892", "name_zh": "面粉", "name_en": "Flour"}
    nothing = {
        "steps": [], "papers": [], "stops": [], "made_from": [], "disputed": False, "gaps": 0,
        "today": None,
    }  # fmt: skip
    page = nothing | {"product": product, "lot": {"expires": None}}
    english = load_languages()["en"]

    free, asked = lot_view(page, english), lot_view(page | {"stops": [stop]}, english)

    assert (free.tone, asked.tone) == ("good", "warn")
    assert "No open recall or hold of this lot is recorded." in free.reasons
    assert "No open recall or hold of this lot is recorded." not in asked.reasons
    assert any("市监局" in reason for reason in asked.reasons)


@pytest.mark.parametrize(("today", "tone"), [("2026-12-08", "fresh"), ("2026-12-09", "near")])
def test_near_its_end_is_the_same_for_a_shopper_as_for_the_stall(today: str, tone: str) -> None:
    expires, life = date(2026, 12, 12), 11
    lot = {"expires": str(expires), "produced": str(expires - timedelta(days=life))}
    page = {
        "product": {"gtin": "06901234567892", "name_zh": "酸奶", "name_en": "Yoghurt", "shelf_life_days": None},
        "lot": lot, "today": today, "near_from": str(near_from(expires, life)),
        "steps": [], "papers": [], "stops": [], "made_from": [], "disputed": False, "gaps": 0,
    }  # fmt: skip

    shown = lot_view(page, load_languages()["en"]).days_left

    assert shown is not None
    assert shown.tone == tone


@pytest.mark.parametrize(
    ("stopped", "tone"),
    [("recalled", "bad"), ("held", "bad"), ("possible", "good"), (None, "good")],
)
def test_a_cake_made_of_recalled_yoghurt_says_so_before_anything_else(
    stopped: str | None, tone: str
) -> None:
    part = {
        "product_name": "酸奶",
        "product_name_en": "Yoghurt",
        "lot": "L:A-1",
        "stopped": stopped,
    }
    page = {
        "product": {"gtin": "06901234567892", "name_zh": "蛋糕", "name_en": "Cake"},
        "lot": {"expires": None}, "steps": [], "papers": [], "stops": [], "disputed": False, "gaps": 0,
        "made_from": [part], "today": None,
    }  # fmt: skip

    shown = lot_view(page, load_languages()["en"])

    assert shown.tone == tone
    assert ("Yoghurt A-1" in shown.reasons[0]) is (tone == "bad")


def test_what_is_past_its_end_stays_so_while_it_is_on_hold() -> None:
    """A hold made "past its last good day" into "stopped for now, until it is clear"."""
    hold = {
        "kind": "hold", "stop": "h-1", "how": "stopped", "authority": "市监局", "reason": "抽检",
        "notice": None,
    }  # fmt: skip
    page = {
        "product": {"gtin": "06901234567892", "name_zh": "酸奶", "name_en": "Yoghurt", "shelf_life_days": 15},
        "lot": {"expires": "2026-11-28", "produced": None}, "today": "2026-12-01",
        "near_from": "2026-11-24", "steps": [], "papers": [], "stops": [hold], "made_from": [],
        "disputed": False, "gaps": 0,
    }  # fmt: skip
    english = load_languages()["en"]

    held, recalled = (
        lot_view(page | {"stops": [hold | {"kind": kind}]}, english) for kind in ("hold", "recall")
    )

    assert held.verdict == "Past its last good day"
    assert "It may not be sold any more." in held.advice
    assert any("Stopped by 市监局" in reason for reason in held.reasons)
    assert recalled.verdict == "Recalled: do not eat it"
    lot = {"stopped": "held", "test_failed": False, "expires": "2026-11-28"}
    assert lot_mark(lot, "2026-12-01") == "past"
    assert lot_mark(lot, "2026-11-28") == "held"


def of_date(number: str, expires: str | None, **about: Any) -> dict[str, Any]:
    """Returns a lot as the API lists it."""
    plain = {"stopped": None, "test_failed": False, "produced": None}
    return {"lot": number, "key": f"L:{number}", "expires": expires} | plain | about


def test_lots_of_one_date_are_one_card_which_asks_for_the_lot() -> None:
    """A shopper saw the same date three times, and did not know which one to touch."""
    lots = [
        of_date("A/1", "2026-12-30"), of_date("B", "2026-12-20"),
        of_date("C", "2026-12-30", stopped="recalled"), of_date("D", None), of_date("E", None),
        of_date("F", "2026-12-20", produced="2026-06-20"),
    ]  # fmt: skip

    cards = cards_by_date(MILK, lots, "2026-12-01")
    alone = cards_by_date(MILK, lots[:3], "2026-12-01", each=True)

    assert [(card.lots, card.lot, card.mark) for card in cards] == [
        (2, None, "possible"), (1, "B", ""), (1, "D", ""), (1, "E", ""), (1, "F", "")
    ]  # fmt: skip
    assert [card.path for card in cards[:2]] == [f"/01/{MILK}?17=261230", f"/01/{MILK}/10/B"]
    assert [(card.lot, card.mark) for card in alone] == [("A/1", ""), ("B", ""), ("C", "recalled")]
    assert alone[0].path.endswith("/10/A%2F1")


def test_what_all_lots_of_a_date_have_in_common_is_said_of_them() -> None:
    both = [of_date(name, "2026-11-20", produced="2026-10-20") for name in ("A", "B")]
    failed = [both[0] | {"test_failed": True}, both[1] | {"expires": "2026-11-20"}]

    (past,) = cards_by_date(MILK, both, "2026-12-01")
    (some,) = cards_by_date(MILK, failed, "2026-11-01")
    (all_held,) = cards_by_date(MILK, [one | {"stopped": "held"} for one in both], "2026-11-01")

    assert (past.mark, some.mark, all_held.mark) == ("past", "failed", "held")
    # Where each has something against it, the gravest is said; of some alone, that it may be.
    mixed = [both[0] | {"stopped": "recalled"}, both[1] | {"stopped": "held"}]
    (each,) = cards_by_date(MILK, mixed, "2026-11-01")
    (gone,) = cards_by_date(MILK, [failed[0], both[1]], "2026-12-01")
    (open_one,) = cards_by_date(MILK, [mixed[0], both[1]], "2026-11-01")
    assert (each.mark, gone.mark, open_one.mark) == ("recalled", "failed", "possible")
    assert past.path == f"/01/{MILK}?17=261120&11=261020"
