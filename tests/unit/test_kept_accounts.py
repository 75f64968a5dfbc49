"""Kept accounts: pages of one list agree while the record goes on; only so many lists are kept."""

from itertools import count
from typing import Any

import pytest

from query_api import kept_accounts
from query_api.kept_accounts import LISTS_MAX, KeptAccounts
from query_api.problems import Problem
from query_api.recall_accounts import Accounts

READER: Any = None


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> KeptAccounts:
    """Kept accounts over a record that goes on by one event at every look."""
    positions = count(1)

    def look(_reader: Any, _recall: str) -> Accounts:
        return Accounts(next(positions), None, {}, {}, {}, [], {})

    monkeypatch.setattr(kept_accounts, "accounts_of", look)
    return KeptAccounts()


def test_later_pages_are_true_for_the_position_of_the_first(kept: KeptAccounts) -> None:
    first = kept.of(READER, "r-1", None)
    kept.of(READER, "r-2", None)

    assert kept.of(READER, "r-1", first.position).position == first.position
    assert kept.of(READER, "r-1", None).position > first.position


def test_a_list_that_is_no_longer_kept_has_to_be_begun_again(kept: KeptAccounts) -> None:
    first = kept.of(READER, "r-1", None)
    for _ in range(LISTS_MAX):
        kept.of(READER, "r-2", None)

    with pytest.raises(Problem, match="begin it again"):
        kept.of(READER, "r-1", first.position)
