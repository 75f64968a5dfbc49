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
