"""What an audit finds is said for people who are no engineers, whatever it is."""

from typing import get_args

import pytest

from ledger.log.auditing import LogFindingCode
from suyuan.audit_words import MEANS
from suyuan.commands.auditing import HARMLESS


def test_every_finding_says_what_it_means_and_evidence_is_to_be_kept() -> None:
    assert set(MEANS) == set(get_args(LogFindingCode))
    evidence = set(MEANS) - {*HARMLESS, "from-the-future"}
    for code, words in MEANS.items():
        assert ("keep the evidence" in words.lower()) == (code in evidence), code


@pytest.mark.parametrize("technical", ["tile", "bundle", "checkpoint", "merkle", "hash"])
def test_it_is_said_without_the_words_of_the_trade(technical: str) -> None:
    assert [code for code, words in MEANS.items() if technical in words.lower()] == []
