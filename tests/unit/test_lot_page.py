"""The lot page finds words for whatever the record holds."""

from typing import Any, get_args, get_type_hints

import pytest

from kiosk_ui.language import load_languages
from kiosk_ui.viewmodels.lot import KINDS, MERCHANT_KINDS, PAPER_KINDS
from ledger.events.base import stored_name
from ledger.events.cases import MerchantRegistered
from ledger.events.catalogue import TAPE_REPORTS
from ledger.events.reports import CertificateFiled, GoodsMoved


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


@pytest.mark.parametrize("words", [KINDS, MERCHANT_KINDS, PAPER_KINDS])
def test_every_word_is_said_in_chinese(words: dict[str, str]) -> None:
    chinese = load_languages()["zh"]

    assert [word for word in words.values() if chinese.word(word) == word] == []
