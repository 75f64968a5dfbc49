"""Sheets: what a spreadsheet adds up, and what it must not take for a formula."""

import io

from openpyxl import load_workbook

from query_api.sheets import Figure, Sheet, as_csv, as_workbook


def sheet() -> Sheet:
    lines = [["m-1", Figure("-2.5"), "=1+1"], ["m-2", Figure("4000"), "-"]]
    return Sheet("流向", "", ["商户", "数量", "备注"], iter(lines), [])


def test_a_workbook_adds_up_its_figures() -> None:
    book = load_workbook(io.BytesIO(b"".join(as_workbook(sheet()))))
    page = book.worksheets[0]

    assert sum(row[1].value for row in page.iter_rows(min_row=2)) == 3997.5
    assert [row[2].value for row in page.iter_rows(min_row=2)] == ["'=1+1", "'-"]


def test_a_figure_below_nothing_is_no_formula_in_csv_either() -> None:
    text = b"".join(as_csv(sheet())).decode("utf-8-sig")

    assert text.splitlines()[1:] == ["m-1,-2.5,'=1+1", "m-2,4000,'-"]


def test_one_odd_character_in_an_entry_does_not_keep_an_auditor_from_the_whole_sheet() -> None:
    odd = "".join(map(chr, range(0x20))) + "\x7f\ufffe米"
    told = Sheet("查阅记录", "", ["查询"], iter([[odd]]), [])

    book = load_workbook(io.BytesIO(b"".join(as_workbook(told))))

    (cell,) = [row[0].value for row in book.worksheets[0].iter_rows(min_row=2)]
    assert cell.startswith("␀␁") and cell.endswith("米")
