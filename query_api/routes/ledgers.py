"""Ledger routes: the law's ledgers of a merchant and period, as JSON, sheet and page."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response, StreamingResponse
from starlette.background import BackgroundTask

from ledger.rules.law_ledgers import LEDGERS, LawLedger
from query_api import ledger_schemas, ledgers, pairs, schemas
from query_api.inquiries import Inquiry, asks
from query_api.ledger_lines import Completeness, LinesChosen, chosen, completeness
from query_api.ledgers import LawLine, LinePlace, Opens, Period, WantedLines
from query_api.parameters import Cursor, Limit, MerchantText
from query_api.problems import Problem
from query_api.sheets import WORKBOOK_ROWS_MAX, WRITERS, Sheet
from query_api.views import Reader, cursor_of, key_of, position, rows

LedgerName = Annotated[
    Literal["purchases", "sales", "release", "materials", "produce", "imports", "clearings"], Path()
]
LedgerInquiry = Annotated[Inquiry, asks("ledger")]
Lacking = Annotated[str, Query(max_length=20, description="the key of a field")]
Find = Annotated[str, Query(max_length=60, description="a text that the line says anywhere")]
Day = Annotated[date, Query(examples=["2026-11-01"])]
PERIOD_DAYS_MAX = 3700
# More of an export waits on disk.
SPOOL_BYTES = 1024 * 1024

router = APIRouter(prefix="/v1/merchants", tags=["ledgers"])


class LedgerPart(NamedTuple):
    """Which lines of a ledger are asked for, and where the page before ended."""

    after: str | None
    limit: int
    which: LinesChosen
    latest_first: bool


def ledger_part(
    after: Cursor = None,
    limit: Limit = 100,
    lacking: Lacking = "",
    find: Find = "",
    latest_first: bool = False,
) -> LedgerPart:
    """Reads it from the address."""
    return LedgerPart(after, limit, LinesChosen(lacking, find.strip()), latest_first)


@router.get("/{merchant}/ledgers/{name}")
def lines(
    asked: LedgerInquiry,
    merchant: MerchantText,
    name: LedgerName,
    since: Day,
    until: Day,
    part: Annotated[LedgerPart, Depends(ledger_part)],
) -> ledger_schemas.LedgerPage:
    """A page of a ledger: its fields in the law's order, and what each line lacks.

    With `lacking` only those lines that lack this field, with `find` those that say it anywhere: goods,
    lot, quantity, voucher, delivery or counterparty; what cards say of persons is searched in the asker's own books alone.
    """
    law, period = LEDGERS[name], _period(since, until)
    limit, lacking = part.limit, part.which.lacking
    if lacking and lacking not in [field.key for field in law.fields]:
        raise Problem(422, "field-unknown", f"{lacking} is no field of the ledger {name}")
    with asked.snapshot(cards=True) as reader:
        books = ledgers.registered(reader, merchant)
        asked.look_at(reader, books.merchant)
        place = _place(part.after, ledgers.END if part.latest_first else ledgers.START)
        opens = _opens(asked, reader, books.merchant)
        wanted = WantedLines(place, limit + 1, opens, part.latest_first)
        if any(part.which):
            which = part.which._replace(own=books.merchant in asked.reach.merchants)
            found = chosen(reader, law, books.merchant, period, wanted, which)
        else:
            found = ledgers.page(reader, law, books.merchant, period, wanted)
        at = position(reader)
    last = found[limit - 1].place if len(found) > limit else None
    return ledger_schemas.LedgerPage(
        ledger=_law(law), merchant=books.merchant, asked_of=not law.merchants or not books.kinds.isdisjoint(law.merchants),
        lines=[_shown(line) for line in found[:limit]],
        next=cursor_of(str(last.day), str(last.original), str(last.leg)) if last else None,
        position=at,
    )  # fmt: skip


@router.get("/{merchant}/pairs")
def both_sides(
    asked: LedgerInquiry,
    merchant: MerchantText,
    since: Day,
    until: Day,
    after: Cursor = None,
    limit: Limit = 100,
) -> schemas.PairPage:
    """What a merchant and its counterparties say of the same deliveries: by totals, both ways."""
    period = _period(since, until)
    with asked.snapshot(cards=True) as reader:
        key, books = key_of(after, 7), ledgers.known_as(reader, merchant)
        asked.look_at(reader, books)
        found = pairs.page(reader, books, *period, after=key, limit=limit + 1)
        asked.note({side for one in found[:limit] for side in (one.seller, one.buyer)} - {books})
        at = position(reader)
    last = found[limit - 1] if len(found) > limit else None
    more = None
    if last is not None:
        more = cursor_of(
            last.seller,
            last.buyer,
            last.product,
            last.unit,
            last.delivery or "",
            last.lot,
            str(last.last_day),
        )
    return schemas.PairPage(pairs=found[:limit], next=more, position=at)


@router.get("/{merchant}/ledgers/{name}/completeness")
def complete(
    asked: LedgerInquiry, merchant: MerchantText, name: LedgerName, since: Day, until: Day
) -> ledger_schemas.LedgerCompleteness:
    """How many lines lack each field the law asks for, and the way to mend it."""
    law, period = LEDGERS[name], _period(since, until)
    with asked.snapshot(cards=True) as reader:
        books = ledgers.registered(reader, merchant)
        asked.look_at(reader, books.merchant)
        opens = _opens(asked, reader, books.merchant)
        every = ledgers.every(reader, law, books.merchant, period, opens=opens)
        counted = completeness(every)
        at = position(reader)
    fields = [
        ledger_schemas.FieldCompleteness(
            key=field.key, zh=field.zh, en=field.en, missing=counted.missing[field.key],
            mend_zh=field.mend_zh, mend_en=field.mend_en,
        )
        for field in law.fields
    ]  # fmt: skip
    return ledger_schemas.LedgerCompleteness(lines=counted.lines, fields=fields, position=at)


@router.get("/{merchant}/ledgers/{name}/export.{form}", response_class=Response)
def export(
    asked: LedgerInquiry,
    merchant: MerchantText,
    name: LedgerName,
    form: Annotated[Literal["csv", "xlsx", "html"], Path()],
    since: Day,
    until: Day,
) -> StreamingResponse:
    """The whole ledger of a period as CSV, as a workbook, or as a page to print."""
    law, period = LEDGERS[name], _period(since, until)
    media, write = WRITERS[form]
    # Asked before the first byte, so that who is unknown gets an answer and no half sheet.
    with asked.snapshot(cards=True) as reader:
        merchant = ledgers.registered(reader, merchant).merchant
        asked.look_at(reader, merchant)
        if form == "xlsx" and ledgers.at_most(reader, merchant, period) > WORKBOOK_ROWS_MAX:
            raise Problem(422, "too-long", "a workbook holds a million lines: ask for less")
    file = f"{merchant}-{name}-{since}-{until}.{form}"
    # Written to the end before the first byte goes out: who reads slowly holds nothing of ours, and
    # what was opened is on record.
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115  # closed behind the answer
    for chunk in _export(asked, law, merchant, period, write):
        spool.write(chunk)
    spool.seek(0)
    return StreamingResponse(
        iter(lambda: spool.read(SPOOL_BYTES), b""), media_type=media,
        headers={"content-disposition": f'inline; filename="{file}"'},
        background=BackgroundTask(spool.close),
    )  # fmt: skip


def _export(
    asked: Inquiry,
    law: LawLedger,
    merchant: str,
    period: Period,
    write: Callable[[Sheet, Sheet], Iterator[bytes]],
) -> Iterator[bytes]:
    with asked.snapshot(cards=True) as reader:
        names = rows(reader, "SELECT name FROM trade.merchants WHERE merchant = %s", [merchant])
        at, opens = position(reader), _opens(asked, reader, merchant)
        every = ledgers.every(reader, law, merchant, period, opens=opens)
        counted = completeness(every)
        notes = _gaps(law, counted)
        sheet = Sheet(
            title=f"{law.zh}({law.article})",
            about=(
                f"{names[0]['name']} ({merchant})  {period.since} 至 {period.until}  "
                f"{counted.lines} 笔  账本位置 {at}  依据: {law.source}{law.article}"
            ),
            headings=[
                *(field.zh for field in law.fields),
                "单号",
                "补记天数",
                "保存至",
                "账本位置",
                "设备",
                "笔号",
            ],
            lines=map(_cells, ledgers.every(reader, law, merchant, period, opens=opens)),
            notes=notes,
        )
        about = [[sheet.title, sheet.about], *notes]
        gaps = Sheet("完整性", "", ["字段", "缺", "补正办法"], iter(about), [])
        yield from write(sheet, gaps)


def _cells(line: LawLine) -> list[str]:
    return [
        *line.fields.values(),
        line.delivery,
        str(line.late_days),
        line.keep_until.isoformat(),
        str(line.position),
        line.device,
        str(line.number),
    ]


def _gaps(law: LawLedger, counted: Completeness) -> list[list[str]]:
    return [
        [field.zh, f"缺 {counted.missing[field.key]} / {counted.lines}", field.mend_zh]
        for field in law.fields
        if counted.missing[field.key]
    ]


def _opens(asked: Inquiry, reader: Reader, merchant: str) -> Opens | None:
    """Returns what notes the persons a ledger shows, for who may read them."""
    return asked.note if asked.covers(reader, merchant, "person") else None


def _period(since: date, until: date) -> Period:
    if not since <= until or (until - since).days > PERIOD_DAYS_MAX:
        raise Problem(422, "period-invalid", f"from {since} to {until} is no period of ten years")
    return Period(since, until)


def _place(after: str | None, first: LinePlace) -> LinePlace:
    if after is None:
        return first
    try:
        day, original, leg = key_of(after, 3)
        return LinePlace(date.fromisoformat(day), int(original), int(leg))
    except ValueError as error:
        raise Problem(422, "cursor-invalid", "give the cursor of the page before") from error


def _law(law: LawLedger) -> ledger_schemas.Law:
    fields = [ledger_schemas.LawFieldNames(key=f.key, zh=f.zh, en=f.en) for f in law.fields]
    return ledger_schemas.Law(
        name=law.name, zh=law.zh, en=law.en, article=law.article, source=law.source,
        article_en=law.article_en, source_en=law.source_en,
        valid_from=law.valid_from, fields=fields,
    )  # fmt: skip


def _shown(line: LawLine) -> ledger_schemas.LedgerLine:
    return ledger_schemas.LedgerLine(
        position=line.position, stream=line.stream, number=line.number, device=line.device,
        premises=line.premises, product=line.product, delivery=line.delivery,
        fields=line.fields, fields_en=line.fields_en, missing=list(line.missing), late_days=line.late_days,
        keep_until=line.keep_until,
    )  # fmt: skip
