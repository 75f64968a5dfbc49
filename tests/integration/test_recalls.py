"""Holds and recalls over HTTP: what a regulator asks while the clock runs."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest

from ledger.events.cases import MerchantMerged, MerchantRegistered
from ledger.events.holds import StoppedGoods
from ledger.events.recalls import (
    AnswerLine,
    ChecksDrawn,
    DrawnCheck,
    HolderCalled,
    HolderChecked,
    RecallAcknowledged,
    RecallAnswered,
    RecallClosed,
    RecallNarrowed,
    RecallWithdrawn,
)
from ledger.rules.recall_holders import (
    AcknowledgeRecall,
    AnswerRecall,
    CallHolder,
    CheckHolder,
    DrawChecks,
)
from ledger.rules.recalls import CloseRecall, DraftRecall, NarrowRecall, WithdrawRecall
from ledger.values.quantity import Unit
from suyuan.parts.cluster import Cluster
from tests.support.asked import asking
from tests.support.databases import fresh
from tests.support.line import Line
from tests.support.make import (
    MILK,
    MILK_CASE,
    NOON,
    YOGHURT,
    FakeTape,
    counted,
    disposed,
    drafted,
    milk,
    received,
    registered,
    sold,
    stopped_goods,
)
from tests.support.office import Office, answered

CARD = "5e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"
HOUR = timedelta(hours=1)


def merchant(name: str, district: str = "yuelu") -> MerchantRegistered:
    return MerchantRegistered(
        merchant=name, name=f"摊位 {name}", kind="retailer", district=district
    )


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Iterator[httpx.Client]:
    """m-1 sold lot A to m-2, m-3 (of another district) and m-9 (of no register), and a card."""
    line, office = Line(), Office()
    line.case("product", MILK, registered(MILK))
    line.case("product", MILK_CASE, registered(MILK_CASE, base=MILK, contains=12))
    for name, district in (("m-1", "yuelu"), ("m-2", "yuelu"), ("m-3", "furong")):
        line.case("merchant", name, merchant(name, district))
    made = milk("A", produced=date(2026, 11, 20))
    tape = line.enroll(FakeTape(), "m-1", "m-2", "m-3")
    there = {"merchant": "m-2", "premises": "p-2"}
    line.report(
        received(100, made), sold(20, made, counterparty="m-2"), sold(10, made, counterparty="m-3"),
        sold(5, made, counterparty="m-9"), sold(2, made, counterparty_card=CARD),
        received(20, made, counterparty="m-1", **there), received(7, milk("B")),
        received(7, milk("C"), counterparty="m-8", **there),
        tape=tape,
    )  # fmt: skip
    office.hold()
    office.published(hold="h-1", known_at=NOON - HOUR)
    office.hold(hold="h-2", goods=(StoppedGoods(supplier="m-8"), stopped_goods(YOGHURT)))
    office.ask(DraftRecall(drafted(stopped_goods(YOGHURT), recall="r-2", grade="III")))
    office.ask(AcknowledgeRecall(RecallAcknowledged(recall="r-1", merchant="m-2", by="m-2")))
    office.ask(AnswerRecall(answered("m-2", found=3, sold=12, destroyed=4)))
    call = HolderCalled(recall="r-1", result="no-answer", by="o-1", merchant="m-9")
    office.ask(CallHolder(call))
    drawn = (DrawnCheck(merchant="m-2", reason="C"),)
    office.ask(DrawChecks(ChecksDrawn(recall="r-1", seed=7, holders=drawn, by="o-1")))
    seen = HolderChecked(recall="r-1", merchant="m-2", result="still-there", by="o-3")
    office.ask(CheckHolder(seen))
    office.tell(line)
    gone = disposed(
        4, made, reason="recalled", recall="r-1", witness="officer-3", place="焚烧厂",
        documents=("ab" * 32,), **there,
    )  # fmt: skip
    line.report(gone, sold(1, made, at=NOON + HOUR), tape=tape)
    with asking(fresh(cluster), line) as client:
        yield client


def get(api: httpx.Client, path: str, **asked: object) -> Any:
    answer = api.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_holds_are_listed_and_shown_with_what_they_stop(api: httpx.Client) -> None:
    stages = {hold["hold"]: hold["stage"] for hold in get(api, "/v1/holds")["holds"]}
    shown = get(api, "/v1/holds/h-2")

    assert stages == {"h-1": "recalled", "h-2": "placed"}
    assert [line["product"] for line in shown["lines"]] == [None, YOGHURT]
    assert [word["what"] for word in shown["words"]] == ["hold-placed"]


def test_a_page_of_holds_goes_on_behind_the_one_before(api: httpx.Client) -> None:
    first = get(api, "/v1/holds", limit=1)
    then = get(api, "/v1/holds", limit=1, after=first["next"])

    assert [hold["hold"] for hold in first["holds"] + then["holds"]] == ["h-2", "h-1"]
    assert then["next"] is None


def test_a_recall_says_how_far_it_has_got(api: httpx.Client) -> None:
    shown = get(api, "/v1/recalls/r-1")

    assert shown["recall"]["stage"] == "published"
    assert [due["what"] for due in shown["recall"]["deadlines"]] == ["starts", "finishes"]
    counts = shown["counts"]
    assert (counts["holders"], counts["acknowledged"], counts["answered"]) == (4, 1, 1)
    (sums,) = counts["sums"]
    assert (sums["found"], sums["sold"], sums["destroyed"]) == ("3", "12", "4")
    assert (sums["proved_destroyed"], sums["unaccounted"]) == ("4", "1")


def test_a_draft_shows_its_lines_and_holds_nothing_yet(api: httpx.Client) -> None:
    shown = get(api, "/v1/recalls/r-2")

    assert shown["lines_in_all"] == 1
    assert shown["counts"]["holders"] == 0


def test_each_holder_is_held_against_its_own_account(api: httpx.Client) -> None:
    page = get(api, "/v1/recalls/r-1/holders")
    by_name = {holder["holder"]: holder for holder in page["holders"]}

    assert sorted(by_name) == ["m-1", "m-2", "m-3", "m-9"]
    (line,) = by_name["m-2"]["lines"]
    assert (line["had"], line["unaccounted"], line["proved_destroyed"]) == ("20", "1", "4")
    assert by_name["m-2"]["check_result"] == "still-there"
    (told,) = by_name["m-9"]["lines"]
    assert (told["had"], told["unaccounted"]) == ("5", None)


def test_holders_come_in_pages(api: httpx.Client) -> None:
    found, after, seen = [], "", set()
    for _ in range(9):
        page = get(api, "/v1/recalls/r-1/holders", limit=3, after=after)
        found += [holder["holder"] for holder in page["holders"]]
        seen.add(page["position"])
        if page["next"] is None:
            break
        after = page["next"]

    assert found == ["m-1", "m-2", "m-3", "m-9"]
    assert len(seen) == 1
    wrong = api.get("/v1/recalls/r-1/holders", params={"after": "m-1"})
    assert wrong.status_code == 422
    assert "cursor-invalid" in wrong.text


def test_the_call_list_names_who_is_in_no_register_or_another_district(api: httpx.Client) -> None:
    alone = get(api, "/v1/recalls/r-1/calls")["calls"]
    from_here = get(api, "/v1/recalls/r-1/calls", district="yuelu")["calls"]

    assert sorted(call["holder"] for call in alone) == [CARD, "m-9"]
    assert sorted(call["holder"] for call in from_here) == [CARD, "m-3", "m-9"]
    called = {call["holder"]: (call["calls"], call["call_result"]) for call in alone}
    assert called == {CARD: (0, None), "m-9": (1, "no-answer")}


def test_the_hand_over_names_those_of_a_district(api: httpx.Client) -> None:
    sheet = api.get("/v1/recalls/r-1/hand-over.csv", params={"to": "furong"})
    nobody = api.get("/v1/recalls/r-1/hand-over.csv", params={"to": "none"})

    assert "m-3" in sheet.text
    assert "m-9" not in sheet.text
    assert [answer.headers["suyuan-holders"] for answer in (sheet, nobody)] == ["1", "0"]


def test_checks_are_drawn_the_risky_first_and_the_same_again(api: httpx.Client) -> None:
    first = get(api, "/v1/recalls/r-1/checks", share=50, seed=7)
    again = get(api, "/v1/recalls/r-1/checks", share=50, seed=7)

    assert first == again
    assert len(first["drawn"]) == 2
    assert first["drawn"][0]["risk"] >= first["drawn"][1]["risk"]


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        ({"gtin": MILK, "lot": "A"}, "stop"),
        ({"gtin": MILK_CASE, "lot": "A"}, "stop"),
        ({"gtin": MILK, "lot": "B"}, "sell"),
        ({"gtin": MILK}, "look"),
        ({"gtin": MILK, "lot": ""}, "look"),
        ({"gtin": MILK, "lot": "A "}, "stop"),
        ({"gtin": MILK, "lot": "B", "supplier": "m-8"}, "stop"),
        ({"gtin": MILK, "lot": "C"}, "look"),
        ({"gtin": YOGHURT, "lot": "Z"}, "stop"),
    ],
)
def test_a_cash_register_asks_before_the_drawer_opens(
    api: httpx.Client, asked: dict[str, str], verdict: str
) -> None:
    assert get(api, "/v1/check", **asked)["verdict"] == verdict


def test_a_wrong_check_digit_is_said_at_the_till(api: httpx.Client) -> None:
    answer = api.get("/v1/check", params={"gtin": "6901234567893"})

    assert answer.status_code == 422
    assert "check digit" in answer.json()["detail"]


def test_recalled_goods_are_a_state_of_their_own_in_stock(api: httpx.Client) -> None:
    lines = get(api, "/v1/premises/p-1/stock")["lines"]

    assert {line["lot"]: line["stopped"] for line in lines} == {"L:A": "recalled", "L:B": None}


def test_a_shopper_reads_of_the_recall_on_the_lots_page(api: httpx.Client) -> None:
    (stop,) = get(api, f"/v1/lots/{MILK}/A")["stops"]

    assert (stop["kind"], stop["grade"], stop["notice"]) == ("recall", "I", "请勿食用")


def test_the_notice_is_words_a_poster_and_a_code(api: httpx.Client) -> None:
    words = api.get("/v1/recalls/r-1/notice.txt").text
    poster = api.get("/v1/recalls/r-1/notice.html", params={"link": "https://a.example/r"}).text
    code = api.get("/v1/recalls/r-1/notice.svg").text

    assert "批号 lot A" in words
    assert "<svg viewBox" in poster
    assert code.startswith("<svg viewBox")
    # Where the authority's code leads is nobody else's to say.
    refused = api.get(
        "/v1/recalls/r-1/notice.svg", params={"link": "https://a.example/r"}, auth=None
    )
    assert refused.status_code == 403
    assert api.get("/v1/recalls/r-1/notice.svg", auth=None).status_code == 200


def test_the_report_accounts_for_every_holder_and_proof(api: httpx.Client) -> None:
    page = api.get("/v1/recalls/r-1/report.html").text

    for word in ("摊位 m-2", "officer-3", "焚烧厂", "abababababab", "recall-published"):
        assert word in page


def test_a_draft_has_no_notice_and_says_why(api: httpx.Client) -> None:
    answer = api.get("/v1/recalls/r-2/notice.txt")

    assert answer.status_code == 409
    assert "publish it first" in answer.json()["detail"]


def test_what_a_recall_of_a_lot_would_name_comes_from_its_trace(api: httpx.Client) -> None:
    found = get(api, "/v1/recall-proposal", product=MILK, lot="A")

    (line,) = found["lines"]
    assert (line["lot"], line["produced_from"]) == ("A", "2026-11-20")
    assert found["holders"] == 4


def accounts(cluster: Cluster, line: Line, office: Office) -> tuple[Any, Any]:
    """The counts and holders of recall r-1, over HTTP."""
    office.tell(line)
    with asking(fresh(cluster), line) as client:
        counts = get(client, "/v1/recalls/r-1")["counts"]
        holders = get(client, "/v1/recalls/r-1/holders")["holders"]
    return counts, {holder["holder"]: holder for holder in holders}


def test_an_answer_in_cases_is_that_many_pieces(cluster: Cluster) -> None:
    line, office = Line(), Office().published()
    office.register(line, registered(MILK_CASE, base=MILK, contains=12))
    line.report(received(24, milk("A")))
    said = AnswerLine(product=MILK_CASE, unit=Unit.PIECE, lot="A", found=Decimal(2))
    office.ask(AnswerRecall(RecallAnswered(recall="r-1", merchant="m-1", by="m-1", lines=(said,))))

    _, holders = accounts(cluster, line, office)

    assert (holders["m-1"]["lines"][0]["found"], holders["m-1"]["lines"][0]["unaccounted"]) == (
        "24",
        "0",
    )


def test_what_one_has_too_many_of_does_not_make_up_for_what_another_lacks(cluster: Cluster) -> None:
    line, office = Line(), Office().published()
    tape = line.enroll(FakeTape(), "m-1", "m-2")
    there = {"merchant": "m-2", "premises": "p-2"}
    line.report(received(24, milk("A")), received(24, milk("A"), **there), tape=tape)
    office.ask(AnswerRecall(answered("m-1", found=34)))
    office.ask(AnswerRecall(answered("m-2", found=14)))

    counts, _ = accounts(cluster, line, office)

    assert (counts["sums"][0]["unaccounted"], counts["sums"][0]["overstated"]) == ("10", "10")


def test_who_never_had_any_and_found_none_is_no_holder(cluster: Cluster) -> None:
    line, office = Line(), Office().published()
    line.report(received(24, milk("A")))
    office.ask(AnswerRecall(answered("m-7")))
    seen = RecallAcknowledged(recall="r-1", merchant="m-8", by="m-8")
    office.ask(AcknowledgeRecall(seen))

    counts, holders = accounts(cluster, line, office)

    assert (counts["holders"], sorted(holders)) == (1, ["m-1"])


def test_destroying_another_lot_proves_nothing(cluster: Cluster) -> None:
    line, office = Line(), Office().published()
    office.tell(line)
    tape = line.report(received(24, milk("A")), received(24, milk("B")))
    line.report(disposed(24, milk("B"), reason="recalled", recall="r-1"), tape=tape)

    counts, _ = accounts(cluster, line, office)

    assert counts["sums"][0]["proved_destroyed"] == "0"


def test_destroying_more_than_there_was_does_not_make_more_to_account_for(cluster: Cluster) -> None:
    line, office = Line(), Office().published()
    office.tell(line)
    tape = line.report(received(24, milk("A")))
    line.report(disposed(9000, milk("A"), reason="recalled", recall="r-1"), tape=tape)

    _, holders = accounts(cluster, line, office)

    assert holders["m-1"]["lines"][0]["had"] == "24"


def test_what_is_found_of_a_lot_that_is_no_longer_recalled_settles_nothing(
    cluster: Cluster,
) -> None:
    line, office = Line(), Office()
    office.published(goods=(stopped_goods(lot="A"), stopped_goods(lot="B")))
    line.report(received(24, milk("A")), received(10, milk("B")))
    office.ask(AnswerRecall(answered("m-1", found=20)))
    narrowed = RecallNarrowed(
        recall="r-1", goods=(stopped_goods(lot="A"),), reason="clean", by="officer-1",
        checked_by="officer-2",
    )  # fmt: skip
    office.ask(NarrowRecall(narrowed))

    _, holders = accounts(cluster, line, office)

    (left,) = holders["m-1"]["lines"]
    assert (left["lots"], left["had"], left["found"]) == (["L:B"], "10", "0")


def test_an_answer_in_bottles_or_cases_is_held_against_what_was_scanned(cluster: Cluster) -> None:
    line, office = Line(), Office().published()
    office.register(line, registered(MILK), registered(MILK_CASE, base=MILK, contains=12))
    line.report(received(34, milk("A")))
    bottles = AnswerLine(product=MILK, unit=Unit.BOTTLE, lot="A", found=Decimal(10))
    cases = AnswerLine(product=MILK_CASE, unit=Unit.CASE, lot="A", sold=Decimal(2))
    said = msgspec.structs.replace(answered("m-1"), lines=(bottles, cases))
    assert office.ask(AnswerRecall(said)) == ""

    _, holders = accounts(cluster, line, office)

    (account,) = holders["m-1"]["lines"]
    assert (account["found"], account["sold"], account["unaccounted"]) == ("10", "24", "0")


def test_a_till_that_reads_no_lot_looks_at_goods_of_a_stopped_supplier(cluster: Cluster) -> None:
    line, office = Line(), Office()
    line.report(counted(4000, milk("A"), merchant="m-1", premises="p-1"))
    office.hold(goods=(StoppedGoods(supplier="m-1"),))
    office.tell(line)

    with asking(fresh(cluster), line) as client:
        assert get(client, "/v1/check", gtin=MILK)["verdict"] == "look"
        assert get(client, "/v1/check", gtin=MILK, lot="A")["verdict"] == "look"
        assert get(client, "/v1/check", gtin=YOGHURT)["verdict"] == "sell"
        shown = get(client, "/v1/holds/h-1")
        assert [(one["merchant"], one["amount"]) for one in shown["stock"]] == [("m-1", "4000")]


def test_a_hold_shows_a_lot_of_which_more_may_be_there_than_its_own_entries_say(
    cluster: Cluster,
) -> None:
    line, office = Line(), Office()
    # Three of no lot came and three went: they may have been A that came, and B that went.
    unnamed = milk(None)
    line.report(
        received(5, milk("A")), sold(5, milk("A")), received(4, milk("B")),
        received(3, unnamed), sold(3, unnamed),
    )  # fmt: skip
    office.hold()
    office.tell(line)

    with asking(fresh(cluster), line) as client:
        (there,) = [one for one in get(client, "/v1/holds/h-1")["stock"] if one["lot"] == "L:A"]

    assert (there["amount"], there["at_least"], there["at_most"]) == ("0", "0", "3")


@pytest.mark.parametrize(("end", "word"), [("withdraw", "WITHDRAWN"), ("close", "CLOSED")])
def test_the_notice_of_a_recall_that_is_over_says_so(cluster: Cluster, end: str, word: str) -> None:
    line, office = Line(), Office().published()
    line.report(received(24, milk("A")))
    both: dict[str, Any] = {"recall": "r-1", "by": "officer-1", "checked_by": "officer-2"}
    over = {
        "withdraw": WithdrawRecall(RecallWithdrawn(**both, reason="clean")),
        "close": CloseRecall(RecallClosed(**both, summary="done", position=1)),
    }
    assert office.ask(over[end]) == ""
    office.tell(line)

    with asking(fresh(cluster), line) as client:
        papers = [client.get(f"/v1/recalls/r-1/notice.{form}").text for form in ("txt", "html")]

    assert all(word in paper for paper in papers)


def test_the_history_keeps_what_later_words_take_the_place_of(cluster: Cluster) -> None:
    line, office = Line(), Office().published()
    line.report(received(24, milk("A")))
    for result in ("still-there", "effective"):
        seen = HolderChecked(recall="r-1", merchant="m-1", result=result, by="o-3")
        office.ask(CheckHolder(seen))
    office.ask(AnswerRecall(answered("m-1", found=20)))
    office.ask(AnswerRecall(answered("m-1", found=24)))
    office.tell(line)

    with asking(fresh(cluster), line) as client:
        notes = [word["note"] for word in get(client, "/v1/recalls/r-1")["words"]][3:]

    assert notes[:2] == ["still-there", "effective"]
    assert ["found 20" in notes[2], "found 24" in notes[3]] == [True, True]


def test_a_recall_whose_lot_nobody_scanned_by_number_has_possible_holders(cluster: Cluster) -> None:
    line, office = Line(), Office().published()
    line.report(received(24, milk(None)))
    office.ask(AnswerRecall(answered("m-1", found=4)))

    _, holders = accounts(cluster, line, office)

    assert (holders["m-1"]["how"], holders["m-1"]["lines"][0]["found"]) == ("possible", "4")


def test_holders_that_turn_out_to_be_one_lose_no_answer(cluster: Cluster) -> None:
    line, office = Line(), Office().published()
    line.report(received(24, milk("A")))
    for name in ("m-1", "m-2"):
        line.case("merchant", name, merchant(name))
    office.ask(AnswerRecall(answered("m-1", found=14)))
    office.ask(AnswerRecall(answered("m-2", found=10)))
    seen = RecallAcknowledged(recall="r-1", merchant="m-1", by="m-1")
    office.ask(AcknowledgeRecall(seen))
    office.tell(line)
    merged = MerchantMerged(merchant="m-2", into="m-1", by="o-1", note="same licence")
    line.case("aliases", "all", merged)

    counts, holders = accounts(cluster, line, office)

    assert holders["m-1"]["lines"][0]["found"] == "24"
    assert counts["acknowledged"] == 1


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/holds/h-99", "hold-unknown"),
        ("/v1/recalls/r-99", "recall-unknown"),
        ("/v1/recalls/r-99/holders", "recall-unknown"),
        ("/v1/recalls/r-99/report.html", "recall-unknown"),
        (f"/v1/recall-proposal?product={MILK}&lot=NOBODY", "lot-unknown"),
    ],
)
def test_what_nobody_ever_recorded_is_said_to_be_unknown(
    api: httpx.Client, path: str, code: str
) -> None:
    answer = api.get(path)

    assert (answer.status_code, answer.json()["title"]) == (404, code)


def test_a_stall_sees_what_it_had_and_said_also_of_a_recall_that_was_closed(
    cluster: Cluster,
) -> None:
    line, office = Line(), Office().published()
    line.report(received(24, milk("A")))
    office.ask(AnswerRecall(answered("m-1", found=20, sold=4)))
    closed = RecallClosed(
        recall="r-1", by="officer-1", checked_by="officer-2", summary="done", position=1
    )
    assert office.ask(CloseRecall(closed)) == ""
    office.tell(line)

    with asking(fresh(cluster), line) as client:
        (task,) = get(client, "/v1/merchants/m-1/recall-tasks")["tasks"]

    assert task["over_at"] is not None
    (own,) = task["had"]
    assert (own["lot"], own["unit"], own["had"]) == ("L:A", "piece", "24")
    (said,) = task["answer"]
    assert (said["found"], said["sold"], said["destroyed"]) == ("20", "4", "0")
