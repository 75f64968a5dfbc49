"""Stops: what a hold or recall stops, on the ledger's side and in the hand."""

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.events.cases import MerchantMerged
from ledger.events.catalogue import read_report
from ledger.events.holds import HoldReleased, StoppedGoods
from ledger.events.recalls import RecallNarrowed, RecallWidened, RecallWithdrawn
from ledger.events.reports import GoodsAsRead, Portion, StopMet, TapeOpened
from ledger.events.stop_list import LINES_A_PART, StopLine, read_stops, sign_stops
from ledger.intake.stops import SIGN_AGAIN, StopKeeper
from ledger.projections import stops
from ledger.rules.stop_board import StopBoard
from ledger.rules.stops import Meets, Met, meets
from ledger.values.keys import PublicKey, SigningKey
from scanners.gs1 import understand
from scanners.identity import Clocks
from scanners.session import Session
from scanners.stoplist import StopList
from scanners.tape import Tape
from scanners.words import Told
from tests.support.line import Line
from tests.support.make import (
    MILK,
    MILK_CASE,
    NOON,
    TODAY,
    YOGHURT,
    FakeTape,
    clock,
    corrected,
    counted,
    days,
    held,
    milk,
    pieces,
    recalled,
    received,
    registered,
    sold,
    stopped_goods,
    transformed,
)

KEY = SigningKey(bytes(32))
MINUTE = timedelta(minutes=1)
RANGE = {"produced_from": date(2026, 11, 1), "produced_until": date(2026, 11, 3)}


@pytest.mark.parametrize(
    ("line", "met", "says"),
    [
        ({}, {}, "stopped"),
        ({"lot": "A"}, {"lot": "A"}, "stopped"),
        ({"lot": "A"}, {"lot": "B"}, None),
        ({"lot": "A"}, {}, "possible"),
        ({"lot": "A"} | RANGE, {"produced": date(2026, 11, 2)}, "possible"),
        ({"lot": "A"} | RANGE, {"produced": date(2026, 11, 9)}, None),
        (RANGE, {"produced": date(2026, 11, 3)}, "stopped"),
        (RANGE, {"produced": date(2026, 11, 4)}, None),
        (RANGE, {"lot": "A"}, "possible"),
        ({"expires_from": TODAY}, {"expires": TODAY + days(9)}, "stopped"),
        ({"expires_until": TODAY}, {"expires": TODAY + days(9)}, None),
        ({"supplier": "m-9"}, {}, "possible"),
        ({"supplier": "m-9"}, {"suppliers": ("m-9",)}, "stopped"),
        ({"supplier": "m-9"}, {"suppliers": ("m-8",)}, None),
        ({"supplier": "m-9", "lot": "A"}, {"lot": "A"}, "possible"),
        ({"delivery": "m-1/V1"}, {"delivery": "m-1/V1"}, "stopped"),
        ({"delivery": "m-1/V1"}, {}, "possible"),
        ({"delivery": "m-1/V1"}, {"delivery": "m-1/V2"}, None),
    ],
)
def test_what_a_line_says_of_goods(
    line: dict[str, Any], met: dict[str, Any], says: Meets | None
) -> None:
    assert meets(stopped_goods(**line), Met(products=(MILK,), **met)) == says
    assert meets(stopped_goods(**line), Met(products=(YOGHURT,), **met)) is None


def test_a_supplier_alone_stops_what_is_known_to_come_from_there() -> None:
    line = StoppedGoods(supplier="m-9")

    assert meets(line, Met(products=(MILK,), suppliers=("m-9",))) == "stopped"
    assert meets(line, Met(products=(MILK,))) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"product": None},
        {"product": None, "supplier": "m-9", "lot": "A"},
        {"lot": "A", "delivery": "m-1/V1"},
        {"produced_from": date(2026, 11, 3), "produced_until": date(2026, 11, 1)},
        {"expires_from": date(1926, 11, 3)},
    ],
)
def test_a_line_that_stops_everything_or_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"name|not|begins|2000"):
        StoppedGoods(**({"product": MILK} | wrong))


# The board and the keeper.


def test_the_list_names_cases_and_singles_of_what_is_stopped() -> None:
    board = StopBoard()
    board.take(1, registered(MILK))
    board.take(2, registered(MILK_CASE, base=MILK, contains=12))
    board.take(3, held(stopped_goods(MILK_CASE, lot="L1")))

    (line,) = board.lines(())

    assert line.gtins == (MILK, MILK_CASE)
    assert line.name == "鲜牛奶"


def test_what_is_released_narrowed_or_withdrawn_leaves_the_list() -> None:
    board, one, two = StopBoard(), stopped_goods(lot="A"), stopped_goods(lot="B")
    board.take(1, held(one))
    board.take(2, recalled(two))
    board.take(3, RecallWidened(recall="r-1", goods=(one,), reason="more", by="o-1"))
    assert [line.goods for line in board.lines(())] == [two, one, one]

    board.take(4, HoldReleased(hold="h-1", reason="clean", by="o-1"))
    narrowed = RecallNarrowed(recall="r-1", goods=(two,), reason="x", by="o-1", checked_by="o-2")
    board.take(5, narrowed)
    assert [line.goods for line in board.lines(())] == [one]

    board.take(6, RecallWithdrawn(recall="r-1", reason="x", by="o-1", checked_by="o-2"))
    assert board.lines(()) == []


def test_what_the_views_know_of_a_stopped_supplier_is_named_lot_by_lot() -> None:
    board = StopBoard()
    board.take(1, held(StoppedGoods(supplier="m-9")))
    came = StopLine(stop="h-1", kind="hold", goods=stopped_goods(lot="A"))
    over = StopLine(stop="h-9", kind="hold", goods=stopped_goods(lot="B"))

    found = [line.goods for line in board.lines([came, over])]

    assert board.is_wide()
    assert found == [StoppedGoods(supplier="m-9"), stopped_goods(lot="A")]


class Retained:
    """A broker's retained messages."""

    def __init__(self) -> None:
        self.messages: dict[str, bytes] = {}
        self.count = 0

    def retain(self, topic: str, payload: bytes) -> None:
        self.count += 1
        self.messages[topic] = payload
        if not payload:
            del self.messages[topic]


class Office:
    """A keeper of stops with a clock that tests move."""

    def __init__(self) -> None:
        self.now = NOON
        self.broker = Retained()
        self.keeper = StopKeeper("test", KEY, self.broker.retain, known=list, now=lambda: self.now)
        self.position = 0
        self.keeper.step()

    def record(self, *events: Any) -> None:
        for event in events:
            self.position += 1
            self.keeper.take(self.position, event)
        self.keeper.step()


def test_the_list_is_signed_at_once_on_a_change_and_again_while_nothing_changes() -> None:
    office = Office()
    office.now += timedelta(seconds=1)
    office.keeper.step()
    assert office.broker.count == 1

    office.record(held())
    assert office.broker.count == 2

    office.now += SIGN_AGAIN
    office.keeper.step()
    assert office.broker.count == 3
    assert SIGN_AGAIN <= MINUTE


def test_a_clock_that_was_put_back_signs_no_list_that_looks_older() -> None:
    office = Office()
    office.record(held())
    assert office.keeper.signed is not None
    before = office.keeper.signed.time

    office.now -= timedelta(hours=1)
    office.record(recalled())

    assert office.keeper.signed.time > before
    office.now += SIGN_AGAIN
    office.keeper.step()
    assert office.broker.count == 4


def test_a_large_list_comes_in_parts_and_surplus_parts_are_cleared() -> None:
    office = Office()
    many = [stopped_goods(lot=f"L{number}") for number in range(LINES_A_PART + 1)]
    office.record(held(*many[:1000]), recalled(*many[1000:2000]))
    office.record(RecallWidened(recall="r-1", goods=tuple(many[2000:]), reason="x", by="o-1"))
    assert sorted(office.broker.messages) == ["suyuan/v1/test/stops/1", "suyuan/v1/test/stops/2"]

    office.record(RecallWithdrawn(recall="r-1", reason="x", by="o-1", checked_by="o-2"))

    assert sorted(office.broker.messages) == ["suyuan/v1/test/stops/1"]


def test_a_broker_that_comes_back_is_told_the_list_again() -> None:
    office = Office()
    office.record(held())
    office.broker.messages.clear()

    office.keeper.publish()

    assert len(office.broker.messages) == 1


@pytest.mark.parametrize("spoil", [b"", b"{}", b"no json", b'{"type":"stop-part.v1"}'])
def test_what_is_no_signed_part_is_refused(spoil: bytes) -> None:
    with pytest.raises(ValueError, match="stop list"):
        read_stops(spoil, [PublicKey(KEY.public)])


def test_a_part_signed_by_a_stranger_is_refused() -> None:
    (part,) = sign_stops(SigningKey(bytes([7] * 32)), "test", 1, NOON, [])

    with pytest.raises(ValueError, match="did not sign"):
        read_stops(part, [PublicKey(KEY.public)])


# In the hand.


class Stall:
    """A hand with a scanner that has the stop list."""

    def __init__(self, path: Path) -> None:
        self.now = NOON
        self.path = path
        self.tape = Tape.create(
            path / "a.tape", "11111111-1111-4111-8111-111111111111", "scanner-1", os.urandom(32),
            opening=lambda: TapeOpened(device="scanner-1", clock=clock()),
        )  # fmt: skip
        self.begin()
        self.session.command("merchant:m-1:p-1")
        self.session.command("sell")

    def begin(self) -> None:
        self.stops = StopList(self.tape, [KEY.public], lambda: self.now)
        self.session = Session(self.tape, Clocks(), today=lambda: TODAY, stops=self.stops)

    def learn(self, *goods: StoppedGoods, version: int = 1, at: datetime | None = None) -> bool:
        lines = [
            StopLine(stop="r-1", kind="recall", goods=g, gtins=(MILK, MILK_CASE), name="鲜牛奶",
                     grade="I")
            for g in goods
        ]  # fmt: skip
        parts = sign_stops(KEY, "test", version, at or self.now, lines)
        taken = [self.stops.take(part) for part in parts]
        return all(taken)

    def scan(self, code: str, aim: str = "]C1") -> Told:
        return self.session.scanned(understand(aim, code.encode()), aim, code.encode())

    def kept(self) -> list[tuple[str, str | None]]:
        found = [msgspec.to_builtins(read_report(k.report)) for k in self.tape.since(2)]
        return [(event["type"].partition(".")[0], event.get("outcome")) for event in found]


@pytest.fixture
def stall(tmp_path: Path) -> Iterator[Stall]:
    made = Stall(tmp_path)
    yield made
    made.tape.close()


LOT_A = f"01{MILK}10A"
LOT_B = f"01{MILK}10B"


def test_a_recalled_lot_is_refused_in_red_and_not_sold(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))

    told = stall.scan(LOT_A)

    assert told.colour == "red"
    assert "recalled 召回 (r-1, grade I)" in told.words
    assert stall.kept() == [("stop-met", "refused")]
    assert stall.scan(LOT_B).colour == "green"


def test_a_scanner_that_was_offline_refuses_after_a_restart_and_says_how_old_its_list_is(
    stall: Stall,
) -> None:
    stall.learn(stopped_goods(lot="A"))

    stall.now += timedelta(hours=5)
    stall.begin()
    told = stall.scan(LOT_A)

    assert told.colour == "red"
    assert "the list is 5 h old" in told.words


def test_selling_on_all_the_same_is_recorded(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))
    stall.scan(LOT_A)

    told = stall.session.command("sold-anyway")

    assert told.colour == "red"
    assert stall.kept() == [
        ("stop-met", "refused"), ("stop-met", "sold-anyway"), ("goods-sold", None)
    ]  # fmt: skip
    assert stall.session.command("sold-anyway").colour == "red"
    assert len(stall.kept()) == 3


def test_a_code_without_a_lot_asks_for_it_in_amber_and_one_key_answers(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"), stopped_goods(**RANGE))

    told = stall.scan("6901234567892", "]E0")
    assert told.colour == "amber"
    assert "lot 批号 A" in told.words
    assert "made 生产 2026-11-01 – 2026-11-03" in told.words
    assert stall.kept() == []

    assert stall.session.typed("2").colour == "green"
    assert stall.kept() == [("stop-met", "it-is-not"), ("goods-sold", None)]


def test_one_key_says_that_it_is(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))
    stall.scan("6901234567892", "]E0")

    told = stall.session.typed("1")

    assert told.colour == "red"
    assert stall.kept() == [("stop-met", "it-is")]
    stall.session.command("sold-anyway")
    assert stall.kept()[-1] == ("goods-sold", None)


def test_another_key_asks_again_and_loses_nothing(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))
    stall.scan("6901234567892", "]E0")

    assert stall.session.typed("261201").colour == "red"
    assert stall.session.typed("2").colour == "green"
    assert stall.kept()[-1] == ("goods-sold", None)


def test_a_question_nobody_answers_does_not_lose_the_sale(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))
    stall.scan("6901234567892", "]E0")

    told = stall.scan(f"01{YOGHURT}10Z")

    assert told.colour == "amber"
    assert [kind for kind, _ in stall.kept()] == ["goods-sold", "goods-sold"]


def test_stopped_goods_that_come_in_are_recorded_and_told_in_red(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))
    stall.session.command("receive")

    told = stall.scan(LOT_A)

    assert told.colour == "red"
    assert "set it aside" in told.words
    assert stall.kept() == [("goods-received", None)]


def test_a_stopped_supplier_is_told_at_the_door(stall: Stall) -> None:
    stall.learn(StoppedGoods(supplier="m-9"))
    stall.session.command("receive")
    stall.session.command("with:m-9")
    assert stall.scan(LOT_A).colour == "red"

    stall.session.command("with:m-8")
    assert stall.scan(LOT_A).colour == "green"


def test_a_stopped_supplier_sells_nothing_at_its_own_scanner(stall: Stall) -> None:
    stall.learn(StoppedGoods(supplier="m-1"))
    assert stall.scan(LOT_A).colour == "red"

    stall.session.command("merchant:m-2:p-2")
    stall.session.command("sell")
    assert stall.scan(LOT_A).colour == "green"


def test_stopped_goods_can_be_thrown_away_and_sent_back_in_green(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))

    for mode in ("dispose:recalled", "return"):
        stall.session.command(mode)
        assert stall.scan(LOT_A).colour == "green"


def test_a_typing_error_at_the_amber_question_asks_again_and_sells_nothing(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))
    stall.scan("6901234567892", "]E0")

    for wrong in ("xx", "sold-anyway", "same"):
        assert stall.session.command(wrong).colour == "red"
    assert stall.kept() == []

    assert stall.session.command("it-is-not").colour == "green"


def test_who_does_something_else_after_a_refusal_cannot_sell_it_anyway(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))
    for word in ("receive", "merchant:m-2:p-2"):
        stall.session.command("sell")
        stall.scan(LOT_A)
        stall.session.command(word)

        assert stall.session.command("sold-anyway").words == "nothing was refused just now"
    assert {kind for kind, _ in stall.kept()} == {"stop-met"}


def test_an_answer_goes_by_the_newest_list(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))
    stall.scan("6901234567892", "]E0")
    stall.learn(stopped_goods(), version=2, at=NOON + MINUTE)

    assert stall.session.typed("2").colour == "red"
    assert [kind for kind, _ in stall.kept()] == ["stop-met"]


def test_an_older_list_and_one_of_a_slower_intake_are_ignored(stall: Stall) -> None:
    assert stall.learn(stopped_goods(lot="A"), version=5)

    assert stall.learn(version=5, at=NOON)
    assert not stall.learn(version=5, at=NOON - MINUTE)
    assert not stall.learn(version=4, at=NOON + MINUTE)
    assert stall.scan(LOT_A).colour == "red"

    assert stall.learn(version=4, at=NOON + timedelta(hours=1))
    assert stall.scan(LOT_A).colour == "green"


def test_until_a_newer_list_is_whole_the_older_one_counts_too(stall: Stall) -> None:
    stall.learn(stopped_goods(lot="A"))
    many = [
        StopLine(stop="r-2", kind="recall", goods=stopped_goods(lot=f"N{number}"), gtins=(MILK,))
        for number in range(LINES_A_PART + 1)
    ]
    first, second = sign_stops(KEY, "test", 2, NOON + MINUTE, many)

    assert stall.stops.take(second)
    assert stall.stops.version == 1
    assert stall.scan(LOT_A).colour == "red"
    assert stall.scan(f"01{MILK}10N{LINES_A_PART}").colour == "red"

    assert stall.stops.take(first)
    assert stall.stops.version == 2
    assert stall.scan(LOT_A).colour == "green"


# On the desk.


def stopped_lots(line: Line) -> dict[str, str]:
    return {r.lot: r.how for r in line.rows("stopped_lots") if r.ended_at is None}


def test_held_goods_are_a_state_of_their_own_until_they_are_released() -> None:
    line = Line()
    line.report(received(3, milk("A")), received(3, milk("B")), received(3, milk(None)))
    line.case("hold", "h-1", held(stopped_goods(lot="A")))
    assert stopped_lots(line) == {"L:A": "stopped", "": "possible"}

    line.case("hold", "h-1", HoldReleased(hold="h-1", reason="clean", by="o-1"))

    assert stopped_lots(line) == {}


def test_a_lot_that_shows_up_later_or_learns_its_date_is_stopped_then() -> None:
    line = Line()
    line.case("recall", "r-1", recalled(stopped_goods(**RANGE)))
    tape = line.report(received(3, milk("A")))
    assert stopped_lots(line) == {"L:A": "possible"}

    line.report(received(3, milk("A", produced=date(2026, 11, 2))), tape=tape)
    assert stopped_lots(line) == {"L:A": "stopped"}

    line.report(received(3, milk("B", produced=date(2026, 11, 9))), tape=tape)
    assert stopped_lots(line) == {"L:A": "stopped"}


def test_a_supplier_is_stopped_with_all_that_came_from_it_also_later() -> None:
    line = Line()
    tape = line.report(received(3, milk("A"), counterparty="m-9"), received(3, milk("B")))
    line.case("hold", "h-1", held(StoppedGoods(supplier="m-9")))
    # Others may have had it from elsewhere.
    assert stopped_lots(line) == {"L:A": "possible"}

    line.report(received(3, milk("C"), counterparty="m-9"), tape=tape)

    assert stopped_lots(line) == {"L:A": "possible", "L:C": "possible"}


def test_what_stands_at_a_stopped_supplier_is_in_question_before_anybody_bought_it() -> None:
    line = Line()
    tape = line.report(counted(9, milk("A")), received(3, milk("C")))
    line.case("hold", "h-1", held(StoppedGoods(supplier="m-1")))
    # What it only received is its suppliers', until it is sold on.
    assert stopped_lots(line) == {"L:A": "possible"}

    line.report(counted(9, milk("B")), sold(1, milk("C")), tape=tape)

    assert stopped_lots(line) == {"L:A": "possible", "L:B": "possible", "L:C": "possible"}


def test_what_a_stopped_supplier_made_is_stopped_for_sure() -> None:
    line = Line()
    tape = line.enroll(FakeTape(), "m-1", "m-9")
    made = transformed([portion(milk("Z"))], [portion(milk("A"))])
    made = msgspec.structs.replace(made, merchant="m-9", premises="p-9")
    line.report(made, received(3, milk("A"), counterparty="m-9"), tape=tape)

    line.case("hold", "h-1", held(StoppedGoods(supplier="m-9")))

    assert stopped_lots(line) == {"L:A": "stopped"}


def test_a_supplier_that_is_merged_after_its_goods_were_stopped_stays_stopped() -> None:
    line = Line()
    tape = line.report(received(3, milk("A"), counterparty="m-9"))
    line.case("hold", "h-1", held(StoppedGoods(supplier="m-9")))

    merged = MerchantMerged(merchant="m-9", into="m-8", by="o-1", note="same licence")
    line.case("aliases", "all", merged)
    line.report(received(3, milk("C"), counterparty="m-8"), tape=tape)

    assert stopped_lots(line) == {"L:A": "possible", "L:C": "possible"}


def portion(goods: GoodsAsRead) -> Portion:
    return Portion(goods=goods, quantity=pieces(3))


def test_selling_a_recalled_lot_is_recorded_and_opens_an_alert() -> None:
    line = Line()
    tape = line.report(received(3, milk("A")))
    line.case("recall", "r-1", recalled(stopped_goods(lot="A")))
    line.now = NOON + timedelta(hours=2)

    line.report(sold(1, milk("A"), at=NOON + timedelta(hours=1)), tape=tape)

    assert line.stock() == {(MILK, "L:A"): 2}
    assert line.open_alerts() == ["sold-while-stopped"]
    line.report(corrected(tape.id, 3), tape=tape)
    assert line.open_alerts() == []


@pytest.mark.parametrize("lot", [None, "A"])
def test_who_was_told_in_red_and_sold_it_is_an_alert_whatever_the_clocks_say(
    lot: str | None,
) -> None:
    line = Line()
    line.case("recall", "r-1", recalled(stopped_goods(lot="A")))
    said = msgspec.structs.asdict(sold(1, milk(lot)))
    common = {k: v for k, v in said.items() if k in StopMet.__struct_fields__}
    common |= {"stop": "r-1", "list_version": 1, "list_time": NOON}

    tape = line.report(
        received(3, milk("A")), StopMet(outcome="it-is", **common),
        StopMet(outcome="sold-anyway", **common), sold(1, milk(lot)),
    )  # fmt: skip

    assert line.open_alerts() == ["sold-while-stopped"]
    line.report(corrected(tape.id, 5), tape=tape)
    assert line.open_alerts() == []


def test_a_sale_before_the_recall_that_is_reported_after_it_accuses_nobody() -> None:
    line = Line()
    tape = line.report(received(3, milk("A")))
    line.case("recall", "r-1", recalled(stopped_goods(lot="A")))

    line.report(sold(1, milk("A"), at=NOON - timedelta(hours=1)), tape=tape)

    assert line.open_alerts() == []


def test_a_correction_after_a_recall_is_valid_but_marked() -> None:
    line = Line()
    tape = line.report(received(3, milk("A")))
    line.case("recall", "r-1", recalled(stopped_goods(lot="A")))

    line.report(corrected(tape.id, 2), tape=tape)

    assert [row.contested for row in line.rows("movements")] == ["recalled"]


def test_a_recalled_case_stays_stopped_when_its_inner_pack_is_registered_later() -> None:
    line = Line()
    line.case("product", MILK, registered(MILK))
    line.case("product", YOGHURT, registered(YOGHURT))
    line.case("product", MILK_CASE, registered(MILK_CASE, base=MILK, contains=12))
    line.report(received(3, milk("A", gtin=MILK_CASE)))
    line.case("hold", "h-1", held(stopped_goods(MILK_CASE, lot="A")))
    assert stopped_lots(line) == {"L:A": "stopped"}

    line.case("product", MILK, registered(MILK, base=YOGHURT, contains=6))

    found = [(r.product, r.lot, r.how) for r in line.rows("stopped_lots") if r.ended_at is None]
    assert found == [(YOGHURT, "L:A", "stopped")]


def test_a_hold_of_many_lots_is_not_held_against_every_lot_of_its_product(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held_against = []

    def counting(line: StoppedGoods, met: Met) -> str | None:
        held_against.append(line)
        return meets(line, met)

    monkeypatch.setattr(stops, "meets", counting)
    line, many = Line(), 150
    tape = line.report(*(received(1, milk(f"A{number}")) for number in range(many)))
    line.case("hold", "h-1", held(*(stopped_goods(lot=f"A{n}") for n in range(many))))
    assert len(stopped_lots(line)) == many
    assert len(held_against) <= 2 * many

    held_against.clear()
    line.report(received(1, milk("B")), tape=tape)
    assert len(held_against) <= 1


def test_a_part_of_the_list_is_never_larger_than_its_readers_take() -> None:
    gtins = tuple(f"{n:014d}" for n in range(250))
    lines = [
        StopLine(stop="r-1", kind="recall", goods=stopped_goods(lot=f"A{n}"), gtins=gtins)
        for n in range(2000)
    ]

    parts = [
        read_stops(part, [PublicKey(KEY.public)])
        for part in sign_stops(KEY, "test", 1, NOON, lines)
    ]

    assert [line for part in parts for line in part.lines] == lines
    assert [(part.part, part.parts) for part in parts] == [
        (n, len(parts)) for n in range(1, len(parts) + 1)
    ]
