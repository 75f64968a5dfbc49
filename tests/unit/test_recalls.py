"""Holds and recalls: what may be asked in which state, by whom, and until when."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ledger.events.recalls import (
    HolderCalled,
    RecallAcknowledged,
    RecallAnswered,
    RecallChecked,
    RecallClosed,
    RecallNarrowed,
    RecallWidened,
    RecallWithdrawn,
    WorkingDaysStated,
)
from ledger.rules.deadlines import Calendar, colour, finishes_by, starts_by
from ledger.rules.holds import (
    EndHold,
    ExtendHold,
    ReleaseHold,
)
from ledger.rules.recall_holders import (
    AcknowledgeRecall,
    AnswerRecall,
    CallHolder,
    StateWorkingDays,
)
from ledger.rules.recalls import (
    CheckRecall,
    CloseRecall,
    DraftRecall,
    NarrowRecall,
    PassRecallDeadline,
    WidenRecall,
    WithdrawRecall,
    digest_of,
)
from tests.support.line import Line
from tests.support.make import (
    MILK,
    MILK_CASE,
    NOON,
    YOGHURT,
    days,
    drafted,
    registered,
    stopped_goods,
)
from tests.support.office import Office, answered

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
A, B = stopped_goods(lot="A"), stopped_goods(lot="B")


@pytest.fixture
def office() -> Office:
    return Office()


def two(kind: Any, **fields: Any) -> Any:
    return kind(**({"recall": "r-1", "by": "officer-1", "checked_by": "officer-2"} | fields))


# Holds.


def test_a_hold_is_placed_extended_and_released(office: Office) -> None:
    assert office.hold() == ""
    later = NOON + days(20)
    assert office.ask(ExtendHold(hold="h-1", until=later, reason="no result yet", by="o-1")) == ""
    assert office.ask(ReleaseHold(hold="h-1", reason="clean", by="o-1")) == ""

    assert office.stage_of_hold() == "released"
    assert len(office.events("hold", "h-1")) == 3


def test_the_same_hold_twice_is_recorded_once_and_another_of_its_name_refused(
    office: Office,
) -> None:
    assert office.hold() == ""
    office.now += HOUR
    assert office.hold() == ""
    assert len(office.events("hold", "h-1")) == 1

    assert office.hold(goods=(B,)) == "hold-taken"


@pytest.mark.parametrize(
    ("until", "code"),
    [(NOON - HOUR, "hold-ends-too-early"), (NOON + days(31), "hold-too-long")],
)
def test_a_hold_has_an_end_that_can_be(office: Office, until: datetime, code: str) -> None:
    assert office.hold(until) == code


def test_a_hold_that_ran_out_can_still_be_decided(office: Office) -> None:
    office.hold()
    assert office.ask(EndHold(hold="h-1")) == "hold-not-over"

    office.now += days(8)
    assert office.ask(EndHold(hold="h-1")) == ""
    assert office.stage_of_hold() == "lapsed"
    assert office.ask(ReleaseHold(hold="h-1", reason="clean", by="o-1")) == ""
    assert office.stage_of_hold() == "released"


def test_a_hold_nobody_placed_is_not_released(office: Office) -> None:
    assert office.ask(ReleaseHold(hold="h-9", reason="x", by="o-1")) == "hold-unknown"


def test_a_wrong_check_digit_stops_nothing(office: Office) -> None:
    assert office.hold(goods=(stopped_goods("06901234567893"),)) == "gtin-invalid"


# Recalls.


def test_a_recall_is_drafted_checked_and_published_and_ends_its_hold(office: Office) -> None:
    office.hold()

    office.published(hold="h-1")

    assert office.recall().stage == "published"
    assert office.stage_of_hold() == "recalled"


def test_the_same_officer_twice_is_refused(office: Office) -> None:
    office.ask(DraftRecall(entry=drafted(A)))

    assert office.check("officer-1") == "same-officer"
    assert office.publish() == "recall-not-checked"


def test_a_draft_that_is_changed_after_the_check_is_checked_again(office: Office) -> None:
    office.ask(DraftRecall(entry=drafted(A)))
    office.check()
    office.ask(DraftRecall(entry=drafted(A, B)))

    assert office.publish() == "recall-not-checked"


def test_a_draft_that_was_sent_back_is_not_published(office: Office) -> None:
    office.ask(DraftRecall(entry=drafted(A)))
    office.check(approved=False)

    assert office.publish() == "recall-not-checked"


def test_a_recall_of_a_hold_that_never_was_is_refused(office: Office) -> None:
    assert office.ask(DraftRecall(entry=drafted(A, hold="h-9"))) == "hold-unknown"


def test_publishing_twice_changes_nothing(office: Office) -> None:
    office.published()

    assert office.publish() == ""
    assert len(office.events("recall", "r-1")) == 3


def test_a_check_of_a_draft_that_was_changed_meanwhile_is_refused(office: Office) -> None:
    office.ask(DraftRecall(entry=drafted(A)))
    read = digest_of(drafted(A))
    check = RecallChecked(recall="r-1", approved=True, by="officer-2", draft_digest=read)
    for other in (drafted(A, B), drafted(A, grade="III"), drafted(A, reason="a misprint")):
        assert office.ask(DraftRecall(entry=other)) == ""
        assert office.ask(CheckRecall(check)) == "draft-changed"


def test_a_recall_that_was_withdrawn_as_it_was_published_leaves_its_hold(office: Office) -> None:
    office.hold()
    office.ask(DraftRecall(drafted(A, hold="h-1")))
    office.check()
    record = office.desk._recall

    def withdrawn_meanwhile(recall: str, request: Any) -> Any:
        answer = record(recall, request)
        record(recall, WithdrawRecall(two(RecallWithdrawn, reason="clean")))
        return answer

    with patch.object(office.desk, "_recall", withdrawn_meanwhile):
        assert office.publish() == ""

    assert office.stage_of_hold() == "placed"


def test_the_same_narrowing_again_changes_nothing_though_time_ran_out_in_between(
    office: Office,
) -> None:
    office.published(goods=(A, B))
    narrowed = NarrowRecall(two(RecallNarrowed, goods=(B,), reason="clean"))
    assert office.ask(narrowed) == ""
    due = NOON + days(60)
    office.now = due + HOUR
    late = PassRecallDeadline(recall="r-1", what="recall-finishes", due=due)
    assert office.ask(late) == ""

    assert office.ask(narrowed) == ""
    assert office.recall().goods == (A,)


def test_what_of_a_hold_the_recall_does_not_name_stays_held(office: Office) -> None:
    office.hold(goods=(A, B))
    office.published(hold="h-1")

    assert office.stage_of_hold() == "placed"


def test_a_wrong_draft_can_be_taken_off_the_desk(office: Office) -> None:
    office.ask(DraftRecall(entry=drafted(A)))

    assert office.ask(WithdrawRecall(two(RecallWithdrawn, reason="mistake"))) == ""
    assert office.recall().stage == "withdrawn"
    office.now += days(9)
    office.keeper().step()
    assert office.recall().passed == ()


def test_lines_named_twice_are_one(office: Office) -> None:
    office.published(goods=(A, A))
    assert office.recall().goods == (A,)

    widened = RecallWidened(recall="r-1", goods=(B, B), reason="x", by="officer-1")
    office.ask(WidenRecall(widened))
    assert office.recall().goods == (A, B)
    whole = two(RecallNarrowed, goods=(A, B), reason="x")
    assert office.ask(NarrowRecall(whole)) == "nothing-left"


def test_a_recall_is_widened_at_once_and_narrowed_by_two(office: Office) -> None:
    office.published()

    widened = RecallWidened(recall="r-1", goods=(A, B), reason="same line", by="officer-1")
    assert office.ask(WidenRecall(entry=widened)) == ""
    assert office.recall().goods == (A, B)

    alone = two(RecallNarrowed, goods=(A,), reason="x", checked_by="officer-1")
    assert office.ask(NarrowRecall(entry=alone)) == "same-officer"
    narrowed = two(RecallNarrowed, goods=(A,), reason="x")
    assert office.ask(NarrowRecall(entry=narrowed)) == ""
    assert office.recall().goods == (B,)
    unknown = two(RecallNarrowed, goods=(A,), reason="y")
    assert office.ask(NarrowRecall(entry=unknown)) == "line-unknown"
    whole = two(RecallNarrowed, goods=(B,), reason="x")
    assert office.ask(NarrowRecall(entry=whole)) == "nothing-left"


@pytest.mark.parametrize("end", ["closed", "withdrawn"])
def test_a_recall_that_is_over_is_not_changed(office: Office, end: str) -> None:
    office.published()
    if end == "closed":
        office.ask(CloseRecall(entry=two(RecallClosed, position=9, summary="done")))
    else:
        office.ask(WithdrawRecall(entry=two(RecallWithdrawn, reason="mistake")))

    widened = RecallWidened(recall="r-1", goods=(B,), reason="x", by="o-1")
    assert office.ask(WidenRecall(entry=widened)) == "recall-over"
    assert office.ask(DraftRecall(entry=drafted(A))) == "recall-taken"
    seen = RecallAcknowledged(recall="r-1", merchant="m-1", by="m-1")
    assert office.ask(AcknowledgeRecall(entry=seen)) == "recall-over"
    # That nothing was found is an answer, too, and the page asks for it still.
    nothing = RecallAnswered(recall="r-1", merchant="m-1", by="stall-1", lines=())
    assert (office.ask(AnswerRecall(entry=nothing)) == "recall-over") is (end == "withdrawn")


def test_what_turns_up_after_a_recall_was_closed_is_still_taken_in(office: Office) -> None:
    office.published()
    office.ask(CloseRecall(entry=two(RecallClosed, position=9, summary="done")))

    assert office.ask(AnswerRecall(entry=answered("m-1", found=2))) == ""


def test_holders_acknowledge_and_answer_and_nothing_found_is_an_answer(office: Office) -> None:
    assert office.ask(AnswerRecall(entry=answered("m-1"))) == "recall-unknown"
    office.published()

    for _ in range(2):
        seen = RecallAcknowledged(recall="r-1", merchant="m-1", by="m-1")
        assert office.ask(AcknowledgeRecall(entry=seen)) == ""
        assert office.ask(AnswerRecall(entry=answered("m-1"))) == ""

    assert len(office.events("recall-holder", "r-1/m-1")) == 2


def test_an_answer_for_another_lot_of_the_product_settles_nothing(office: Office) -> None:
    office.published()
    other = msgspec.structs.replace(answered("m-1", found=3).lines[0], lot="B")
    said = msgspec.structs.replace(answered("m-1"), lines=(other,))

    assert office.ask(AnswerRecall(said)) == "answer-other-goods"
    assert office.ask(AnswerRecall(answered("m-1", found=3))) == ""


def test_an_answer_for_goods_that_were_never_recalled_settles_nothing(office: Office) -> None:
    """Five tons of flour stood among what was destroyed of a recall of milk."""
    office.published()
    flour = msgspec.structs.replace(
        answered("m-1", destroyed=5000).lines[0], product=YOGHURT, lot=None
    )
    said = msgspec.structs.replace(answered("m-1"), lines=(flour,))

    assert office.ask(AnswerRecall(said)) == "answer-other-goods"


def test_an_answer_in_singles_is_one_to_a_recall_of_pallets_and_the_other_way_round() -> None:
    pallet = "26901234567896"
    for recalled, answered_in in ((pallet, MILK), (MILK, pallet)):
        office, line = Office(), Line()
        office.register(line, registered(MILK), registered(MILK_CASE, base=MILK, contains=12),
                        registered(pallet, base=MILK_CASE, contains=40))  # fmt: skip
        office.published(goods=(stopped_goods(recalled, lot="A"),))
        found = msgspec.structs.replace(answered("m-1", found=1).lines[0], product=answered_in)

        assert (
            office.ask(AnswerRecall(msgspec.structs.replace(answered("m-1"), lines=(found,)))) == ""
        )


def test_no_hold_and_no_recall_has_the_name_of_the_page_where_they_are_made(office: Office) -> None:
    assert office.hold(hold="new") == "name-reserved"
    assert office.ask(DraftRecall(drafted(A, recall="new"))) == "name-reserved"


def test_what_a_recall_was_narrowed_by_may_still_be_answered_for(office: Office) -> None:
    office.published(goods=(A, B))
    office.ask(NarrowRecall(two(RecallNarrowed, goods=(A,), reason="clean")))

    assert office.ask(AnswerRecall(answered("m-1", found=3))) == ""


def test_what_a_recall_was_widened_and_narrowed_by_may_still_be_answered_for(
    office: Office,
) -> None:
    office.published(goods=(B,))
    office.ask(WidenRecall(RecallWidened(recall="r-1", goods=(A,), reason="x", by="officer-1")))
    office.ask(NarrowRecall(two(RecallNarrowed, goods=(A,), reason="clean")))

    assert office.ask(AnswerRecall(answered("m-1", found=3))) == ""


def test_another_officers_draft_is_not_overwritten(office: Office) -> None:
    office.ask(DraftRecall(drafted(A)))

    assert office.ask(DraftRecall(drafted(B, by="officer-7"))) == "draft-of-another"
    assert office.ask(DraftRecall(drafted(B))) == ""
    assert office.recall().goods == (B,)


def test_every_call_is_recorded_also_the_third_without_an_answer(office: Office) -> None:
    office.published()
    call = HolderCalled(recall="r-1", result="no-answer", by="o-1", merchant="m-9")

    assert [office.ask(CallHolder(entry=call)) for _ in range(3)] == ["", "", ""]

    assert len(office.events("recall-holder", "r-1/m-9")) == 3


# Deadlines.


@pytest.mark.parametrize(("grade", "hours"), [("I", 24), ("II", 48), ("III", 72)])
def test_a_recall_begins_within_the_laws_hours(grade: Any, hours: int) -> None:
    assert starts_by(grade, NOON) == NOON + timedelta(hours=hours)


def test_working_days_leave_out_week_ends_and_holidays_and_count_shifted_ones() -> None:
    # Announced on Friday 2026-09-25; the first week of October is off, Saturday the 10th worked.
    announced = datetime(2026, 9, 25, 4, 0, tzinfo=UTC)
    off = tuple(date(2026, 10, day) for day in range(1, 8))
    golden = Calendar().stated(
        WorkingDaysStated(year=2026, off=off, working=(date(2026, 10, 10),), source="x", by="o-1")
    )

    plain = finishes_by("I", announced, Calendar(), SHANGHAI)
    loaded = finishes_by("I", announced, golden, SHANGHAI)

    assert plain.astimezone(SHANGHAI).isoformat() == "2026-10-10T00:00:00+08:00"
    assert loaded.astimezone(SHANGHAI).isoformat() == "2026-10-16T00:00:00+08:00"


def test_a_day_is_counted_where_the_office_is_not_at_greenwich() -> None:
    # 23:30 UTC on Sunday is Monday morning in Shanghai.
    late = finishes_by("I", datetime(2026, 11, 22, 23, 30, tzinfo=UTC), Calendar(), SHANGHAI)

    assert late.astimezone(SHANGHAI).date() == date(2026, 12, 8)


def test_late_work_shows_green_yellow_and_red() -> None:
    due = NOON + timedelta(hours=24)

    shown = [colour(NOON, due, NOON + timedelta(hours=h)) for h in (0, 18, 19, 24)]

    assert shown == ["green", "green", "yellow", "red"]


def test_time_that_runs_out_enters_the_record_once(office: Office) -> None:
    office.hold()
    office.ask(DraftRecall(entry=drafted(A)))
    office.now += days(8)
    for _ in range(2):
        office.keeper().step()
        office.keeper().step()
    assert office.stage_of_hold() == "lapsed"
    assert office.recall().passed == ("recall-starts",)

    office.check()
    office.publish()
    office.now += days(40)
    office.keeper().step()
    office.keeper().step()
    assert office.recall().passed == ("recall-starts", "recall-finishes")


def test_a_deadline_is_not_passed_before_its_time(office: Office) -> None:
    office.published()
    passing = PassRecallDeadline(recall="r-1", what="recall-finishes", due=NOON + days(9))

    assert office.ask(passing) == "not-late"


def test_a_calendar_is_stated_once_and_again_when_it_changes(office: Office) -> None:
    year = WorkingDaysStated(year=2026, off=(date(2026, 10, 1),), working=(), source="x", by="o-1")

    for _ in range(2):
        assert office.ask(StateWorkingDays(entry=year)) == ""

    assert len(office.events("working-days", "2026")) == 1


# On the desk.


def test_the_desk_shows_stage_words_and_holders_and_late_recalls_alert() -> None:
    office, line = Office(), Line()
    office.hold()
    office.published(hold="h-1")
    office.ask(AnswerRecall(entry=answered("m-1", found=2)))
    office.now += days(40)
    office.keeper().step()
    office.tell(line)

    (hold,), (recall,) = line.rows("holds"), line.rows("recalls")
    (holder,) = line.rows("recall_holders")

    assert (hold.stage, hold.recall) == ("recalled", "r-1")
    assert (recall.stage, recall.checked_by) == ("published", "officer-2")
    assert (holder.holder, holder.answered_at is not None) == ("m-1", True)
    assert [word.what for word in line.rows("recall_words")][-1] == "deadline-passed"
    assert line.open_alerts() == ["recall-late"]
