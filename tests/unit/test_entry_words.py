"""What a proof's page says of an entry: everything it names, and that there is more where it stops."""

from kiosk_ui.language import load_languages
from kiosk_ui.viewmodels.proof import NAMED_MAX, entry_words

ENGLISH = load_languages()["en"]


def test_a_recall_of_two_goods_is_not_shown_as_one_of_the_first() -> None:
    """The page said "it opens to what stands above", and half of what was recalled stood there."""
    goods = [
        {"product": "06901234000016", "lot": "A-1"},
        {"product": "06901234000085", "lot": "B-2"},
    ]

    said = dict(entry_words({"type": "recall-published.v1", "goods": goods}, ENGLISH))

    assert said["Product"] == "06901234000016 · Lot A-1, 06901234000085 · Lot B-2"


def test_of_very_many_goods_it_says_how_many_more_there_are() -> None:
    gtins = [f"{n:014}" for n in range(NAMED_MAX + 3)]

    said = dict(entry_words({"type": "certificate-filed.v1", "gtins": gtins}, ENGLISH))

    assert said["Product"].startswith("00000000000000, ")
    assert said["Product"].endswith("and 3 more, in the entry below")
    assert said["Product"].count(", ") == NAMED_MAX + 1
