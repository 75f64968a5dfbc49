"""A merchant's own file into its browser: previewed, kept row by row, and never twice."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from scanners.importing.columns import WORDS
from scanners.importing.rows import KINDS, TOTALS, UNITS
from tests.support.faces import until, violations
from tests.support.market import FILED, GOODS, TODAY, Station

pytestmark = pytest.mark.browser
EAN, OTHER = (code[1:] for code in FILED)
HEADINGS = ("条码", "名称", "数量", "单位", "批号", "生产日期", "供货者", "单号")
ROWS: list[tuple[Any, ...]] = [
    (EAN, "", "1,200", "件", "A-1", date(2026, 11, 3), "城北批发", "SH-1"),
    ("", "小白菜", "2.5", "斤", "", "", "城北批发", "SH-1"),
    (OTHER, "", 3, "箱", "", "20261104", "", ""),
]  # fmt: skip


@pytest.fixture
def station(joined: Station) -> Iterator[Station]:
    made = joined.afresh()
    made.page.click("#importing summary")
    yield made
    assert [text for text in made.said if "ERR_INTERNET_DISCONNECTED" not in text] == []


def csv(
    *rows: tuple[Any, ...], encoding: str = "utf-8", headings: tuple[str, ...] = HEADINGS
) -> bytes:
    def cell(value: Any) -> str:
        return f'"{value}"' if "," in str(value) else str(value)

    return "\r\n".join(",".join(map(cell, row)) for row in (headings, *rows)).encode(encoding)


def workbook(*rows: tuple[Any, ...]) -> bytes:
    book = Workbook()
    sheet: Any = book.active
    sheet.append(("城北批发送货单",))
    for row in (HEADINGS, *rows):
        sheet.append(row)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def offer(station: Station, name: str, content: bytes) -> str:
    """Chooses a file; returns what is said of it."""
    before = station.page.inner_text("#import-counts")
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    station.page.set_input_files("#import-file", [file])
    assert until(
        lambda: (
            station.page.inner_text("#import-counts") not in ("", before)
            or station.colour() == "red"
        )
    )
    said: str = station.page.inner_text("#import-counts")
    return said if station.page.is_visible("#import-shown") else station.verdict()


def of_delivery(number: str) -> list[tuple[Any, ...]]:
    """The rows as another delivery brings them: those of one are kept but once."""
    return [(*row[:7], number) for row in ROWS]


WRITTEN = {
    "utf-8": lambda rows: ("a.csv", csv(*rows)), "gb18030": lambda rows: ("b.csv", csv(*rows, encoding="gb18030")),
    "xlsx": lambda rows: ("c.xlsx", workbook(*rows)), "bom": lambda rows: ("d.csv", b"\xef\xbb\xbf" + csv(*rows)),
    # As an English computer writes a number: a tab stands between cells, no comma within one.
    "tabs": lambda rows: ("e.tsv", csv(*rows).replace(b'"1,200"', b"1200").replace(b",", b"\t")),
}  # fmt: skip


def test_a_file_is_previewed_and_then_kept_as_the_ledger_knows_it(station: Station) -> None:
    for number, (how, written) in enumerate(WRITTEN.items()):
        before = len(station.market.rows())
        name, content = written(of_delivery(f"SH-{number}"))

        assert "待保存 3 行" in offer(station, name, content), how
        assert station.page.locator("#import-rows li").count() == 3
        assert station.waiting() == 0
        assert len(station.market.rows()) == before
        station.page.click("#import-keep")

        assert station.sees("已保存 3 行"), how
        assert until(lambda count=before + 3: len(station.market.rows()) == count), how
        milk, cabbage, other = station.market.rows()[before:]
        assert (milk["lot"], milk["amount"], milk["partner"]) == ("L:A-1", 1_200_000, "w-1"), how
        assert (milk["produced"], other["produced"]) == (date(2026, 11, 3), date(2026, 11, 4)), how
        assert cabbage["product"] == "item:小白菜", how
        assert until(lambda: station.waiting() == 0)


def test_the_same_file_again_or_longer_adds_only_what_is_new(station: Station) -> None:
    offer(station, "a.csv", csv(*ROWS))
    station.page.click("#import-keep")
    assert station.sees("已保存 3 行")

    again = offer(station, "a.csv", csv(*ROWS))
    assert "待保存 0 行" in again
    assert "已有 3 行" in again
    assert not station.page.is_visible("#import-keep")
    longer = offer(station, "a.csv", csv(*ROWS, ROWS[1]))
    assert "待保存 1 行" in longer


def test_rows_that_say_nothing_sensible_are_named_and_the_others_kept(station: Station) -> None:
    bad = [
        ("6901234567893", "", 1, "件", "", "", "", ""),
        (EAN, "", "many", "件", "", "", "", ""),
        (EAN, "", 1, "担", "", "", "", ""),
        (EAN, "", 1, "件", "", "昨天", "", ""),
        (EAN, "", 1, "件", "", "", "没有这家", ""),
        ("", "合计", 9, "件", "", "", "", ""),
        (EAN, "", "2000001", "件", "", "", "", ""),
        # A part of a name is nobody's name, a line break no part of one, and no label means that year.
        (EAN, "", 1, "件", "", "", "城北", ""),
        (EAN, "", 1, "件", "L" * 41, "", "", ""),
        (EAN, "", 1, "件", "", "9999-12-31", "", ""),
        (EAN, "", 0, "件", "", "", "", ""),
    ]
    said = offer(station, "bad.csv", csv(*bad, ROWS[0]))

    assert "11 行无法识别" in said
    problems = station.page.inner_text("#import-problems")
    words = (
        "校验",
        "many",
        "担",
        "昨天",
        "没有这家",
        "合计行",
        "2000001",
        "“城北”",
        "最多 40 个字符",
        "9999-12-31",
        "没有进出",
    )
    assert all(word in problems for word in words), problems
    assert [f"第 {n} 行" in problems for n in range(2, 13)] == [True] * 11
    assert violations(station.page) == []
    station.page.click("#import-keep")
    assert station.sees("已保存 1 行")


NO_FILES = [
    ("x.xlsx", workbook(*ROWS)[:900], "不完整"), ("x.xlsx", b"PK\x03\x04" + bytes(200), "不完整"),
    ("x.csv", b"\xff\xfe\x00\xff" * 40, "既不是文本"), ("x.csv", "一,二\n三,四".encode(), "没有找到"), ("x.csv", b"", "没有找到"),
]  # fmt: skip


def test_a_file_that_is_none_is_refused_and_nothing_is_kept(station: Station) -> None:
    for name, content, words in NO_FILES:
        station.scan(EAN, "包装上的日期是")
        station.page.click("#forget")
        assert station.sees("已放弃")

        assert words in offer(station, name, content)

    assert station.waiting() == 0


def test_three_weeks_without_a_connection_reach_the_ledger_whole_and_in_order(
    station: Station,
) -> None:
    before = len(station.market.rows())
    days = [TODAY - timedelta(days=n) for n in range(21, 0, -1)]
    rows = [
        (GOODS[n % 30], "", 1, "件", f"T{number}-{n}", "", "", "", day)
        for number, day in enumerate(days) for n in range(50)
    ]  # fmt: skip
    assert until(lambda: station.page.evaluate("!!navigator.serviceWorker.controller"))
    station.context.set_offline(True)
    offer(station, "three-weeks.csv", csv(*rows, headings=(*HEADINGS, "日期")))
    station.page.click("#import-keep")
    assert until(lambda: station.waiting() == len(rows), 60)
    assert len(station.market.rows()) == before

    station.context.set_offline(False)

    assert until(lambda: station.waiting() == 0, 120)
    assert until(lambda: len(station.market.rows()) == before + len(rows), 60)
    assert [row["lot"] for row in station.market.rows()[before:]] == [f"L:{row[4]}" for row in rows]


def test_the_browser_knows_the_words_that_the_importer_at_a_terminal_knows() -> None:
    told = json.loads(Path("kiosk_ui/assets/station/columns.json").read_text())

    assert told["columns"] == {name: list(words) for name, words in WORDS.items()}
    assert told["kinds"] == {kind: [kind, *words] for kind, (_, _, words) in KINDS.items()}
    assert told["units"] == {unit.value: list(words) for unit, words in UNITS.items()}
    assert told["totals"] == list(TOTALS)
