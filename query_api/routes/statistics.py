"""Statistics routes: what was entered, how whole it is and what opened alerts, as JSON and sheet."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from ledger.values.ids import ID_FORM
from query_api import statistics
from query_api.inquiries import Inquiry, asks
from query_api.ledgers import UNITS_ZH, known_as
from query_api.problems import Problem
from query_api.sheets import WRITERS, Figure, Sheet
from query_api.statistics import Span
from query_api.statistics_schemas import (
    AlertCount,
    By,
    StatisticsLine,
    StatisticsPage,
    Volume,
)
from query_api.views import position

# A quarter; what is older is asked for quarter by quarter.
SPAN_DAYS_MAX = 92
BY_ZH: dict[By, str] = {"day": "日期", "district": "区县", "market": "市场", "category": "品类"}

StatisticsInquiry = Annotated[Inquiry, asks("statistics")]
Merchant = Annotated[str | None, Query(pattern=f"^{ID_FORM}$")]
Day = Annotated[date, Query(examples=["2026-11-01"])]

# The register's categories, as a sheet says them; another one stands as it was stated.
CATEGORIES_ZH = {
    "dairy": "乳品", "eggs": "鸡蛋", "grain": "粮食", "pork": "猪肉", "meat": "肉类", "poultry": "禽肉", "fish": "鱼类",
    "seafood": "水产", "vegetables": "蔬菜", "fruit": "水果", "mushrooms": "菌菇", "oil": "食用油", "soy": "豆制品",
    "bakery": "糕点", "sauce": "调味酱", "loose": "散装（无条码）",
}  # fmt: skip

router = APIRouter(prefix="/v1/statistics", tags=["statistics"])


@router.get("")
def counted(
    asked: StatisticsInquiry, since: Day, until: Day, by: By = "day", merchant: Merchant = None
) -> StatisticsPage:
    """Entries, merchants, gaps of completeness, volumes and alerts of at most 92 days; perhaps of one merchant."""
    span = _span(since, until)
    with asked.snapshot() as reader:
        known = known_as(reader, merchant) if merchant else None
        if known:
            asked.look_at(reader, known)
        lines, kinds = statistics.lines(reader, span, by, known)
        at = position(reader)
    return StatisticsPage(since=since, until=until, by=by, lines=lines, kinds=kinds, position=at)


@router.get("/export.{form}", response_class=Response)
def export(
    asked: StatisticsInquiry,
    form: Annotated[Literal["csv", "xlsx", "html"], Path()],
    since: Day,
    until: Day,
    by: By = "day",
    merchant: Merchant = None,
) -> Response:
    """The same as a sheet: CSV, a workbook, or a page to print."""
    page = counted(asked, since, until, by, merchant)
    media, write = WRITERS[form]
    content = b"".join(write(_sheet(page), _kinds(page.kinds)))
    file = f"statistics-{by}-{since}-{until}.{form}"
    headers = {"content-disposition": f'inline; filename="{file}"'}
    return Response(content, media_type=media, headers=headers)


def _span(since: date, until: date) -> Span:
    if not since <= until or (until - since).days >= SPAN_DAYS_MAX:
        words = f"from {since} to {until} is no span of at most {SPAN_DAYS_MAX} days"
        raise Problem(422, "period-invalid", words)
    return Span(since, until)


def _sheet(page: StatisticsPage) -> Sheet:
    return Sheet(
        title=f"统计 {BY_ZH[page.by]}",
        about=f"{page.since} 至 {page.until}  账本位置 {page.position}",
        headings=[
            BY_ZH[page.by], "名称", "进货笔数", "销售笔数", "其他笔数", "商户数", "缺批号和日期", "缺供货者", "迟报",
            "进货不完整", "新增预警", "未了结预警", "数量(进/销)",
        ],
        lines=(_cells(line, page.by) for line in page.lines),
        notes=[[one.zh, f"{one.opened} ({one.open} 未了结)"] for one in page.kinds],
    )  # fmt: skip


def _named(line: StatisticsLine, by: By) -> str:
    if not line.key:
        return "未说明"
    return CATEGORIES_ZH.get(line.key, line.key) if by == "category" else line.name or ""


def _cells(line: StatisticsLine, by: By) -> list[str]:
    figures = (
        line.received, line.sold, line.other, line.merchants, line.undated, line.unnamed, line.late,
        line.incomplete, line.alerts, line.alerts_open,
    )  # fmt: skip
    volumes = "; ".join(map(_volume, line.volumes))
    return [line.key, _named(line, by), *(Figure(str(n)) for n in figures), volumes]


def _volume(one: Volume) -> str:
    """Writes what came in and went out; tonnes of meat are not read in grams."""
    unit, into = ("kg", 1000) if one.unit == "g" else (one.unit, 1)
    return f"{plain(one.received / into)}/{plain(one.sold / into)} {UNITS_ZH[unit]}"


def plain(amount: float) -> str:
    """Writes an amount in full, without needless zeros."""
    return f"{amount:.3f}".rstrip("0").rstrip(".")


def _kinds(kinds: list[AlertCount]) -> Sheet:
    found: Iterator[list[str]] = (
        [
            one.zh, Figure(str(one.opened)), Figure(str(one.open)),
            Figure(str(one.hours)) if one.hours is not None else "",
        ]
        for one in kinds
    )  # fmt: skip
    return Sheet("预警", "", ["预警", "新增", "未了结", "了结用时中位数(小时)"], found, [])
