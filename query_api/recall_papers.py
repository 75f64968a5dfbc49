"""The papers of a recall: the notice for consumers, the closing report, the file for others."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any

import zxingcpp

from ledger.rules.recalls import LINES_MAX
from query_api import recall_schemas as schemas
from query_api.problems import Problem
from query_api.recall_accounts import Accounts, accounts_of
from query_api.recall_work import calls
from query_api.recalls import LAW_ZONE, recall, shown_holders
from query_api.sheets import STYLE, Sheet
from query_api.stock import exact
from query_api.views import Reader, rows

SIZE = re.compile(r'width="([0-9]+)" height="([0-9]+)"')
# What a page on a wall has room for.
POSTER_MAX = 40
OVER = {"withdrawn": "已撤销 WITHDRAWN", "closed": "已结束 CLOSED"}
REHEARSED = "【演练, 不是真的 REHEARSAL, NOT REAL】 "
GRADES_ZH = {"I": "一级", "II": "二级", "III": "三级"}
POSTER = (
    "main{max-width:180mm;margin:auto;text-align:center}h1{font-size:48pt;color:#b00020;margin:0}"
    "h1 span{white-space:nowrap}h2{font-size:22pt;margin:.3em 0}table{font-size:14pt}.what{font-size:18pt}"
    "figure{margin:6mm auto;width:50mm}figure svg{width:50mm;height:50mm}"
    "@page{size:A4 portrait}"
)
TITLES = {
    "holders": "持有者 holders", "certain": "确定 certain", "acknowledged": "已阅 read",
    "answered": "回复 answered", "drawn": "抽查 drawn", "drawn_checked": "抽中已查 drawn and visited", "checked": "已查 checked",
    "effective": "有效 effective", "product": "产品 product", "product_name": "名称 name", "unit": "单位 unit",
    "had": "经手 handled", "used": "用去 used", "found": "找到 found", "sold": "已售 sold",
    "returned": "退回 returned", "destroyed": "销毁 destroyed",
    "proved_destroyed": "有据销毁 proved", "unaccounted": "不明 unaccounted",
    "overstated": "多报 overstated",
    "unanswered": "未回复 unanswered",
}  # fmt: skip
# What the record says in a word of its own, as people say it.
SAID = {
    "starts": "开始 begin", "finishes": "完成 be done", "green": "绿 in time", "yellow": "黄 soon due",
    "red": "红 overdue", "certain": "确定 certain", "possible": "可能 possible",
    "effective": "已单独存放 set aside", "still-there": "仍在货架 still on the shelf",
    "still-sold": "仍在销售 still being sold", "not-met": "无人在场 nobody was there",
    "piece": "件 pieces", "case": "箱 cases", "bag": "袋 bags", "box": "盒 boxes",
    "bottle": "瓶 bottles", "kg": "千克 kg", "g": "克 g", "jin": "斤 jin", "l": "升 l",
}  # fmt: skip
DESTRUCTIONS = """
SELECT m.business_date, m.merchant, m.premises, m.product, m.lot, m.stated, m.stated_unit,
       d.documents, d.witness, d.witness_card IS NOT NULL AS has_card, d.place, d.position
FROM trade.destructions d JOIN trade.movements m
  ON m.original = d.position AND m.kind = 'goods-disposed' AND m.believed_to IS NULL
WHERE d.recall = %s ORDER BY d.position
"""
HANDED_HEADINGS = (
    "名称 name", "编号 id", "区县 district", "电话 phone", "地址 address", "数量 got",
    "原因 why", "通话 calls", "结果 result",
)  # fmt: skip


def notice_text(answer: schemas.RecallAnswer) -> str:
    """Returns the notice as words, for a loudspeaker, a message or a newspaper."""
    told = answer.recall
    goods = "\n".join(f"- {line}" for line in map(line_words, answer.lines))
    return (
        f"{_banner(answer)}食品召回公告 ({GRADES_ZH[told.grade]}召回) Food recall, grade {told.grade}\n"
        f"{told.authority} · {told.recall} · {_day(told.published_at)}\n\n"
        f"{told.notice}\n\n召回的食品 Recalled:\n{goods}\n\n原因 Why: {told.reason}\n"
    )


def line_words(line: schemas.StoppedLine) -> str:
    """Says a line as a shopper can hold it against a label."""
    product = (line.product or "").removeprefix("item:")
    parts = [line.name or product]
    if line.name is not None and line.product == product:
        parts.append(line.product.removeprefix("0"))
    parts += [f"批号 lot {line.lot}"] if line.lot else []
    parts += [f"进货 delivery {line.delivery}"] if line.delivery else []
    parts += _range("生产日期 made", line.produced_from, line.produced_until)
    parts += _range("保质期至 until", line.expires_from, line.expires_until)
    parts += [f"供货者 supplier {line.supplier}"] if line.supplier else []
    return ", ".join(filter(None, parts))


def published(
    reader: Reader, name: str, *, now: datetime, counted: bool = False
) -> schemas.RecallAnswer:
    """Returns a recall that was announced, and perhaps ended since; a problem for one that never was."""
    answer = recall(reader, name, now=now, limit=LINES_MAX, counted=counted)
    if answer.recall.published_at is None:
        raise Problem(
            409, "recall-not-published", f"{name} is {answer.recall.stage}: publish it first"
        )
    return answer


def poster(answer: schemas.RecallAnswer, link: str) -> bytes:
    """Returns the notice as a page to print and hang up, with a code that leads to more."""
    told = answer.recall
    rows_ = "".join(
        f"<tr><td>{escape(line_words(line))}</td></tr>" for line in answer.lines[:POSTER_MAX]
    )
    if (more := len(answer.lines) - POSTER_MAX) > 0:
        rows_ += f"<tr><td>还有 {more} 项, 扫码查看 and {more} more: scan the code</td></tr>"
    code = f"<figure>{qr(link)}<figcaption>{escape(link)}</figcaption></figure>"
    return (
        f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>召回 {escape(told.recall)}'
        f"</title><style>{STYLE}{POSTER}</style></head><body><main><h1>{_banner(answer)}<span>食品召回</span></h1>"
        f"<h2>Food recall · {GRADES_ZH[told.grade]}召回 grade {told.grade}</h2>"
        f'<p class="what">{escape(told.notice)}</p><table>{rows_}</table>'
        f"<p>原因 Why: {escape(told.reason)}</p>"
        f"<p>{escape(told.authority)} · {escape(told.recall)} · {_day(told.published_at)}</p>{code}"
        "</main></body></html>"
    ).encode()


def qr(text: str) -> str:
    """Returns a QR code as SVG."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    drawn = str(code.to_svg(add_quiet_zones=True))
    # Without a view box it would stay as small as it was made, whatever the page says.
    return SIZE.sub(r'viewBox="0 0 \1 \2"', drawn[drawn.index("<svg") :], count=1)


def hand_over(
    reader: Reader, name: str, district: str | None, *, now: datetime
) -> tuple[Sheet, list[schemas.CallShown]]:
    """Returns the list of those another authority has to reach, as a sheet, and who they are.

    With a district that is its list of that district, else all that are in no register here.
    """
    answer = published(reader, name, now=now)
    found = _handed(reader, name, district)
    told = answer.recall
    notes = [["召回 recall", line_words(line)] for line in answer.lines]
    about = (
        f"{_banner(answer)}{told.authority}, {told.recall}, grade {told.grade}, {_day(told.published_at)};"
        f" {len(found)} holders, true at position {answer.position}. {told.reason}"
    )
    lines = (
        [
            call.name or "", call.holder, call.district or "", call.phone or "", call.address or "",
            "; ".join(call.got), call.why, str(call.calls), call.call_result or "",
        ]
        for call in found
    )  # fmt: skip
    # Every form has headings; CSV has nothing else to say it with.
    headings = [_banner(answer) + HANDED_HEADINGS[0], *HANDED_HEADINGS[1:]]
    return Sheet(f"召回移送 hand-over {name}", about, headings, lines, notes), found


def _handed(reader: Reader, name: str, district: str | None) -> list[schemas.CallShown]:
    """Returns whom to hand over: those of a district, or those that are in no register."""
    everyone = calls(reader, name, "" if district is not None else None).calls
    return [call for call in everyone if district is None or call.district == district]


def report(
    reader: Reader, name: str, *, now: datetime, note: Callable[[Collection[str]], None]
) -> Iterator[bytes]:
    """Returns the closing report as a page: times, progress, sums, every holder, every proof.

    Whose records it shows goes to `note` before it shows them.
    """
    answer = published(reader, name, now=now, counted=True)
    yield from _summary(answer, name)
    accounts = accounts_of(reader, name)
    note(accounts.holders)
    yield from _evidence(reader, name, accounts)
    yield _table(
        "经过 History",
        ("位置 position", "时间 time", "事件 what", "谁 by", "持有者 holder", "说明 note"),
        [[w.position, w.said_at, w.what, w.by, w.holder, w.note] for w in answer.words],
    )
    yield b"</body></html>"


def _summary(answer: schemas.RecallAnswer, name: str) -> Iterator[bytes]:
    told = answer.recall
    yield (
        f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>召回报告 {escape(name)}'
        f"</title><style>{STYLE}</style></head><body><h1>{_banner(answer)}召回报告 Recall report {escape(name)}</h1>"
        f"<p>{escape(told.authority)}; {GRADES_ZH[told.grade]} grade {told.grade}; {told.stage};"
        f" true at position {answer.position}</p><p>{escape(told.reason)}</p>"
        f"<p>{escape(told.summary)}</p>"
    ).encode()
    if told.unaccounted:
        yield f"<p>无法查清 unaccounted: {escape(told.unaccounted)}</p>".encode()
    yield _table(
        "时限 Deadlines", ("期限 what", "截止 due", "完成 done", "颜色 colour", "依据 source", "备注 note"),
        [[SAID[d.what], d.due, d.done_at, SAID.get(d.colour, d.colour), d.source, d.calendar] for d in told.deadlines],
    )  # fmt: skip
    yield _table(
        "召回的食品 Goods", ("标签上 on the label",), [[line_words(line)] for line in answer.lines]
    )
    counts = answer.counts
    names = [n for n in schemas.RecallCounts.model_fields if n != "sums"]
    yield _table(
        "进展 Progress", [TITLES[n] for n in names], [[getattr(counts, name) for name in names]]
    )
    yield _table(
        "数量 Quantities", [TITLES[n] for n in schemas.RecallSum.model_fields],
        [list((one.model_dump() | {"unit": SAID.get(one.unit, one.unit)}).values()) for one in counts.sums],
    )  # fmt: skip


def _evidence(reader: Reader, name: str, accounts: Accounts) -> Iterator[bytes]:
    shown = shown_holders(reader, accounts, list(accounts.holders))
    yield _table(
        "持有者 Holders",
        ("编号 id", "名称 name", "区县 district", "怎样 how", "食品 goods", "批 lots", "有过 had", "找到 found", "已售 sold",
         "退回 returned", "销毁 destroyed", "有据销毁 proved", "不明 unaccounted", "已阅 read",
         "回复 answered", "回访 check"),
        [row for holder in shown for row in _holder_rows(holder)],
    )  # fmt: skip
    proofs = [
        [
            row["business_date"], row["merchant"], row["product"], row["lot"],
            f"{exact(int(row['stated']))} {row['stated_unit']}", row["place"],
            row["witness"] or ("card" if row["has_card"] else ""),
            " ".join(digest[:12] for digest in row["documents"]), row["position"],
        ]
        for row in rows(reader, DESTRUCTIONS, [name])
    ]  # fmt: skip
    yield _table(
        "销毁 Destructions",
        (
            "日期 day",
            "持有者 holder",
            "产品 product",
            "批 lot",
            "数量 quantity",
            "地点 place",
            "见证 witness",
            "图片 pictures",
            "位置 position",
        ),
        proofs,
    )


def _holder_rows(holder: schemas.RecallHolderShown) -> Iterator[list[Any]]:
    for line in holder.lines:
        yield [
            holder.holder, holder.name, holder.district, SAID[holder.how],
            line.product_name or line.product, " ".join(map(_lot_words, line.lots)), f"{line.had} {SAID.get(line.unit, line.unit)}",
            line.found, line.sold, line.returned, line.destroyed, line.proved_destroyed,
            line.unaccounted, holder.acknowledged_at, holder.answered_at,
            SAID.get(holder.check_result or "", holder.check_result),
        ]  # fmt: skip


def _lot_words(key: str) -> str:
    return key.partition(":")[2] or "无批号 no lot"


def _table(title: str, headings: Sequence[str], lines: Sequence[Sequence[Any]]) -> bytes:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(cell))}</td>" for cell in line) + "</tr>\n"
        for line in lines
    )
    return f"<h2>{title}</h2><table><thead><tr>{head}</tr></thead>{body}</table>".encode()


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(LAW_ZONE).strftime("%Y-%m-%d %H:%M")
    return "" if value is None else str(value)


def _range(what: str, first: Any, last: Any) -> list[str]:
    if first is None and last is None:
        return []
    return [f"{what} {first}"] if first == last else [f"{what} {first or '…'} – {last or '…'}"]


def _banner(answer: schemas.RecallAnswer) -> str:
    """Returns what begins every paper that nobody may take for one of a recall in force."""
    over = OVER.get(answer.recall.stage)
    ended = f"【{over} {_day(answer.recall.over_at)}】 " if over else ""
    return (REHEARSED if answer.rehearsal else "") + ended


def _day(at: datetime | None) -> str:
    return at.astimezone(LAW_ZONE).date().isoformat() if at is not None else ""
