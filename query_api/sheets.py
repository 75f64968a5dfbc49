"""Sheets: a table as CSV, as an Excel workbook and as a page to print."""

import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from html import escape
from typing import NamedTuple, Self

from openpyxl import Workbook

# What a sheet of a workbook can hold (ECMA-376), less its headings.
WORKBOOK_ROWS_MAX = 1_048_000
CSV_CHUNK_LINES = 500
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Sheet(NamedTuple):
    """A titled table whose cells are text; `notes` follow it."""

    title: str
    about: str
    headings: Sequence[str]
    lines: Iterator[Sequence[str]]
    notes: Sequence[Sequence[str]]


FORMULA = tuple("=+-@\t\r\n＝＋－＠")
# What XML cannot hold (XML 1.0, 2.2) is drawn instead (Unicode, block "Control Pictures").
PICTURED = {n: 0x2400 + n for n in range(0x20) if chr(n) not in "\t\n\r"}
PICTURED |= dict.fromkeys((0xFFFE, 0xFFFF), 0xFFFD)
NUMBER = re.compile(r"^-?[0-9]+(?:\.[0-9]+)?(?!\n)$")


class Figure(str):
    """A cell that is a number, which a workbook can add up. Raises `ValueError` for other text."""

    def __new__(cls, text: str) -> Self:
        """Takes a decimal number as answers write it."""
        if NUMBER.match(text) is None:
            raise ValueError(f"no number: {text!r}")
        return super().__new__(cls, text)


def harmless(text: str) -> str:
    """Returns a cell that no spreadsheet takes for a formula: an apostrophe goes before one.

    OWASP, "CSV Injection": cells that begin with =, +, -, @, a tab or a carriage return; also as wide as a Chinese character.
    """
    if isinstance(text, Figure):
        return text
    return f"'{text}" if text[:1] in FORMULA else text


def as_csv(sheet: Sheet) -> Iterator[bytes]:
    """Writes a table as CSV in UTF-8 with a byte order mark, which Excel needs to see Chinese."""
    yield "\ufeff".encode()
    chunk = [sheet.headings]
    for line in sheet.lines:
        chunk.append(line)
        if len(chunk) >= CSV_CHUNK_LINES:
            yield _csv(chunk)
            chunk = []
    yield _csv(chunk)


def _csv(lines: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([harmless(cell) for cell in line] for line in lines)
    return text.getvalue().encode()


def as_workbook(sheet: Sheet, notes: "Sheet | None" = None) -> Iterator[bytes]:
    """Writes a table as an Excel workbook, another as its second sheet."""
    book = Workbook(write_only=True)
    for each in (sheet, notes):
        if each is None:
            continue
        page = book.create_sheet(each.title[:31])
        page.freeze_panes = "A2"
        page.append(list(each.headings))
        for line in each.lines:
            page.append([_in_workbook(cell) for cell in line])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while chunk := file.read(65536):
            yield chunk


def _in_workbook(cell: str) -> str | Decimal:
    return Decimal(cell) if isinstance(cell, Figure) else harmless(cell).translate(PICTURED)


STYLE = """
body{font:11pt/1.4 "Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:12mm;color:#000}
h1{font-size:15pt;margin:0}p{margin:.3em 0}table{border-collapse:collapse;width:100%;font-size:9pt}
th,td{border:1px solid #555;padding:2pt 4pt;text-align:left;vertical-align:top}
thead{display:table-header-group}tr{break-inside:avoid}.missing{background:#ddd}
@page{size:A4 landscape;margin:10mm}@media print{body{margin:0}}
"""


def as_page(sheet: Sheet) -> Iterator[bytes]:
    """Writes a table as a page of its own, to read and to print on A4 across."""
    yield (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(sheet.title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(sheet.title)}</h1><p>{escape(sheet.about)}</p><table><thead><tr>"
        + "".join(f"<th>{escape(heading)}</th>" for heading in sheet.headings)
        + "</tr></thead><tbody>"
    ).encode()
    for line in sheet.lines:
        cells = "".join(
            f"<td>{escape(cell)}</td>" if cell else '<td class="missing"></td>' for cell in line
        )
        yield f"<tr>{cells}</tr>\n".encode()
    notes = "".join(f"<p>{escape(' '.join(line))}</p>" for line in sheet.notes)
    yield f"</tbody></table>{notes}</body></html>".encode()


# Media type and writer of each form; a page and CSV carry their notes themselves or not at all.
WRITERS: dict[str, tuple[str, Callable[[Sheet, Sheet], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", lambda sheet, _notes: as_csv(sheet)),
    "xlsx": (XLSX, as_workbook),
    "html": ("text/html; charset=utf-8", lambda sheet, _notes: as_page(sheet)),
}
