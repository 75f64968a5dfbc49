"""The access log says in words what was asked about."""

import pytest

from kiosk_ui.language import load_languages
from kiosk_ui.viewmodels.asked import NAMES, asked_words

LANGUAGES = load_languages()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("/v1/trace?product=06901234567892&lot=A-24/11&as_of=12", "商品 06901234567892 · 批号 A-24/11 · 当时所知（位置） 12"),
        ("/v1/merchants/m-1/ledgers/purchases?since=2026-11-01&until=2026-11-30&limit=50", "商户 m-1 · 从 2026-11-01 · 到 2026-11-30"),
        ('place-hold {"hold":"h-1","goods":[{"product":"06901234567892","lot":"A"}],"reason":"抽检', "暂停销售 h-1 · 商品 06901234567892 · 批号 A"),
        ("/v1/outbreak?stall=m-1&stall=m-2", "商户 m-1 · 商户 m-2"),
        ("/v1/alerts", ""), ("", ""), ("//[", ""), ("place-hold {", ""),
    ],
)  # fmt: skip
def test_who_reads_the_log_sees_whom_and_what_a_question_was_about(asked: str, words: str) -> None:
    assert asked_words(asked, LANGUAGES["zh"]) == words


def test_whatever_a_question_names_has_a_word() -> None:
    assert set(NAMES.values()) <= LANGUAGES["zh"].texts
