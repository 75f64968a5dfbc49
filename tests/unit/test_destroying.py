"""Destroying under a recall: what would prove nothing, or go to another ledger, is refused."""

from argparse import Namespace
from types import SimpleNamespace
from typing import Any

import pytest

from suyuan.commands import Failed, recall_field
from tests.support.make import MILK


def destroying(
    monkeypatch: pytest.MonkeyPatch, *, rehearsal: bool, home: bool, stops: list[str]
) -> str:
    """Asks for lot A of milk under r-1; `home` says whether the tape's own ledger is a rehearsal."""

    def answer(_query: Any, path: str, _asked: Any) -> dict[str, Any]:
        recall = {"rehearsal": rehearsal, "recall": {"stage": "published"}}
        return {"stops": stops} if path == "/v1/check" else recall

    monkeypatch.setattr(recall_field, "ask_page", answer)
    monkeypatch.setattr(recall_field, "_rehearses", lambda _url: home)
    stated = Namespace(recall="r-1", lot="A", produced=None, expires=None, offline=False)
    address = SimpleNamespace(intake_url="http://127.0.0.1:8701")
    work: Any = SimpleNamespace(agent=SimpleNamespace(home=address))
    return recall_field._refuse_wrong(stated, work, MILK)


@pytest.mark.parametrize("home", [False, True])
def test_a_rehearsals_destruction_does_not_go_to_the_real_ledger_nor_the_other_way_round(
    monkeypatch: pytest.MonkeyPatch, *, home: bool
) -> None:
    with pytest.raises(Failed, match="rehearsal"):
        destroying(monkeypatch, rehearsal=not home, home=home, stops=["recall r-1"])


def test_a_tape_of_the_rehearsal_may_be_practised_with(monkeypatch: pytest.MonkeyPatch) -> None:
    said = destroying(monkeypatch, rehearsal=True, home=True, stops=["recall r-1"])

    assert said == ""


def test_goods_that_a_recall_does_not_name_are_recorded_with_a_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = destroying(monkeypatch, rehearsal=False, home=False, stops=["recall r-2"])

    assert "not known to recall" in said
