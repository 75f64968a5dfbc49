"""Kinds of alerts: what each is about, which cause groups it, and what is to be done, as data."""

import hashlib
from typing import Final, NamedTuple


class AlertKind(NamedTuple):
    """A kind of alert; alerts of one `cause` and the same `about` are one group of work.

    `about` names the members of an alert that its cause is told by.
    """

    cause: str
    about: tuple[str, ...]
    zh: str
    en: str
    todo_zh: str
    todo_en: str


_LOT = ("product", "lot")
_SHELF = ("merchant", "premises")
_SUBJECT = ("subject",)

ALERT_KINDS: Final = {
    "near-expiry": AlertKind(
        "lot-near-its-end", _LOT, "临近保质期", "near its last good day",
        "先卖先下架：提醒各摊位，到期前清完", "Have the stalls sell it first or take it off in time.",
    ),
    "expired-in-stock": AlertKind(
        "lot-past-its-end", _LOT, "超过保质期仍在库", "past its last good day and in stock",
        "下架销毁并登记", "Take it off, destroy it and record that.",
    ),
    "shelf-check": AlertKind(
        "lot-past-its-end", _LOT, "货架上可能有过期品", "may be on a shelf past its last good day",
        "看货架：还有吗？盘点这一批", "Look at the shelf: still there? Count this lot.",
    ),
    "sold-after-expiry": AlertKind(
        "lot-past-its-end", _LOT, "过期后仍有销售", "sold after its last good day",
        "查明去向，通知买家；日期有误就补正", "Find who has it and tell them; correct a wrong date.",
    ),
    "dates-disputed": AlertKind(
        "lot-dates-disputed", _LOT, "同一批日期不一致", "dates of one lot disagree",
        "核对包装，补正录错的一方", "Look at the pack and correct the wrong entry.",
    ),
    "oversold": AlertKind(
        "gave-out-more-than-came", _SHELF, "卖出多于进货", "more went out than came in",
        "补录漏扫的进货，或盘点", "Enter the delivery nobody scanned, or count.",
    ),
    "one-sided": AlertKind(
        "other-side-silent", ("merchant",), "对方未登记这笔往来", "the other side has not reported it",
        "请该商户补记，或由另一方更正", "Have this merchant enter it, or the other correct it.",
    ),
    "paper-missing": AlertKind(
        "papers-missing", _LOT, "进货缺少必备凭证", "a purchase lacks a paper it must have",
        "向供货者索取并归档", "Ask the supplier for it and file it.",
    ),
    "paper-expired": AlertKind(
        "papers-missing", _LOT, "进货时凭证已过期", "a paper had run out at purchase",
        "索取有效的凭证并归档", "Ask the supplier for a valid one and file it.",
    ),
    "paper-number-twice": AlertKind(
        "paper-number-twice", _SUBJECT, "同一证号两张图片", "one number, two pictures",
        "向发证机关核验，查明哪一张是真的", "Ask the issuer which of the two it wrote.",
    ),
    "paper-of-other-goods": AlertKind(
        "paper-of-other-goods", _SUBJECT, "凭证不是这批货的", "a paper is of other goods",
        "核对批号，索取这批货的凭证", "Compare the lot; ask for the paper of these goods.",
    ),
    "outlives-its-parts": AlertKind(
        "outlives-its-parts", ("merchant", "premises"), "分装后日期长于原料", "repacked goods outlive their parts",
        "按原生产日期改标签，补正这一笔", "Label it with the producer's date; correct the entry.",
    ),
    "repacked-more": AlertKind(
        "repacked-more", _SHELF, "分装出的多于用掉的", "repacking made more than went in",
        "清点这批货，补正这一笔", "Count these goods; correct the entry.",
    ),
    "test-failed": AlertKind(
        "test-failed", _SUBJECT, "检验不合格", "a test report says: failed",
        "停止销售，查这一批在谁手里，上报", "Stop selling it, find who holds it, report it.",
    ),
    "sold-beyond-paper": AlertKind(
        "sold-beyond-paper", _SUBJECT, "销量超过凭证数量", "more went out than the paper covers",
        "清点实际数量，查超出部分的来源", "Find where the rest came from.",
    ),
    "sold-while-stopped": AlertKind(
        "sold-while-stopped", _LOT, "暂停或召回后仍有销售", "sold though held or recalled",
        "查明去向，通知买家，封存余货", "Find who has it, tell them, seal what is left.",
    ),
    "hold-ran-out": AlertKind(
        "hold-ran-out", _SUBJECT, "暂停销售到期未决定", "a hold ran out undecided",
        "解除暂停销售，或召回",
        "Release it or recall its goods.",
    ),
    "recall-without-effect": AlertKind(
        "recall-without-effect", _SUBJECT, "回访时仍有召回食品", "recalled goods were still there at a visit",
        "责令下架，再次回访", "Have them taken off, visit again.",
    ),
    "recall-late": AlertKind(
        "recall-late", _SUBJECT, "召回超过法定时限", "a recall is beyond the law's time",
        "发布或完成召回", "Publish it, or finish and close it.",
    ),
    "correction-refused": AlertKind(
        "correction-refused", ("merchant",), "补正无效", "a correction had no effect",
        "由本人更正，或由执法人员立案更正", "Have the entry's own merchant correct it.",
    ),
    "no-mandate": AlertKind(
        "reports-without-mandate", ("merchant",), "设备无授权", "reported without a mandate",
        "由商户授权该设备，或撤销它", "Have the merchant grant the device a mandate, or revoke it.",
    ),
    "device-clock": AlertKind(
        "device-clock-wrong", _SUBJECT, "设备时钟超前", "a device's clock runs ahead",
        "校准设备时间", "Set the device's clock.",
    ),
    "tape-forked": AlertKind(
        "tape-forked", _SUBJECT, "设备记录分叉", "a device's tape was copied or restored",
        "收回设备，重新邀请加入", "Take the device in; ask it in again.",
    ),
    "tape-lost": AlertKind(
        "tape-lost", _SUBJECT, "设备记录中断", "a device began a new tape",
        "核对旧设备是否还有未交的记录", "See whether the old tape still holds reports.",
    ),
    "report-unreadable": AlertKind(
        "report-unreadable", _SUBJECT, "报告无法读取", "a report could not be read",
        "升级账本后重新收录：readmit-report", "Update this ledger, then send readmit-report.",
    ),
}  # fmt: skip


def group_of_alert(kind: str, members: dict[str, str | None]) -> str:
    """Returns the id of the group an alert belongs to: the same after any rebuild."""
    about = ALERT_KINDS[kind]
    cause = "|".join([about.cause, *(members[name] or "" for name in about.about)])
    return f"g-{hashlib.sha256(cause.encode()).hexdigest()[:16]}"
