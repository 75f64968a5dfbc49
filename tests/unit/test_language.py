"""Numbers in a reader's language: one is told from several where the language does."""

import pytest

from kiosk_ui.language import load_languages

LANGUAGES = load_languages()
ENGLISH, CHINESE = LANGUAGES["en"], LANGUAGES["zh"]


def test_one_line_is_no_lines_and_chinese_says_both_alike() -> None:
    told = [ENGLISH.counted("{n} line", "{n} lines", n) for n in (0, 1, "1.0", 2, 1200)]

    assert told == ["0 lines", "1 line", "1 line", "2 lines", "1,200 lines"]
    assert [CHINESE.counted("{n} line", "{n} lines", n) for n in (1, 1200)] == ["1 行", "1,200 行"]


@pytest.mark.parametrize(
    ("unit", "n", "english", "chinese"),
    [
        ("piece", "1", "piece", "件"),
        ("piece", "12.5", "pieces", "件"),
        ("box", 2, "boxes", "盒"),
        ("kg", "2", "kg", "千克"),
        ("jin", "1", "jin", "斤"),
        # How many there are is not always known.
        ("case", None, "cases", "箱"),
    ],
)
def test_a_unit_stands_behind_its_quantity_as_people_say_it(
    unit: str, n: str | int | None, english: str, chinese: str
) -> None:
    assert (ENGLISH.unit(unit, n), CHINESE.unit(unit, n)) == (english, chinese)


def test_a_script_gets_either_of_two_texts_in_chinese() -> None:
    assert CHINESE.word("pieces") == CHINESE.word("piece") == "件"
    assert CHINESE.word("") == ""


def test_whose_language_somebody_wrote_in_is_told_by_its_characters() -> None:
    assert CHINESE.speaks("请勿食用")
    assert not ENGLISH.speaks("请勿食用 batch B-77")
    assert ENGLISH.speaks("Do not eat it")
    assert not CHINESE.speaks("Do not eat it")
