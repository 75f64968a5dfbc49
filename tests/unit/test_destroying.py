"""Destroying under a recall: what would prove nothing, or go to another ledger, is refused."""

from argparse import Namespace
from types import SimpleNamespace
from typing import Any

import pytest

from suyuan.commands import Failed, recall_field
from tests.support.make import MILK


def destroying(monkeypatch: pytest.MonkeyPatch, *, rehearsal: bool, stops: list[str]) -> Any:
    """Asks for lot A of milk under r-1, at a tape that reports to the ledger on this machine."""

    def answer(_query: Any, path: str, _asked: Any) -> dict[str, Any]:
        recall = {"rehearsal": rehearsal, "recall": {"stage": "published"}}
        return {"stops": stops} if path == "/v1/check" else recall

    monkeypatch.setattr(recall_field, "ask_page", answer)
    stated = Namespace(recall="r-1", lot="A", produced=None, expires=None, offline=False)
    home = SimpleNamespace(intake_url="http://127.0.0.1:8701")
    work: Any = SimpleNamespace(agent=SimpleNamespace(home=home))
    return recall_field._refuse_wrong(stated, work, MILK)


def test_a_rehearsals_destruction_does_not_go_to_the_real_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUYUAN_INTAKE_PORT", "9999")

    with pytest.raises(Failed, match="rehearsal"):
        destroying(monkeypatch, rehearsal=True, stops=["recall r-1"])


def test_a_tape_of_the_rehearsal_may_be_practised_with(monkeypatch: pytest.MonkeyPatch) -> None:
    destroying(monkeypatch, rehearsal=True, stops=["recall r-1"])


def test_goods_that_a_recall_does_not_name_are_not_destroyed_under_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Failed, match="does not recall"):
        destroying(monkeypatch, rehearsal=False, stops=["recall r-2"])
