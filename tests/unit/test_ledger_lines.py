"""Which lines of a ledger are found by a text: by no person's name in others' books."""

from datetime import date

import pytest

from query_api.ledger_lines import LinesChosen
from query_api.ledgers import START, LawLine

FIELDS = {"name": "草鱼", "party_name": "李大山", "party_address": "靖港镇", "party_contact": ""}
LINE = LawLine(
    1, "s", 1, "d", "p-1", "item:草鱼", "F-1", FIELDS, {}, ("party_contact",), 0, date.max, START
)


@pytest.mark.parametrize("text", ["李大山", "靖港"])
def test_where_cards_are_opened_to_see_what_they_lack_nobody_is_found_by_name(text: str) -> None:
    found = LinesChosen(lacking="party_contact", find=text)

    assert not found.takes(LINE)
    assert found._replace(own=True).takes(LINE)
    assert LinesChosen(lacking="party_contact", find="草鱼").takes(LINE)
    assert LinesChosen(lacking="party_contact").takes(LINE)
    assert not LinesChosen(lacking="name").takes(LINE)
