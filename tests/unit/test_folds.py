"""What follows from reports: stock, lots, expiry, alerts, corrections, gaps."""

from datetime import date, timedelta

import msgspec

from ledger.events import wire
from ledger.events.cases import (
    MandateGranted,
    MandateWithdrawn,
    MerchantRegistered,
    NearExpiryStated,
    ProductRegistered,
    StatedTier,
)
from ledger.events.reports import GoodsAsRead, GoodsTransformed, Portion
from tests.support.line import Line
from tests.support.make import (
    MILK,
    NOON,
    TODAY,
    YOGHURT,
    FakeTape,
    clock,
    corrected,
    counted,
    days,
    disposed,
    milk,
    pieces,
    received,
    registered,
    sold,
    transformed,
)


def test_what_came_in_and_went_out_is_in_stock() -> None:
    line = Line()

    line.report(received(10), sold(3))

    assert line.stock() == {(MILK, "L:L1"): 7}


def test_selling_more_than_came_in_opens_an_alert_that_closes_when_it_is_found() -> None:
    line = Line()
    tape = line.report(received(2), sold(5))
    assert line.open_alerts() == ["oversold"]

    line.report(received(3), tape=tape)

    assert line.open_alerts() == []


def test_goods_past_their_last_good_day_in_stock_open_an_alert_when_the_day_begins() -> None:
    line = Line()
    line.market(TODAY)
    tape = line.report(received(5, milk(expires=TODAY + days(1))))
    assert line.open_alerts() == ["near-expiry"]

    line.begin(TODAY + days(2))
    assert line.open_alerts() == ["expired-in-stock"]

    line.report(sold(5, milk(), business_date=TODAY), tape=tape)
    assert line.open_alerts() == []


def test_a_markets_own_table_of_tiers_counts_there_until_it_is_withdrawn() -> None:
    line = Line()
    line.market(TODAY, life=10)
    tape = line.report(received(5, milk(expires=TODAY + days(5))))
    assert line.open_alerts() == []
    tiers = (StatedTier(shelf_life_days=0, days_before=7),)

    line.case("near-expiry", "market-1", NearExpiryStated(market="market-1", tiers=tiers))
    assert line.open_alerts() == ["near-expiry"]
    line.case("near-expiry", "market-1", NearExpiryStated(market="market-1"))

    assert line.open_alerts() == []
    assert tape.reports


def test_a_sale_after_the_last_good_day_is_recorded_and_opens_an_alert() -> None:
    line = Line()
    line.market(TODAY)

    line.report(received(5, milk(expires=TODAY - days(1))), sold(1, milk()))

    assert line.stock()[(MILK, "L:L1")] == 4
    assert sorted(line.open_alerts()) == ["expired-in-stock", "sold-after-expiry"]


def test_an_expiry_learned_after_the_sale_opens_the_same_alert() -> None:
    line = Line()
    line.market(TODAY)

    line.report(sold(1, milk()), received(5, milk(expires=TODAY - days(1))))

    assert sorted(line.open_alerts()) == ["expired-in-stock", "sold-after-expiry"]


def test_a_shelf_life_learned_late_gives_what_learning_it_first_would() -> None:
    late, early = Line(), Line()
    early.market(TODAY, life=10)
    late.market(TODAY)
    for line in (late, early):
        line.report(received(5, milk(None, produced=TODAY - days(20))))
    product = ProductRegistered(
        gtin=MILK, name_zh="鲜牛奶", name_en="Fresh milk", category="dairy", shelf_life_days=10
    )

    late.follow()
    late.case("product", MILK, product)

    assert late.open_alerts() == early.open_alerts() == ["expired-in-stock"]
    assert [r.expires for r in late.rows("lots")] == [r.expires for r in early.rows("lots")]


def test_two_claims_that_disagree_both_stay_and_the_earlier_date_counts() -> None:
    line = Line()

    line.report(
        received(1, milk(expires=TODAY + days(90))), received(1, milk(expires=TODAY + days(80)))
    )

    (lot,) = line.rows("lots")
    assert lot.disputed
    assert lot.expires == TODAY + days(80)
    assert line.open_alerts() == ["dates-disputed"]


def test_a_second_scan_without_a_date_does_not_blank_the_stored_one() -> None:
    line = Line()

    line.report(received(1, milk(expires=TODAY + days(90))), received(1, milk()))

    assert line.rows("lots")[0].expires == TODAY + days(90)


def test_goods_known_by_their_production_date_are_a_lot() -> None:
    line = Line()

    line.report(received(4, milk(None, produced=TODAY)), sold(1, milk(None, produced=TODAY)))

    assert line.stock() == {(MILK, f"D:{TODAY}"): 3}


def test_vegetables_make_their_delivery_their_lot() -> None:
    line = Line()
    cabbage = GoodsAsRead(item="小白菜")

    line.report(received(2, cabbage, delivery="F-1"), received(3, cabbage, delivery="F-2"))

    assert line.stock() == {("item:小白菜", "R:m-1/F-1"): 2, ("item:小白菜", "R:m-1/F-2"): 3}


def test_a_count_replaces_what_was_reckoned_and_later_movements_add_up_on_it() -> None:
    line = Line()

    line.report(
        received(10, at=NOON - timedelta(hours=3)),
        counted(6, at=NOON - timedelta(hours=2)),
        sold(1, at=NOON - timedelta(hours=1)),
    )

    assert line.stock() == {(MILK, "L:L1"): 5}


def test_a_receipt_of_before_the_count_that_another_device_hands_in_later_changes_nothing() -> None:
    line = Line()
    line.report(counted(6, at=NOON - timedelta(hours=2)))

    line.report(received(10, at=NOON - timedelta(hours=3)), tape=line.enroll(FakeTape()))

    assert line.stock() == {(MILK, "L:L1"): 6}


def test_a_voided_line_is_as_if_it_had_not_been_and_stays_on_record() -> None:
    line = Line()
    tape = line.report(received(10), received(10))

    line.report(corrected(tape.id, 3), tape=tape)

    assert line.stock() == {(MILK, "L:L1"): 10}
    assert [row.believed_to is None for row in line.rows("movements")] == [True, False]


def test_a_replaced_line_says_what_it_should_have_said() -> None:
    line = Line()
    tape = line.report(received(10))

    line.report(corrected(tape.id, 2, goods=milk("L2"), quantity=pieces(7)), tape=tape)
    line.report(corrected(tape.id, 2, goods=milk("L3"), quantity=pieces(6)), tape=tape)

    assert {k: v for k, v in line.stock().items() if v} == {(MILK, "L:L3"): 6}


def test_a_whole_session_is_voided_at_once() -> None:
    line = Line()
    tape = line.report(received(10), received(5, milk("L2")))

    line.report(corrected(tape.id, 2, "session"), tape=tape)

    assert line.stock() == {}


def test_a_correction_that_comes_before_its_entry_waits_for_it() -> None:
    line = Line()
    late = line.enroll(FakeTape("scanner-2"))
    late.add(received(10))

    line.report(corrected(late.id, 2))
    line.send(late.batch())

    assert line.stock() == {}


def test_somebody_elses_correction_is_recorded_has_no_effect_and_opens_an_alert() -> None:
    line = Line()
    tape = line.report(received(10))
    other = line.enroll(FakeTape("scanner-2"), "m-2")

    line.report(corrected(tape.id, 2, merchant="m-2", premises="p-2"), tape=other)

    assert line.stock() == {(MILK, "L:L1"): 10}
    assert line.open_alerts() == ["correction-refused"]


def test_a_wrong_date_that_was_corrected_disputes_nothing_any_more() -> None:
    line = Line()
    tape = line.report(
        received(1, milk(expires=TODAY)), received(1, milk(expires=TODAY + days(90)))
    )

    line.report(
        corrected(tape.id, 2, goods=milk(expires=TODAY + days(90)), quantity=pieces(1)), tape=tape
    )

    assert line.rows("lots")[0].expires == TODAY + days(90)
    assert line.open_alerts() == []


def test_mixing_keeps_every_lot_that_went_in() -> None:
    line = Line()
    parts = [Portion(goods=milk(lot), quantity=pieces(2)) for lot in ("A", "B", "C")]
    made = Portion(goods=GoodsAsRead(gtin=YOGHURT, lot="Y1"), quantity=pieces(5))

    line.report(transformed(parts, [made]))

    edges = {(r.input_lot, r.output_lot) for r in line.rows("lot_transforms")}
    assert edges == {("L:A", "L:Y1"), ("L:B", "L:Y1"), ("L:C", "L:Y1")}
    assert line.stock()[(YOGHURT, "L:Y1")] == 5
    assert line.stock()[(MILK, "L:B")] == -2


def test_a_clone_a_lost_tape_a_wrong_clock_and_a_missing_mandate_are_alerts() -> None:
    line = Line()
    tape = line.report(received(1))
    clone = FakeTape(tape.device, tape.key)
    clone.id, clone.reports = tape.id, tape.reports[:1]
    clone.add(received(9))
    line.send(clone.batch(2))
    line.send(FakeTape(tape.device, tape.key).batch())
    ahead = line.enroll(FakeTape("scanner-2"))
    line.report(received(1, clock=clock(NOON + timedelta(days=1))), tape=ahead)
    line.report(received(1, merchant="m-7"), tape=ahead)

    found = line.open_alerts()

    assert sorted(found) == ["device-clock", "no-mandate", "tape-forked", "tape-lost"]
    assert {row.kind for row in line.rows("gaps", "edge")} == {"tape-forked", "tape-lost"}


def test_weeks_offline_leave_a_note_from_first_to_last() -> None:
    line = Line()
    weeks = [NOON - timedelta(days=n) for n in (21, 14, 7)]

    line.report(*[received(1, at=at) for at in weeks])

    (gap,) = [row for row in line.rows("gaps", "edge") if row.kind == "offline"]
    assert (gap.first_number, gap.last_number) == (2, 4)
    assert (gap.happened_from, gap.happened_to) == (weeks[0], weeks[-1])


def test_no_receipt_is_given_for_what_another_key_signed() -> None:
    line = Line()
    tape = line.enroll(FakeTape())

    answer = line.send(FakeTape(tape.device).batch())

    assert isinstance(answer, wire.Refused)
    assert answer.code == "unknown-key"


def test_a_sale_on_the_last_good_day_is_in_time() -> None:
    line = Line()
    line.market(TODAY)

    line.report(received(5, milk(expires=TODAY)), sold(1, milk()))

    assert line.open_alerts() == ["near-expiry"]


def test_a_merchant_cannot_void_anothers_entries_by_sharing_a_session() -> None:
    line = Line()
    line.report(received(10))
    other = line.enroll(FakeTape("scanner-2"), "m-2")
    line.report(received(4, merchant="m-2", premises="p-2"), tape=other)

    line.report(corrected(other.id, 2, "session", merchant="m-2", premises="p-2"), tape=other)

    assert {r.merchant: r.amount // 1000 for r in line.rows("stock")} == {"m-1": 10}


def test_a_foreign_correction_does_not_replace_a_right_one_that_waits() -> None:
    line = Line()
    late = line.enroll(FakeTape("scanner-late"))
    late.add(received(10))
    line.report(corrected(late.id, 2))
    other = line.enroll(FakeTape("scanner-2"), "m-2")
    line.report(corrected(late.id, 2, merchant="m-2", premises="p-2"), tape=other)

    line.send(late.batch())

    assert line.stock() == {}
    assert line.open_alerts() == ["correction-refused"]


def test_a_report_moves_only_its_reporters_stock_whatever_premises_it_names() -> None:
    line = Line()
    line.report(received(10))
    other = line.enroll(FakeTape("scanner-2"), "m-2")

    line.report(sold(3, merchant="m-2"), tape=other)

    assert {r.merchant: r.amount // 1000 for r in line.rows("stock")} == {"m-1": 10, "m-2": -3}


def test_a_transformation_is_voided_whole_and_never_half_replaced() -> None:
    line = Line()
    made = Portion(goods=GoodsAsRead(gtin=YOGHURT, lot="Y1"), quantity=pieces(5))
    tape = line.report(transformed([Portion(goods=milk(), quantity=pieces(2))], [made]))

    line.report(corrected(tape.id, 2, goods=milk("L9"), quantity=pieces(1)), tape=tape)

    assert line.stock()[(YOGHURT, "L:Y1")] == 5
    assert "correction-refused" in line.open_alerts()


def test_a_clock_a_day_ahead_is_noticed_though_its_reports_come_days_later() -> None:
    line = Line()
    tape = line.enroll(FakeTape())
    ahead = clock(NOON - timedelta(days=1), heard=NOON - timedelta(days=2), heard_monotonic_ms=1000)

    line.report(received(1, clock=ahead), tape=tape)

    assert line.open_alerts() == ["device-clock"]


def test_a_sale_behind_a_count_is_not_swallowed_by_it_though_a_late_answer_set_the_clock_back() -> (
    None
):
    line = Line()
    tape = line.enroll(FakeTape())
    slow_answer = clock(NOON, heard=NOON - timedelta(seconds=30), heard_monotonic_ms=0)

    line.report(received(20), counted(10), sold(3, clock=slow_answer), tape=tape)

    assert line.stock() == {(MILK, "L:L1"): 7}
    *_, count, sale = line.rows("movements")
    assert sale.happened == count.happened
    # What its own clock said is still within what is claimed.
    assert sale.uncertainty_s >= 30


def test_another_tapes_sale_before_a_count_stays_before_it() -> None:
    line = Line()
    earlier = clock(NOON, heard=NOON - timedelta(seconds=30), heard_monotonic_ms=0)
    line.report(received(20), counted(10))

    line.report(sold(3, clock=earlier), tape=line.enroll(FakeTape()))

    assert line.stock() == {(MILK, "L:L1"): 10}


def test_an_entry_of_nothing_can_be_corrected_to_something() -> None:
    line = Line()
    tape = line.report(received(0))

    line.report(corrected(tape.id, 2, goods=milk(), quantity=pieces(5)), tape=tape)

    assert line.stock() == {(MILK, "L:L1"): 5}


def test_a_corrected_count_keeps_the_sale_of_its_own_instant() -> None:
    line = Line()
    tape = line.report(counted(10), sold(3))

    line.report(corrected(tape.id, 2, goods=milk(), quantity=pieces(11)), tape=tape)

    assert line.stock() == {(MILK, "L:L1"): 8}


def test_goods_sold_without_their_lot_are_oversold_only_when_all_lots_are_too_few() -> None:
    line = Line()
    tape = line.report(received(3, milk("A")), received(2, milk("B")), sold(4, milk(None)))
    assert line.open_alerts() == []

    line.report(sold(2, milk(None)), tape=tape)
    assert line.open_alerts() == ["oversold"]

    line.report(received(1, milk("C")), tape=tape)
    assert line.open_alerts() == []


def test_a_report_nobody_can_read_opens_an_alert() -> None:
    line = Line()
    tape = line.enroll(FakeTape())
    tape.add(b'{"type":"goods-dreamt.v9"}')

    line.send(tape.batch())

    assert line.open_alerts() == ["report-unreadable"]


def repacked(process: str = "repacked", *, until: int = 9) -> GoodsTransformed:
    part = Portion(goods=milk("A", expires=TODAY + days(5)), quantity=pieces(2))
    made = Portion(
        goods=GoodsAsRead(gtin=YOGHURT, lot="Y", expires=TODAY + days(until)), quantity=pieces(2)
    )
    return msgspec.structs.replace(transformed([part], [made]), process=process)


def test_repacking_that_makes_more_than_went_in_is_noticed_until_it_is_taken_back() -> None:
    line = Line()
    part, made = (Portion(goods=milk("A"), quantity=pieces(n)) for n in (500, 1000))
    report = msgspec.structs.replace(transformed([part], [made]), process="repacked")

    tape = line.report(received(500, milk("A")), report)
    assert "repacked-more" in line.open_alerts()

    line.report(corrected(tape.id, 3), tape=tape)
    assert "repacked-more" not in line.open_alerts()
    line.report(msgspec.structs.replace(report, process="manufactured"), repacked(), tape=tape)
    assert "repacked-more" not in line.open_alerts()


def test_repacked_goods_that_outlive_their_parts_are_noticed_and_those_that_do_not_are_not() -> (
    None
):
    longer, same = Line(), Line()

    longer.report(repacked())
    same.report(repacked(until=5))

    assert "outlives-its-parts" in longer.open_alerts()
    assert "outlives-its-parts" not in same.open_alerts()


def test_a_maker_of_food_may_give_goods_a_new_life_and_a_stall_may_not() -> None:
    found = []
    for kind in ("processor", "retailer"):
        line = Line()
        entry = MerchantRegistered(merchant="m-1", name="m", kind=kind, district="d")  # type: ignore[arg-type]  # a kind by name
        line.report(repacked("manufactured"))
        assert "outlives-its-parts" in line.open_alerts()
        line.case("merchant", "m-1", entry)
        found.append("outlives-its-parts" in line.open_alerts())

    assert found == [False, True]


def test_a_date_learned_after_the_repacking_is_held_against_it_and_a_void_ends_it() -> None:
    line = Line()
    tape = line.report(repacked(until=5))
    assert "outlives-its-parts" not in line.open_alerts()

    line.report(received(1, milk("A", expires=TODAY + days(2))), tape=tape)
    assert "outlives-its-parts" in line.open_alerts()
    line.report(corrected(tape.id, 2), tape=tape)

    assert "outlives-its-parts" not in line.open_alerts()


def test_what_dries_and_is_trimmed_away_is_tolerated_by_category() -> None:
    fresh, packed = Line(), Line()
    fresh.case("product", MILK, registered(MILK, category="vegetables"))

    for line in (fresh, packed):
        line.report(received(100), sold(104))

    assert (fresh.open_alerts(), packed.open_alerts()) == ([], ["oversold"])
    packed.case("product", MILK, registered(MILK, category="vegetables"))
    assert packed.open_alerts() == []


def test_beyond_its_tolerance_fresh_produce_is_oversold_too() -> None:
    line = Line()

    line.report(
        received(100, GoodsAsRead(item="小白菜"), delivery="1"),
        disposed(106, GoodsAsRead(item="小白菜"), delivery="1"),
    )  # fmt: skip

    assert line.open_alerts() == ["oversold"]


def test_a_mandate_that_was_withdrawn_from_the_first_day_there_is_ends_no_follower() -> None:
    line = Line()
    line.case(
        "device", "d",
        MandateGranted(device="d", merchant="m-1", valid_from=TODAY),
        MandateWithdrawn(device="d", merchant="m-1", from_day=date(1, 1, 1)),
    )  # fmt: skip

    # As in its case: what began before the first day there is, ends on it.
    assert all(row.valid_until == date(1, 1, 1) for row in line.rows("mandates", "edge"))
