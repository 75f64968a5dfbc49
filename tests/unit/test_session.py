"""A scan session: the date question, modes, and what the hand is told."""

import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from ledger.events.catalogue import read_report
from ledger.events.reports import TapeOpened
from ledger.values.cards import Card
from scanners.cards import CardBox
from scanners.gs1 import understand
from scanners.identity import Clocks
from scanners.profiles import keep_profiles, read_profiles
from scanners.session import Session
from scanners.tape import Tape, TapeFull
from scanners.words import Told
from tests.support.make import TODAY, clock


class Hand:
    """Somebody with a scanner."""

    def __init__(self, path: Path) -> None:
        self.tape = Tape.create(
            path / "a.tape", "11111111-1111-4111-8111-111111111111", "scanner-1", os.urandom(32),
            opening=lambda: TapeOpened(device="scanner-1", clock=clock()),
        )  # fmt: skip
        self.session = Session(self.tape, Clocks(), today=lambda: TODAY)

    def scan(self, aim: str, raw: bytes) -> Told:
        return self.session.scanned(understand(aim, raw), aim, raw)

    def kept(self) -> list[dict[str, object]]:
        found = [read_report(k.report) for k in self.tape.since(2)]
        return [msgspec.to_builtins(event) for event in found]


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Hand]:
    made = Hand(tmp_path)
    made.session.command("merchant:m-1:p-1")
    yield made
    made.tape.close()


def test_a_plain_ean13_asks_for_its_date_and_a_thumb_answers(hand: Hand) -> None:
    assert hand.scan("]E0", b"6901234567892").colour == "ask"

    told = hand.session.typed("261201")

    assert told.colour == "green"
    goods = hand.kept()[0]["goods"]
    assert goods["expires"] == "2026-12-01"
    assert goods["dates_from"] == "keyed"


def test_a_skipped_date_is_kept_and_flagged(hand: Hand) -> None:
    hand.scan("]E0", b"6901234567892")

    told = hand.session.command("skip")

    assert told.colour == "amber"
    assert hand.kept()[0]["goods"]["dates_from"] == "skipped"


def test_the_next_product_leaves_the_question_open_but_loses_nothing(hand: Hand) -> None:
    hand.scan("]E0", b"6901234567892")
    hand.scan("]E0", b"6901234000016")
    hand.session.command("skip")

    assert [e["goods"]["gtin"] for e in hand.kept()] == ["06901234567892", "06901234000016"]


def test_same_as_last_from_this_supplier(hand: Hand) -> None:
    hand.session.command("with:m-9")
    hand.scan("]E0", b"6901234567892")
    hand.session.typed("261201")
    hand.scan("]E0", b"6901234567892")

    assert hand.session.command("same").colour == "green"

    assert [e["goods"]["expires"] for e in hand.kept()] == ["2026-12-01"] * 2
    hand.session.command("with:m-8")
    hand.scan("]E0", b"6901234567892")
    assert hand.session.command("same").colour == "red"


def test_one_line_may_hold_several_dates_with_their_quantities(hand: Hand) -> None:
    hand.session.typed("*12")
    hand.scan("]E0", b"6901234567892")
    hand.session.typed("261201*6 p261101*6")

    first, second = hand.kept()
    assert (first["goods"]["expires"], first["quantity"]["amount"]) == ("2026-12-01", "6")
    assert (second["goods"]["produced"], second["quantity"]["amount"]) == ("2026-11-01", "6")


def test_a_date_sheet_answers_too(hand: Hand) -> None:
    hand.scan("]E0", b"6901234567892")
    hand.scan("]C0", b"SY:D:2026-12-01")

    assert hand.kept()[0]["goods"]["dates_from"] == "sheet"


def test_selling_what_has_ended_is_red_and_recorded_all_the_same(hand: Hand) -> None:
    hand.session.command("sell")

    told = hand.scan("]C1", b"0106901234567892" + b"17261101" + b"10A1")

    assert told.colour == "red"
    assert "do not sell" in told.words
    assert hand.kept()[0]["type"] == "goods-sold.v1"


def test_a_scan_for_nobody_is_red_and_booked_on_nobody(tmp_path: Path) -> None:
    hand = Hand(tmp_path)

    told = hand.scan("]C1", b"0106901234567892" + b"10A1")

    assert told.colour == "red"
    assert hand.kept() == []


def test_the_merchant_is_remembered_across_restarts(hand: Hand) -> None:
    again = Session(hand.tape, Clocks(), today=lambda: TODAY)

    assert (again.place.merchant, again.place.premises) == ("m-1", "p-1")


@pytest.mark.parametrize(
    "text", ["2612", "261332", "*", "*-1", "*1.2345", "hello", "261201*6 261202"]
)
def test_what_was_mistyped_is_said_and_nothing_is_kept(hand: Hand, text: str) -> None:
    hand.scan("]E0", b"6901234567892")

    assert hand.session.typed(text).colour == "red"

    assert hand.kept() == []
    assert hand.session.typed("261201").colour == "green"


def test_a_return_a_disposal_and_a_count_are_reports_of_their_own(hand: Hand) -> None:
    for mode in ("return", "dispose", "count", "use"):
        hand.session.command(mode)
        hand.scan("]C1", b"0106901234567892" + b"10A1")

    kinds = [e["type"] for e in hand.kept()]
    assert kinds == ["goods-returned.v1", "goods-disposed.v2", "stock-counted.v1", "goods-used.v1"]
    assert date.fromisoformat(hand.kept()[0]["business_date"]) == TODAY


def test_an_open_question_belongs_to_whom_and_what_it_was_asked_for(hand: Hand) -> None:
    hand.scan("]E0", b"6901234567892")
    hand.session.command("merchant:m-2:p-2")
    hand.scan("]E0", b"6901234000016")
    hand.session.command("sell")
    hand.session.command("receive")
    hand.scan("]E0", b"96385074")
    told = hand.session.finish()

    kept = hand.kept()
    assert [(e["merchant"], e["type"]) for e in kept] == [
        ("m-1", "goods-received.v1"), ("m-2", "goods-received.v1"), ("m-2", "goods-received.v1")
    ]  # fmt: skip
    assert all(e["goods"]["dates_from"] == "skipped" for e in kept)
    assert told is not None
    assert told.colour == "amber"


@pytest.mark.parametrize(
    ("aim", "raw"),
    [
        ("]C1", b"02069012345678923799999999"),
        ("]C0", b"SY:D:1999-01-01"),
        ("]C1", b"0106901234567892310099999910A1"),
    ],
)
def test_a_label_beyond_every_bound_is_red_or_kept_and_ends_nothing(
    hand: Hand, aim: str, raw: bytes
) -> None:
    assert hand.scan(aim, raw).colour in ("red", "green", "ask")


def test_a_pallet_is_kept_in_kilograms(hand: Hand) -> None:
    hand.scan("]C1", b"0106901234567892310000120010A1")
    hand.scan("]C1", b"0106901234567892310500120010A1")

    amounts = [(Decimal(e["quantity"]["amount"]), e["quantity"]["unit"]) for e in hand.kept()]
    assert amounts == [(1200, "kg"), (12, "g")]


def test_undo_voids_the_last_scan_and_the_one_before_it(hand: Hand) -> None:
    hand.scan("]d2", b"0106901234567892\x1d10A")
    hand.scan("]E0", b"6901234567892")
    hand.session.typed("261201*6 261205*4")

    first, second = hand.session.command("undo"), hand.session.command("undo")

    voids = [e for e in hand.kept() if "target_number" in e]
    assert [v["target_number"] for v in voids] == [3, 4, 2]
    assert (first.words, second.words) == ("undone: 3, 4", "undone: 2")
    assert hand.session.command("undo").colour == "red"


def test_undo_of_an_open_question_keeps_nothing(hand: Hand) -> None:
    hand.scan("]E0", b"6901234567892")

    assert "nothing was kept" in hand.session.command("undo").words
    assert hand.kept() == []


def test_another_stalls_badge_ends_what_can_be_undone(hand: Hand) -> None:
    hand.scan("]d2", b"0106901234567892\x1d10A")
    hand.session.command("merchant:m-2:p-2")

    assert hand.session.command("undo").colour == "red"


def test_six_of_the_next_is_not_forgotten_while_nobody_says_for_whom(tmp_path: Path) -> None:
    hand = Hand(tmp_path)
    hand.session.typed("*6")
    assert hand.scan("]d2", b"0106901234567892\x1d10A").colour == "red"
    hand.session.command("merchant:m-1:p-1")

    hand.scan("]d2", b"0106901234567892\x1d10A")

    assert hand.kept()[0]["quantity"]["amount"] == "6"
    hand.tape.close()


def test_a_merchants_own_weight_codes_are_read_by_its_profile_alone(
    hand: Hand, tmp_path: Path
) -> None:
    (tmp_path / "codes.toml").write_text(
        '[[profile]]\nprefix = "21"\nitem_digits = 5\nvalue = "weight_g"\n'
    )
    keep_profiles(hand.tape, "m-1", read_profiles(tmp_path / "codes.toml"))
    again = Session(hand.tape, Clocks(), today=lambda: TODAY)
    meaning = understand("]E0", b"2100042012509", again.profiles)

    again.scanned(meaning, "]E0", b"2100042012509")

    assert hand.kept()[0]["goods"]["item"] == "21-00042"
    assert hand.kept()[0]["quantity"] == {"amount": "1250", "unit": "g"}
    again.command("merchant:m-2:p-2")
    assert again.profiles == ()


@pytest.mark.parametrize(
    "text",
    [
        "", "profile = 3", '[[profile]]\nprefix = "69"\nitem_digits = 5\nvalue = "weight_g"',
        '[[profile]]\nprefix = "21"\nitem_digits = 9\nvalue = "weight_g"', "[[profile", "\xff",
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_is_refused_with_an_example(text: str, tmp_path: Path) -> None:
    (tmp_path / "codes.toml").write_text(text, encoding="latin-1")

    with pytest.raises(ValueError, match="item_digits = 5"):
        read_profiles(tmp_path / "codes.toml")


def test_another_mode_ends_with_whom_and_under_which_papers_it_was(hand: Hand) -> None:
    for command in ("with:m-9", "delivery:V1", f"document:{'ab' * 32}"):
        hand.session.command(command)
    hand.scan("]d2", b"0106901234567892\x1d10A")
    hand.session.command("sell")
    hand.scan("]d2", b"0106901234567892\x1d10A")

    received, sold = hand.kept()
    assert (received["counterparty"], received["documents"]) == ("m-9", ("ab" * 32,))
    assert "counterparty" not in sold
    assert "delivery" not in sold
    assert "documents" not in sold


def test_the_papers_of_one_delivery_are_not_attached_to_the_next(hand: Hand) -> None:
    hand.session.command("delivery:V1")
    hand.session.command(f"document:{'ab' * 32}")
    hand.session.command("delivery:V2")

    hand.scan("]d2", b"0106901234567892\x1d10A")

    assert "documents" not in hand.kept()[0]


def test_the_mode_outlives_a_restart_of_the_device(hand: Hand) -> None:
    hand.session.command("sell")

    again = Session(hand.tape, Clocks(), today=lambda: TODAY)

    assert again.standing().words.startswith("sell, for m-1")


def test_a_full_disk_while_a_question_is_open_is_told_red(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand.scan("]E0", b"6901234567892")

    def full(_event: object) -> None:
        raise TapeFull("the disk is full")

    monkeypatch.setattr(hand.tape, "append", full)

    assert hand.scan("]E0", b"6901234000016").colour == "red"
    assert hand.session.command("sell").colour == "red"


def test_goods_taken_back_from_a_customer_come_in_and_returned_ones_go_out(hand: Hand) -> None:
    for mode in ("take-back", "return"):
        hand.session.command(mode)
        hand.scan("]d2", b"0106901234567892\x1d10A")

    assert [e["direction"] for e in hand.kept()] == ["from-customer", "to-supplier"]


def test_goods_thrown_away_say_why(hand: Hand) -> None:
    assert hand.session.command("dispose:expired").colour == "green"
    hand.scan("]d2", b"0106901234567892\x1d10A")
    assert hand.session.command("dispose:bored").colour == "red"
    assert hand.session.command("sell:cheap").colour == "red"

    assert hand.kept()[0]["reason"] == "expired"


def test_a_sale_does_not_wait_for_its_date_and_takes_it_afterwards(hand: Hand) -> None:
    hand.session.command("sell")
    told = hand.scan("]E0", b"6901234567892")
    assert told.colour == "green"

    dated = hand.session.typed("301201")

    sale, fix = hand.kept()
    assert dated.colour == "green"
    assert (fix["target_number"], fix["goods"]["expires"]) == (2, "2030-12-01")
    assert fix["quantity"] == sale["quantity"]
    assert hand.session.typed("301202").colour == "red", "one line, one date"


def test_the_hand_is_told_what_was_kept(hand: Hand) -> None:
    hand.session.typed("*5")

    told = hand.scan("]d2", b"010690123456789217301201" + b"10A7")

    assert "5 piece 06901234567892 lot A7 until 2030-12-01" in told.words
    assert "take-back" in hand.session.command("help").words


def test_a_count_of_all_dates_together_is_one_word(hand: Hand) -> None:
    hand.session.command("count")
    hand.session.typed("*7")
    hand.scan("]E0", b"6901234567892")

    told = hand.session.command("all")

    (kept,) = hand.kept()
    assert told.colour == "green"
    assert (kept["type"], kept["quantity"]["amount"]) == ("stock-counted.v1", "7")
    assert "dates_from" not in kept["goods"]
    assert hand.session.command("all").colour == "red"


def test_sold_out_counts_none_of_the_product_whatever_lot_the_last_one_bears(hand: Hand) -> None:
    hand.session.command("sell")
    hand.session.command("sold-out")

    told = hand.scan("]d2", b"010690123456789210L1")
    hand.scan("]d2", b"010690123456789210L1")

    gone, sale = hand.kept()
    assert told.colour == "green"
    assert (gone["type"], gone["quantity"]["amount"]) == ("stock-counted.v1", "0")
    assert "lot" not in gone["goods"]
    assert (sale["type"], sale["goods"]["lot"]) == ("goods-sold.v1", "L1")


def test_goods_of_a_farmer_are_received_with_his_card_and_a_name_typed_wrong_is_noticed(
    hand: Hand,
) -> None:
    ref = CardBox(hand.tape).keep(Card(name="李大山")).ref

    wrong = hand.session.command("with:李大善")
    told = hand.session.command("with:李大山")
    hand.scan("]d2", b"010690123456789210L1")
    hand.session.command("with:m-9")
    hand.scan("]d2", b"010690123456789210L1")

    farmer, merchant = hand.kept()
    assert (wrong.colour, "did you mean 李大山?" in wrong.words) == ("red", True)
    assert told.colour == "green"
    assert (farmer["counterparty_card"], farmer.get("counterparty")) == (ref, None)
    assert (merchant.get("counterparty_card"), merchant["counterparty"]) == (None, "m-9")
