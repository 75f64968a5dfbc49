"""What the record notes of a case by itself is read in the reader's language; what people wrote stays theirs."""

from datetime import timedelta

import msgspec
from msgspec.structs import asdict

from kiosk_ui.language import load_languages
from kiosk_ui.viewmodels.notes import case_note
from ledger.events.recalls import ChecksDrawn, DrawnCheck, HolderCalled, HolderChecked
from ledger.rules.recall_holders import AnswerRecall, CallHolder, CheckHolder, DrawChecks
from tests.support.line import Line
from tests.support.make import MILK
from tests.support.office import Office, answered

ZH = load_languages()["zh"]


def test_a_recalls_history_says_in_chinese_what_was_drawn_seen_called_and_answered() -> None:
    office, line = Office().published(), Line()
    drawn = ChecksDrawn(
        recall="r-1", seed=7, by="o-1", holders=(DrawnCheck(merchant="m-1", reason="C"),)
    )
    called = HolderCalled(
        recall="r-1", merchant="m-2", by="o-1", result="no-answer", note="8:30 tried"
    )
    seen = HolderChecked(recall="r-1", merchant="m-1", by="o-1", result="still-sold")
    said = msgspec.structs.replace(answered("m-1", found=2, sold=12), note="sold 3 by hand")
    for request in (DrawChecks(drawn), CallHolder(called), CheckHolder(seen), AnswerRecall(said)):
        assert office.ask(request) == ""
    assert office.ask(AnswerRecall(answered("m-3"))) == ""
    many = tuple(answered("m-4", found=n).lines[0] for n in range(1, 7))
    assert office.ask(AnswerRecall(msgspec.structs.replace(answered("m-4"), lines=many))) == ""
    office.now += timedelta(days=40)
    office.keeper().step()
    office.tell(line)

    notes = [case_note(asdict(one), ZH) for one in line.rows("recall_words")][-7:]

    assert notes == [
        "种子 7：抽取 1 户", "无人接听: 8:30 tried", "仍在销售",
        f"{MILK} A: 已封存 2, 销售 12 件: sold 3 by hand", "未发现",
        "; ".join(f"{MILK} A: 已封存 {n} 件" for n in range(1, 6)) + " …", "完成时限已过",
    ]  # fmt: skip
