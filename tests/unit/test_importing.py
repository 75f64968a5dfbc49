"""A merchant's own file: read, matched, understood row by row, and kept once."""

import csv
import sqlite3
import threading
import zipfile
from collections import Counter
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ledger.events.reports import DaySalesTotalled
from ledger.values.cards import Card
from scanners.cards import CardBox
from scanners.importing.columns import find_headings
from scanners.importing.rows import Common, Understood, understand_row
from scanners.importing.tables import BadFile, read_rows
from scanners.tape import Tape, TapeFull
from tests.support.make import MILK, clock
from tests.unit.test_tape import make

HEADINGS = "日期,条码,品名,批号,生产日期,数量,单位,供货者,单号\n"


def put(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def understood(path: Path, tape: Tape, kind: str = "receive", **chosen: str) -> list[Understood]:
    rows = list(read_rows(path))
    index, columns = find_headings(rows, chosen)
    common = Common(
        "m-1", "p-1", date(2026, 11, 22), "00000000-0000-4000-8000-000000000001", clock(),
        kind, CardBox(tape),
    )  # fmt: skip
    seen: Counter[str] = Counter()
    return [understand_row(row, columns, common, seen) for row in rows[index + 1 :]]


@pytest.fixture
def tape(tmp_path: Path) -> Any:
    with closing(make(tmp_path / "connector.tape")) as found:
        yield found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_a_purchase_list_is_understood_in_any_encoding_of_the_trade(
    tmp_path: Path, tape: Tape, encoding: str
) -> None:
    line = '2026/11/21,6901234567892,鲜牛奶,A-1,2026年11月20日,"1,200",瓶,m-2,V-7\n'

    (row,) = understood(put(tmp_path, "a.csv", HEADINGS + line, encoding), tape)

    assert row.problem == ""
    assert row.event is not None
    assert (row.event.goods.gtin, row.event.goods.lot) == (MILK, "A-1")
    assert row.event.goods.produced == date(2026, 11, 20)
    assert row.event.business_date == date(2026, 11, 21)
    assert (str(row.event.quantity.amount), row.event.quantity.unit) == ("1200", "bottle")
    assert (row.event.counterparty, row.event.delivery) == ("m-2", "V-7")


def test_a_workbook_with_a_title_above_numbers_as_numbers_and_days_as_days(
    tmp_path: Path, tape: Tape
) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["十一月进货"])
    page.append([])
    page.append(["商品条码", "数量(斤)", "单位", "生产日期", "备注"])
    page.append([6901234567892, 47.35, "斤", date(2026, 11, 20), "好"])
    book.save(tmp_path / "a.xlsx")

    (row,) = understood(tmp_path / "a.xlsx", tape)

    assert row.event is not None
    assert (row.row.number, row.event.goods.gtin) == (4, MILK)
    assert (str(row.event.quantity.amount), row.event.quantity.unit) == ("47.35", "jin")
    assert row.event.goods.produced == date(2026, 11, 20)


def test_json_of_a_cash_register_says_what_each_row_is(tmp_path: Path, tape: Tape) -> None:
    lines = '{"id":1,"kind":"sell","gtin":"6901234567892","quantity":2}\n'
    lines += '{"id":2,"kind":"盘点","item":"小白菜","quantity":"12.5斤"}\n'

    sold, counted = understood(put(tmp_path, "a.ndjson", lines), tape)

    assert type(sold.event).__name__ == "GoodsSold"
    assert type(counted.event).__name__ == "StockCounted"
    assert counted.event is not None
    assert counted.event.quantity.unit == "jin"


def test_a_registers_day_total_is_a_line_of_day_sales(tmp_path: Path, tape: Tape) -> None:
    path = put(tmp_path, "a.csv", "类型,日期,条码,数量\n日销售汇总,2026-11-21,6901234567892,48\n")

    (row,) = understood(path, tape)

    assert isinstance(row.event, DaySalesTotalled)
    assert (row.event.business_date, row.event.lines[0].quantity.amount) == (date(2026, 11, 21), 48)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ("2026/13/1,6901234567892,,,,1,,,", "日期 '2026/13/1' is no day"),
        ("明天,6901234567892,,,,1,,,", "write a day as 2026-11-22"),
        (",6901234567893,,,,1,,,", "check digit"),
        (",,,,,1,,,", "neither 条码 nor 名称"),
        (",6901234567892,,,,1e300,,,", "1e300"),
        (",6901234567892,,,,99999999,,,", "an amount is 0 to"),
        (",6901234567892,,,,-3,,,", "is no number"),
        (",6901234567892,,,,0,,,", "nothing moved"),
        (",6901234567892,,,,0.0001,,,", "3 decimals"),
        (",6901234567892,,,,1,光年,,", "单位 '光年'"),
        (",6901234567892,,,1899-01-01,1,,,", "2000 to 2100"),
        (",6901234567892,,,,1,,李大善,", "did you mean 李大山?"),
        (",6901234567892,,A\x07,,1,,,", "control characters"),
    ],
)
def test_a_row_that_cannot_be_understood_says_which_cell_and_why(
    tmp_path: Path, tape: Tape, cells: str, says: str
) -> None:
    CardBox(tape).keep(Card(name="李大山"))

    (row,) = understood(put(tmp_path, "a.csv", HEADINGS + cells + "\n"), tape)

    assert row.event is None
    assert says in row.problem


def test_a_farmer_known_by_a_card_is_named_by_it_and_by_nothing_else(
    tmp_path: Path, tape: Tape
) -> None:
    ref = CardBox(tape).keep(Card(name="李大山", phone="138")).ref

    (row,) = understood(put(tmp_path, "a.csv", f"{HEADINGS},,草鱼,,,3,斤,李大山,\n"), tape)

    assert row.event is not None
    assert (row.event.counterparty, row.event.counterparty_card) == (None, ref)


def keep(tape: Tape, rows: list[Understood]) -> int:
    events = [(row.key, row.event) for row in rows if row.event is not None]
    return sum(one is not None for one in tape.append_once(events))


def test_the_same_file_twice_adds_nothing_and_a_longer_one_adds_what_is_new(
    tmp_path: Path, tape: Tape
) -> None:
    # Two sales of the same on one day are two, not one told twice.
    two = HEADINGS + ",6901234567892,,,,1,,,\n" * 2
    first = put(tmp_path, "a.csv", two)

    assert keep(tape, understood(first, tape)) == 2
    assert keep(tape, understood(first, tape)) == 0
    longer = put(tmp_path, "b.csv", two + ",6901234567892,,,,1,,,\n,6901234567892,,,,5,,,\n")
    assert keep(tape, understood(longer, tape)) == 2


def test_a_stroke_is_kept_whole_or_not_at_all(
    tmp_path: Path, tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = understood(put(tmp_path, "a.csv", HEADINGS + ",6901234567892,,,,1,,,\n" * 2), tape)
    before, insert = tape.last(), tape._insert

    def full(report: bytes) -> Any:
        if tape.last() > before:
            raise sqlite3.OperationalError("database or disk is full")
        return insert(report)

    monkeypatch.setattr(tape, "_lock", threading.RLock())
    monkeypatch.setattr(tape, "_insert", full)
    with pytest.raises(TapeFull):
        keep(tape, rows)

    assert tape.last() == before
    assert tape.used([row.key for row in rows]) == set()


def test_a_column_that_nobody_could_guess_is_named_once(tmp_path: Path, tape: Tape) -> None:
    path = put(tmp_path, "a.csv", "货,多少\n小白菜,12.5斤\n")
    with pytest.raises(BadFile, match="--column quantity=HEADING; seen: 货、多少"):
        understood(path, tape)

    (row,) = understood(path, tape, item="货", quantity="多少")

    assert row.event is not None
    assert row.event.goods.item == "小白菜"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xlsx", b"PK\x03\x04 broken", "is no Excel workbook"),
        ("a.xls", b"\xd0\xcf", "save it as .xlsx"),
        ("a.doc", b"", "a file to import is"),
        ("a.csv", b"a,b\x00c\n", "zero bytes"),
        ("a.csv", b"\x81\xff\xff", "neither UTF-8 nor GBK"),
        ("a.json", b"[1, 2]", "this has none"),
        ("a.json", b"[{", "no JSON"),
        ("a.csv", b"\xff\xfea", "the file is cut"),
        ("a.csv", '条码,数量,备注\n6901234567892,1,"ok\n'.encode(), "a quote left open"),
        ("a.csv", b"", "seen: nothing"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, tape: Tape, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(BadFile, match=says):
        understood(tmp_path / name, tape)


def test_a_workbook_of_which_a_part_is_locked_is_refused_with_what_to_do(
    tmp_path: Path, tape: Tape
) -> None:
    path = tmp_path / "a.xlsx"
    openpyxl.Workbook().save(path)
    content = bytearray(path.read_bytes())
    # The flags of the last entry of the directory.
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)

    with pytest.raises(BadFile, match="locked by a password: save it without one"):
        understood(path, tape)


def test_a_workbook_that_unpacks_beyond_all_bounds_is_refused_unread(
    tmp_path: Path, tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanners.importing.tables.UNPACKED_BYTES_MAX", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", "0" * 100_000)

    with pytest.raises(BadFile, match="unpacks to 100000 bytes"):
        understood(tmp_path / "bomb.xlsx", tape)


def test_ten_thousand_lines_of_one_delivery_are_understood(tmp_path: Path, tape: Tape) -> None:
    path = tmp_path / "long.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADINGS.strip().split(","))
        out.writerows(
            ["", "6901234567892", "", f"L{n}", "", "1", "", "m-2", "V-1"] for n in range(10_000)
        )

    rows = understood(path, tape)

    assert len({row.key for row in rows}) == 10_000
    assert all(row.event is not None for row in rows)


def test_a_registers_own_number_counts_once_and_never_for_two_things(
    tmp_path: Path, tape: Tape
) -> None:
    line = '{"id":"K1","gtin":"6901234567892","quantity":%s}\n'
    rows = understood(put(tmp_path, "a.ndjson", line % 2 + line % 2 + line % 3), tape)

    first, again, other = (row.key for row in rows)

    assert first == again
    assert first.partition(":")[0] == other.partition(":")[0]
    assert first != other


def test_a_half_written_line_of_a_feed_costs_that_line_alone(tmp_path: Path, tape: Tape) -> None:
    good = '{"gtin":"6901234567892","quantity":2}\n'

    rows = understood(put(tmp_path, "a.ndjson", good + "{broken\n" + good + '{"gtin":"69012'), tape)

    assert [(row.row.number, bool(row.problem)) for row in rows] == [
        (1, False), (2, True), (3, False), (4, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "cell", "unit"),
    [("数量(斤)", "30", "jin"), ("数量（公斤）", "30", "kg"), ("数量", "12.5斤", "jin")],
)
def test_the_unit_of_a_heading_is_the_unit_of_its_column(
    tmp_path: Path, tape: Tape, heading: str, cell: str, unit: str
) -> None:
    (row,) = understood(put(tmp_path, "a.csv", f"品名,{heading}\n冬瓜,{cell}\n"), tape)

    assert row.event is not None, row.problem
    assert row.event.quantity.unit == unit


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("品名,重量\n冬瓜,30\n", "says no unit"),
        ('品名,数量\n冬瓜,"1,5"\n', "is no number"),
        ("品名,数量,单位\n冬瓜,5,筐\n", "单位 '筐'"),
        ("品名,数量\n合计,30\n", "a line of totals"),
    ],
)
def test_what_would_have_to_be_guessed_is_asked(
    tmp_path: Path, tape: Tape, text: str, says: str
) -> None:
    (row,) = understood(put(tmp_path, "a.csv", text), tape)

    assert says in row.problem


def test_equal_sales_of_two_days_are_two_whatever_the_file_says_of_days(
    tmp_path: Path, tape: Tape
) -> None:
    path = put(tmp_path, "a.csv", "条码,数量\n6901234567892,1\n")
    (row,) = understood(path, tape)
    index, columns = find_headings(list(read_rows(path)), {})
    common = Common("m-1", "p-1", date(2026, 11, 21), "s", clock(), "receive", CardBox(tape))
    yesterday = understand_row(row.row, columns, common, Counter())

    assert index == 0
    assert yesterday.key != row.key


def test_a_sheet_that_misstates_its_own_size_loses_nothing(tmp_path: Path, tape: Tape) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["条码", "数量", "日期"])
    for day in range(1, 11):
        page.append(["6901234567892", 1, f"2026-11-{day:02d}"])
    book.save(tmp_path / "a.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "a.xlsx") as packed,
        zipfile.ZipFile(tmp_path / "b.xlsx", "w") as wrong,
    ):
        for entry in packed.infolist():
            content = packed.read(entry)
            wrong.writestr(
                entry, content.replace(b'<dimension ref="A1:C11"', b'<dimension ref="A1:B4"')
            )

    rows = understood(tmp_path / "b.xlsx", tape)

    assert len(rows) == 10
    assert {row.event.business_date.day for row in rows if row.event} == set(range(1, 11))
