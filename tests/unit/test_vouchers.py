"""A delivery's voucher: one scan receives every line, with nobody online."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.events.catalogue import read_report
from ledger.events.reports import EntryCorrected, GoodsReceived, GoodsSold
from ledger.values.quantity import Unit
from scanners.gs1 import understand
from scanners.identity import Clocks
from scanners.reader import read_picture
from scanners.session import Session
from scanners.tape import Tape
from scanners.vouchers import (
    BadVoucher,
    Sales,
    Voucher,
    VoucherCodes,
    VoucherLine,
    codes_of,
    voucher_of,
)
from scanners.words import Told
from tests.support.make import MILK, TODAY, YOGHURT, clock, corrected, milk, pieces, sold
from tests.unit.test_tape import make

DAY = date(2026, 12, 1)
SESSION = "00000000-0000-4000-8000-000000000009"


def session(path: Path, place: str) -> Session:
    made = Session(make(path), Clocks(), today=lambda: TODAY)
    made.command(f"merchant:{place}")
    return made


def voucher(lines: int = 2) -> Voucher:
    line = VoucherLine(Unit.PIECE, Decimal(12), gtin=MILK, lot="A-1", expires=DAY)
    fish = VoucherLine(Unit.JIN, Decimal("47.35"), item="草鱼", pieces=3)
    return Voucher("w-1", "w-1-a", "V-7", TODAY, (line, fish) * (lines // 2), ("ab" * 32,))


def scan(buyer: Session, codes: list[str]) -> Told:
    told = Told("red", "nothing was scanned")
    for code in codes:
        told = buyer.scanned(understand("]Q1", code.encode()), "]Q1", code.encode())
    return told


def received(tape: Tape) -> list[GoodsReceived]:
    events = [read_report(kept.report) for kept in tape.since(1)]
    return [event for event in events if isinstance(event, GoodsReceived)]


def test_one_scan_receives_every_line_lot_date_and_paper(tmp_path: Path) -> None:
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")

    told = scan(buyer, codes_of(voucher()))

    milk, fish = received(buyer._tape)
    assert told.colour == "green", told.words
    assert "2 lines of V-7 from w-1" in told.words
    assert (milk.goods.gtin, milk.goods.lot, milk.goods.expires) == (MILK, "A-1", DAY)
    assert (milk.counterparty, milk.delivery, milk.documents) == ("w-1", "V-7", ("ab" * 32,))
    assert (fish.goods.item, fish.quantity.unit, fish.quantity.pieces) == ("草鱼", "jin", 3)


def test_a_difference_is_typed_per_line_and_stands_beside_what_the_voucher_said(
    tmp_path: Path,
) -> None:
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")
    numbers = scan(buyer, codes_of(voucher())).numbers

    told = buyer.typed("1=10")
    wrong = buyer.typed("7=1")

    last = read_report(buyer._tape.since(1)[-1].report)
    assert told.colour == "green"
    assert isinstance(last, EntryCorrected)
    assert (last.target_number, last.quantity and last.quantity.amount) == (numbers[0], 10)
    assert last.reason == "received 10 of 12 on the voucher"
    assert (wrong.colour, "2 lines" in wrong.words) == ("red", True)


def test_a_voucher_used_twice_keeps_nothing_twice_and_says_so(tmp_path: Path) -> None:
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")
    scan(buyer, codes_of(voucher()))

    again = scan(buyer, codes_of(voucher()))

    assert (again.colour, again.numbers) == ("amber", ())
    assert "received already" in again.words
    assert len(received(buyer._tape)) == 2


def test_an_undone_voucher_can_be_scanned_again(tmp_path: Path) -> None:
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")
    scan(buyer, codes_of(voucher()))

    undone = buyer.command("undo")
    again = scan(buyer, codes_of(voucher()))

    assert (undone.colour, again.colour) == ("green", "green")
    assert len(received(buyer._tape)) == 4


def test_a_long_delivery_takes_several_codes_in_any_order(tmp_path: Path) -> None:
    codes = codes_of(varied(400))
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")
    assert len(codes) > 2

    first = scan(buyer, codes[:1])
    told = scan(buyer, codes[:0:-1])

    assert (first.colour, f"1 of {len(codes)}" in first.words) == ("ask", True)
    assert told.colour == "green"
    assert len(told.numbers) == 400


def varied(lines: int) -> Voucher:
    made = tuple(
        VoucherLine(Unit.PIECE, Decimal(n), gtin=MILK, lot=f"{n * 7919 % 99991:x}")
        for n in range(1, lines + 1)
    )
    return Voucher("w-1", "w-1-a", "V-7", TODAY, made)


def test_ten_thousand_lines_go_round_and_more_are_refused() -> None:
    whole = varied(10_000)
    codes = VoucherCodes()
    for code in codes_of(whole):
        gathered = codes.add(code.removeprefix("SY:V:"))

    assert gathered.voucher == whole
    with pytest.raises(BadVoucher, match="1 to 10000 lines"):
        codes_of(varied(10_001))


def cut(code: str) -> str:
    return code[:-9]


def changed(code: str) -> str:
    return code[:-9] + ("A" if code[-9] != "A" else "B") + code[-8:]


@pytest.mark.parametrize(
    "spoil", [cut, changed, lambda code: "SY:V:" + "0" * 40, lambda _: "SY:V:"]
)
def test_half_a_code_or_a_changed_one_keeps_nothing(
    tmp_path: Path, spoil: Callable[[str], str]
) -> None:
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")

    told = scan(buyer, [spoil(code) for code in codes_of(voucher())])

    assert told.colour == "red"
    assert received(buyer._tape) == []


def test_the_sellers_own_scan_or_another_mode_keeps_nothing(tmp_path: Path) -> None:
    seller = session(tmp_path / "s.tape", "w-1:w-1-a")
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")
    buyer.command("sell")

    own, selling = scan(seller, codes_of(voucher())), scan(buyer, codes_of(voucher()))

    assert "its buyer scans it" in own.words
    assert "goods to receive" in selling.words


def test_the_voucher_says_what_was_sold_corrections_included(tmp_path: Path) -> None:
    seller = session(tmp_path / "s.tape", "w-1:w-1-a")
    for command in ("sell", "with:m-2", "delivery:V-7"):
        seller.command(command)
    for gtin in (MILK, YOGHURT, MILK):
        seller.typed("*5")
        code = f"01{gtin}10L1".encode()
        seller.scanned(understand("]d2", code), "]d2", code)
    seller.command("undo")

    made = voucher_of(seller._tape, "w-1", "V-7")

    assert [(line.gtin, line.lot, line.amount) for line in made.lines] == [
        (MILK, "L1", 5), (YOGHURT, "L1", 5),
    ]  # fmt: skip
    with pytest.raises(BadVoucher, match="nothing was sold under 'V-8'"):
        voucher_of(seller._tape, "w-1", "V-8")


def test_its_codes_are_read_back_from_a_picture() -> None:
    import numpy as np
    import zxingcpp

    for code in codes_of(varied(30)):
        made = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
        image = np.array(made.to_image(scale=4, add_quiet_zones=True))

        (found,) = read_picture(image if image.ndim == 2 else image[:, :, 0])

        assert (found.status, found.raw.decode()) == ("sure", code)


def test_a_voucher_printed_anew_with_one_line_more_adds_that_line(tmp_path: Path) -> None:
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")
    scan(buyer, codes_of(voucher()))
    more = VoucherLine(Unit.PIECE, Decimal(5), gtin=YOGHURT)
    longer = msgspec.structs.replace(voucher(), lines=(*voucher().lines, more))

    told = scan(buyer, codes_of(longer))

    assert (told.colour, len(told.numbers)) == ("amber", 1)
    assert "2 more were received before" in told.words
    assert [event.goods.gtin for event in received(buyer._tape)] == [MILK, None, YOGHURT]


@pytest.mark.parametrize("scope", ["line", "session"])
def test_a_receipt_that_was_voided_can_be_received_again(tmp_path: Path, scope: str) -> None:
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")
    first = scan(buyer, codes_of(voucher())).numbers[0]
    fix = EntryCorrected(
        merchant="m-2", premises="m-2-a", business_date=TODAY, clock=clock(), session=SESSION,
        target_tape=buyer._tape.id, target_number=first, scope=scope, reason="not ours",
    )  # fmt: skip
    buyer._tape.append(fix)

    again = scan(session_on(buyer._tape), codes_of(voucher()))

    assert len(again.numbers) == (1 if scope == "line" else 2)


def session_on(tape: Tape) -> Session:
    """Another run of the device, such as after a power cut."""
    return Session(tape, Clocks(), today=lambda: TODAY)


def test_a_restart_right_after_the_scan_receives_nothing_twice(tmp_path: Path) -> None:
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")
    scan(buyer, codes_of(voucher()))

    again = scan(session_on(buyer._tape), codes_of(voucher()))

    assert (again.colour, len(received(buyer._tape))) == ("amber", 2)


def test_a_voucher_for_somebody_else_keeps_nothing(tmp_path: Path) -> None:
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")

    told = scan(buyer, codes_of(msgspec.structs.replace(voucher(), buyer="m-9")))

    assert (told.colour, "is for m-9" in told.words) == ("red", True)
    assert received(buyer._tape) == []


def test_one_number_sold_to_two_is_two_vouchers(tmp_path: Path) -> None:
    seller = session(tmp_path / "s.tape", "w-1:w-1-a")
    for buyer, code in (("m-2", f"01{MILK}10L1"), ("m-3", f"01{YOGHURT}10L1")):
        for command in ("sell", f"with:{buyer}", "delivery:V-7"):
            seller.command(command)
        seller.scanned(understand("]d2", code.encode()), "]d2", code.encode())

    with pytest.raises(BadVoucher, match="m-2 and m-3: say --with"):
        voucher_of(seller._tape, "w-1", "V-7")
    made = voucher_of(seller._tape, "w-1", "V-7", "m-3")

    assert (made.buyer, [line.gtin for line in made.lines]) == ("m-3", [YOGHURT])


def test_a_code_that_nests_without_end_is_refused_and_the_scanner_goes_on(tmp_path: Path) -> None:
    nested = b"\x97\xa3w-1\xa5w-1-a\xa3V-7\xaa2026-11-22\x90\x90" + b"\x91" * 5000 + b"\x90"
    text = base64.urlsafe_b64encode(zlib.compress(nested, 9)).decode().rstrip("=")
    name = hashlib.sha256(text.encode()).hexdigest()[:8]
    buyer = session(tmp_path / "b.tape", "m-2:m-2-a")

    told = scan(buyer, [f"SY:V:{name}:1/1:{text}"])

    assert (told.colour, "cannot be read" in told.words) == ("red", True)


def test_a_code_that_bears_another_vouchers_lines_is_refused_though_it_can_be_read() -> None:
    whole, other = codes_of(voucher(2)), codes_of(voucher(4))
    head = whole[0].rpartition(":")[0].removeprefix("SY:V:")
    body = other[0].rpartition(":")[2]

    with pytest.raises(BadVoucher, match="do not belong together"):
        VoucherCodes().add(f"{head}:{body}")


def standing(*events: Any) -> dict[int, tuple[str | None, int]]:
    """What sales stand for the voucher, by number: the buyer and how many; sales come from 2 on."""
    sales = Sales()
    for number, event in enumerate(events, 2):
        (sales.add if isinstance(event, GoodsSold) else sales.correct)(number, event)
    return {n: (e.counterparty, int(e.quantity.amount)) for n, e in sales.standing().items()}


def test_a_session_void_named_through_another_delivery_voids_this_ones_lines() -> None:
    first, second = sold(1, delivery="D1"), sold(2, delivery="D2")

    assert standing(first, second, corrected("t", 2, "session")) == {}
    elsewhere = sold(3, delivery="D2", session=SESSION)
    assert standing(first, elsewhere, corrected("t", 2, "session")) == {3: (None, 3)}


def test_a_line_voided_and_said_anew_stands_on_the_voucher_as_in_the_ledger() -> None:
    anew = corrected("t", 2, goods=milk(), quantity=pieces(4))

    assert standing(sold(1, delivery="D1"), corrected("t", 2), anew) == {2: (None, 4)}


def test_voiding_one_buyers_delivery_leaves_anothers_of_the_same_number() -> None:
    lines = sold(1, delivery="D1", counterparty="m-2"), sold(2, delivery="D1", counterparty="m-3")

    assert standing(*lines, corrected("t", 2, "delivery")) == {3: ("m-3", 2)}
    again = sold(5, delivery="D1", counterparty="m-2")
    assert standing(*lines, corrected("t", 2, "delivery"), again) == {3: ("m-3", 2), 5: ("m-2", 5)}
    moved = corrected("t", 2, "delivery", counterparty="m-4")
    assert standing(*lines, moved) == {2: ("m-4", 1), 3: ("m-3", 2)}
