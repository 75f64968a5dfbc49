"""Reading a merchant's file: CSV in UTF-8 or GB 18030, Excel workbooks, JSON lines; bounded."""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import msgspec

# A stall's year is 20 MB; what is larger is cut into several files.
FILE_BYTES_MAX = 256 * 1024 * 1024
# A workbook is a zip: what it unpacks to is bounded before it is unpacked.
UNPACKED_BYTES_MAX = 1024 * 1024 * 1024
# APPNOTE.TXT of ZIP, section 4.4.4: bit 0 of the flags.
ENCRYPTED = 0x1
COLUMNS_MAX = 200
CELL_CHARS_MAX = 1000
# Headings may stand below a title; further down nobody looks.
HEADING_ROWS = 20


class BadFile(Exception):
    """A file that cannot be read; the text says what to do."""


class TableRow(NamedTuple):
    """A row as it stands in the file: its number there, from 1, and its cells as text.

    `problem` says why a row could not be read at all; the others of its file could.
    """

    number: int
    cells: tuple[str, ...]
    problem: str = ""


def read_rows(path: Path, sheet: str | None = None) -> Iterator[TableRow]:
    """Returns the rows of a CSV, xlsx, JSON or NDJSON file that say anything.

    JSON objects become a row of headings, then one of values each. Raises `BadFile`.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error
    if not path.is_file():
        raise BadFile(f"{path} is no file")
    if size > FILE_BYTES_MAX:
        raise BadFile(f"{path.name} has {size} bytes: cut it into files of {FILE_BYTES_MAX}")
    match path.suffix.lower():
        case ".xlsx":
            rows = _workbook(path, sheet)
        case ".json" | ".ndjson":
            rows = json_rows(path.read_bytes())
        case ".csv" | ".txt" | ".tsv":
            rows = _csv(path.read_bytes())
        case ".xls":
            raise BadFile(f"{path.name} is an old .xls: save it as .xlsx or CSV")
        case _:
            raise BadFile(f"a file to import is .xlsx, .csv, .json or .ndjson, not {path.name}")
    return (row for row in rows if row.problem or any(row.cells))


def read_text(content: bytes) -> str:
    """Returns a file's text: UTF-8 with or without its mark, else UTF-16 by its mark, else GB 18030."""
    try:
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return content.decode("utf-16")
    except UnicodeDecodeError as error:
        raise BadFile(f"byte {error.start} is no UTF-16: the file is cut, or damaged") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError as error:
        raise BadFile(f"byte {error.start} is neither UTF-8 nor GBK: save it as UTF-8") from error


def _csv(content: bytes) -> Iterator[TableRow]:
    text = read_text(content)
    if "\x00" in text:
        raise BadFile("the file holds zero bytes: it is no CSV, or it is damaged")
    head = text[:20_000]
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for cells in rows:
            number = rows.line_num
            yield TableRow(number, _cells(cells))
    except csv.Error as error:
        raise BadFile(f"line {number + 1} is no CSV, perhaps a quote left open: {error}") from error


def _workbook(path: Path, sheet: str | None) -> Iterator[TableRow]:
    import openpyxl

    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
        if any(entry.flag_bits & ENCRYPTED for entry in entries):
            raise BadFile(f"{path.name} is locked by a password: save it without one")
        size = sum(entry.file_size for entry in entries)
        if size > UNPACKED_BYTES_MAX:
            raise BadFile(f"{path.name} unpacks to {size} bytes: cut it into several files")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except _broken() as error:
        raise BadFile(f"{path.name} is no Excel workbook: {error}") from error
    if sheet is not None and sheet not in book.sheetnames:
        raise BadFile(f"{path.name} has the sheets {', '.join(book.sheetnames)}, not {sheet}")
    try:
        page = book[sheet] if sheet is not None else book.worksheets[0]
        # What a sheet says of its own size is often wrong: rows and columns would be lost.
        page.reset_dimensions()
        for number, row in enumerate(page.iter_rows(values_only=True), 1):
            yield TableRow(number, _cells(row))
    except _broken() as error:
        raise BadFile(f"{path.name} is damaged: {error}") from error
    finally:
        book.close()


def _broken() -> tuple[type[Exception], ...]:
    """What a damaged or foreign workbook makes the library and what it stands on raise."""
    from openpyxl.utils.exceptions import InvalidFileException

    parsing = (ElementTree.ParseError, KeyError, ValueError, TypeError, IndexError, AttributeError)
    packed = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)
    return (*parsing, *packed, InvalidFileException)


def json_rows(content: bytes) -> Iterator[TableRow]:
    """Reads a list of objects, or one object a line; a broken line costs that line alone."""
    text = read_text(content).strip()
    rows: list[tuple[int, dict[str, Any] | str]] = []
    if text.startswith("["):
        found = _decoded(text)
        if isinstance(found, str):
            raise BadFile(found)
        rows = list(enumerate(found if isinstance(found, list) else [found], 1))
    else:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        rows = [(number, _decoded(line)) for number, line in lines]
    objects = [row for _, row in rows if isinstance(row, dict)]
    if not objects:
        raise BadFile("JSON to import is a list of objects, or one object a line: this has none")
    headings = list(dict.fromkeys(name for one in objects for name in one))[:COLUMNS_MAX]
    yield TableRow(0, tuple(headings))
    for number, row in rows:
        if isinstance(row, dict):
            yield TableRow(number, _cells([row.get(name) for name in headings]))
        else:
            said = row if isinstance(row, str) else f"a row is an object, not {row!r:.40}"
            yield TableRow(number, (), said)


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return f"this is no JSON: {error}"


def _cells(values: Any) -> tuple[str, ...]:
    return tuple(_cell(value) for value in islice(values, COLUMNS_MAX))


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float() if value.is_integer() and abs(value) < 1e15:
            # A number in a sheet has no form of its own: 6901234567892.0 is a GTIN.
            return str(int(value))
        case datetime():
            midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
            return value.date().isoformat() if midnight else value.isoformat(sep=" ")
        case date():
            return value.isoformat()
    return str(value).strip()[:CELL_CHARS_MAX]
