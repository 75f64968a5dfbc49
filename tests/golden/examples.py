"""One example of every event, with every member filled; the golden files were made of these.

Run as a module it writes files that are missing. It never changes one that exists: a released
event is not edited, it gets a `.v2` and an upcaster.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from ledger.events import cases, holds, recalls, reports
from ledger.events.base import Event, stored_name
from ledger.events.catalogue import encode
from ledger.journal.sealing import Place, Sealer
from ledger.values.clock import DeviceClock
from ledger.values.ids import stream_of_tape
from ledger.values.quantity import Pack, StatedQuantity, Unit

FOLDER = Path(__file__).parent / "files"
TAPE = "3f2b8c1e-5d4a-4e6f-9a7b-0c1d2e3f4a5b"
NEXT_TAPE = "7a6b5c4d-3e2f-4a1b-8c9d-0e1f2a3b4c5d"
PERSON = "5e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"
DIGEST = "ab" * 32
RECEIVED = datetime(2026, 11, 22, 4, 0, 1, 250000, tzinfo=UTC)
SEED = bytes(range(32))
PERSON_SALT = bytes(range(32, 64))

CLOCK = DeviceClock(
    wall=datetime(2026, 11, 22, 4, 0, tzinfo=UTC), boot="boot-1", monotonic_ms=5000,
    heard=datetime(2026, 11, 22, 3, 59, 58, tzinfo=UTC), heard_monotonic_ms=3000,
)  # fmt: skip
GOODS = reports.GoodsAsRead(
    gtin="06901234567892", lot="A-24/11", produced=date(2026, 11, 1), expires=date(2026, 12, 1),
    raw=b"0106901234567892\x1d10A-24/11", aim="]C1", dates_from="code",
)  # fmt: skip
LOOSE = reports.GoodsAsRead(item="小白菜")
QUANTITY = StatedQuantity(amount=Decimal("47.35"), unit=Unit.JIN, pieces=12)
COMMON: dict[str, Any] = {
    "merchant": "m-001", "premises": "m-001-a", "business_date": date(2026, 11, 22),
    "clock": CLOCK, "session": "00000000-0000-4000-8000-000000000001", "recorder_person": PERSON,
}  # fmt: skip
MOVED: dict[str, Any] = COMMON | {
    "goods": GOODS, "quantity": QUANTITY, "counterparty": "m-002", "counterparty_card": PERSON,
    "delivery": "V1122-0001", "documents": (DIGEST,),
}  # fmt: skip
LATER = datetime(2026, 12, 6, 4, 0, tzinfo=UTC)
DAY = date(2026, 11, 1)
STOPPED = (
    holds.StoppedGoods(
        product="06901234567892", lot="A-24/11", produced_from=DAY, produced_until=DAY,
        expires_from=date(2026, 12, 1), expires_until=date(2026, 12, 1),
    ),
    holds.StoppedGoods(product="item:小白菜", delivery="m-001/V1122-0001", supplier="m-002"),
)  # fmt: skip
PORTION = reports.Portion(goods=GOODS, quantity=QUANTITY)

EXAMPLES: list[Event] = [
    reports.TapeOpened(device="scanner-1", clock=CLOCK, previous_tape=NEXT_TAPE, previous_last=41),
    reports.GoodsReceived(**MOVED),
    reports.GoodsSold(**MOVED),
    reports.GoodsReturned(direction="to-supplier", **MOVED),
    reports.GoodsDisposedV1(reason="expired", **MOVED),
    reports.GoodsDisposed(
        reason="recalled", recall="r-1", witness="officer-1", witness_card=PERSON, place="城西焚烧厂",
        **MOVED,
    ),
    reports.StopMet(
        goods=GOODS, stop="r-1", outcome="refused", list_version=41, list_time=RECEIVED, **COMMON
    ),
    reports.GoodsUsed(**MOVED),
    reports.StockCounted(**(MOVED | {"goods": LOOSE})),
    reports.GoodsTransformed(process="mixed", inputs=(PORTION, PORTION), outputs=(PORTION,), **COMMON),
    reports.DaySalesTotalled(
        lines=(reports.Portion(goods=GOODS, quantity=QUANTITY),), total_fen=128_50, **COMMON
    ),
    reports.EntryCorrectedV1(
        target_tape=TAPE, target_number=7, scope="line", reason="数量有误", goods=GOODS,
        quantity=QUANTITY, **COMMON,
    ),
    reports.EntryCorrected(
        target_tape=TAPE, target_number=7, scope="line", reason="数量有误", goods=GOODS,
        quantity=QUANTITY, **COMMON,
    ),
    reports.EntryCorrected(
        target_tape=TAPE, target_number=7, scope="delivery", reason="记错了供货者",
        counterparty="m-002", **COMMON,
    ),
    reports.EntryCorrected(
        target_tape=TAPE, target_number=7, scope="delivery", reason="记错了供货者",
        counterparty_card=PERSON, **COMMON,
    ),
    reports.CertificateFiledV1(
        document=DIGEST, kind="quarantine", number="湘检 0001", issuer="岳麓区动检站",
        valid_from=date(2026, 11, 1), valid_until=date(2026, 12, 1), supplier="m-002",
        gtins=("06901234567892",), lots=("A-24/11",), **COMMON,
    ),
    reports.CertificateFiled(
        quantity=QUANTITY, document=DIGEST, kind="quarantine", number="湘检 0001", issuer="岳麓区动检站",
        valid_from=date(2026, 11, 1), valid_until=date(2026, 12, 1), supplier="m-002",
        gtins=("06901234567892",), lots=("A-24/11",), **COMMON,
    ),
    reports.TestReportFiled(
        document=DIGEST, number="T-1", laboratory="快检室", result="passed",
        tested_on=date(2026, 11, 21), gtins=("06901234567892",), lots=("A-24/11",), **COMMON,
    ),
    cases.MerchantRegistered(
        merchant="m-001", name="张记蔬菜", kind="retailer", district="yuelu", licence="92430104",
        owner_card=PERSON,
    ),
    cases.MerchantOwnerStated(merchant="m-001", owner_card=PERSON, by="officer-1"),
    cases.PremisesAdded(merchant="m-001", premises="m-001-a", name="一号摊位", market="market-1"),
    cases.ProductRegisteredV1(
        gtin="06901234567892", name_zh="鲜牛奶", name_en="Fresh milk", category="dairy",
        pack="950 ml", maker="m-002", shelf_life_days=15,
    ),
    cases.ProductRegistered(
        gtin="16901234567899", name_zh="鲜牛奶 12 瓶", name_en="Fresh milk, 12", category="dairy",
        pack="12 × 950 ml", maker="m-002", shelf_life_days=15, base="06901234567892", contains=12,
        packs=(Pack(unit=Unit.BOX, holds=StatedQuantity(amount=Decimal(15), unit=Unit.KILOGRAM)),),
    ),
    cases.SalesModeStated(
        merchant="m-001", premises="m-001-a", mode="day-totals", from_day=date(2026, 12, 1)
    ),
    cases.DeviceEnrolled(device="scanner-1", key="ed25519:AA==", ledger_keys=("ed25519:BB==",), name="一号"),
    cases.DeviceKeyReplaced(
        device="scanner-1", key="ed25519:AA==", ledger_keys=("ed25519:BB==",), reason="摔坏了"
    ),
    cases.MandateGranted(
        device="scanner-1", merchant="m-001", valid_from=date(2026, 11, 1), valid_until=date(2027, 1, 1)
    ),
    cases.MandateWithdrawn(device="scanner-1", merchant="m-001", from_day=date(2026, 12, 1)),
    cases.DeviceRevoked(device="scanner-1", reason="lost"),
    cases.TapeForked(tape=TAPE, device="scanner-1", forked_at=9, stored_chain=DIGEST, other_chain="cd" * 32),
    cases.TapeLost(tape=TAPE, device="scanner-1", last_stored=40, next_tape=NEXT_TAPE, last_known=41),
    cases.ReportUnreadable(digest=DIGEST, length=12, reason="no JSON"),
    cases.ReportReadmitted(
        tape=TAPE, number_on_tape=9, digest=DIGEST, first_received=RECEIVED,
        noted=("no-mandate",), report=b"{}",
    ),
    cases.MarketRegistered(market="market-1", name="城西市场", zone="Asia/Shanghai"),
    cases.CardLinked(card=PERSON, merchant="m-001", by="officer-1", note="执照已核"),
    cases.CardUnlinked(card=PERSON, by="officer-1", note="同名不同人"),
    cases.OfficerCorrected(
        merchant="m-001", target_tape=TAPE, target_number=7, scope="line", by="officer-1",
        reason="现场核实", goods=GOODS, quantity=QUANTITY,
    ),
    cases.OfficerCorrected(
        merchant="m-001", target_tape=TAPE, target_number=7, scope="delivery", by="officer-1",
        reason="记错了供货者", counterparty="m-002",
    ),
    cases.OfficerCorrected(
        merchant="m-001", target_tape=TAPE, target_number=7, scope="delivery", by="officer-1",
        reason="记错了供货者", counterparty_card=PERSON,
    ),
    cases.MerchantMerged(merchant="m-011", into="m-001", by="officer-1", note="同一执照"),
    cases.MerchantParted(merchant="m-011", by="officer-1", note="同名不同人"),
    cases.NearExpiryStated(
        market="market-1", tiers=(cases.StatedTier(shelf_life_days=0, days_before=3),)
    ),
    cases.AreaStated(area="yuelu", name="岳麓区", within="changsha"),
    cases.AlertAcknowledged(group="g-0123456789abcdef", by="officer-1", note="看到了"),
    cases.AlertAssigned(group="g-0123456789abcdef", to="officer-2", by="officer-1", note="请跟进"),
    cases.AlertCommented(group="g-0123456789abcdef", by="officer-2", note="已去看过"),
    cases.AlertSilenced(
        group="g-0123456789abcdef", by="officer-1", until=RECEIVED, note="等检测结果"
    ),
    cases.LedgerKeyAnnounced(
        key="ed25519:AA==", by="ed25519:BB==", signature=bytes(range(64)), reason="每年更换"
    ),
    cases.LedgerRestored(
        position=40, old_origin="log.example/1", old_size=57, old_root=DIGEST,
        new_origin="log.example/1/2", by="operator-1", note="the disk broke",
    ),
    cases.DayBegan(market="market-1", day=date(2026, 11, 22), zone="Asia/Shanghai"),
    holds.HoldPlaced(
        hold="h-1", goods=STOPPED, authority="岳麓区市场监管局", reason="抽检不合格",
        placed_at=RECEIVED, until=LATER, by="officer-1",
    ),
    holds.HoldExtended(hold="h-1", until=LATER, reason="复检未出", by="officer-1"),
    holds.HoldReleased(hold="h-1", reason="复检合格", by="officer-1"),
    holds.HoldBecameRecall(hold="h-1", recall="r-1", by="officer-2"),
    holds.DeadlinePassed(kind="hold", subject="h-1", what="hold-ends", due=LATER),
    recalls.RecallDrafted(
        recall="r-1", grade="I", goods=STOPPED, reason="检出沙门氏菌", authority="岳麓区市场监管局",
        known_at=RECEIVED, by="officer-1", hold="h-1", responsible="m-002", trace_position=41,
        asked=("06901234567892 L:A-24/11",),
    ),
    recalls.RecallChecked(
        recall="r-1", approved=True, by="officer-2", note="属实", draft_digest=DIGEST
    ),
    recalls.RecallPublished(
        recall="r-1", grade="I", goods=STOPPED, published_at=RECEIVED, notice="请勿食用, 退回购买处",
        by="officer-1",
    ),
    recalls.RecallWidened(recall="r-1", goods=STOPPED, reason="同线产品", by="officer-1"),
    recalls.RecallNarrowed(
        recall="r-1", goods=STOPPED, reason="批次查清", by="officer-1", checked_by="officer-2"
    ),
    recalls.RecallWithdrawn(
        recall="r-1", reason="检验有误", by="officer-1", checked_by="officer-2"
    ),
    recalls.RecallClosed(
        recall="r-1", by="officer-1", checked_by="officer-2", position=99, summary="已全部下架",
        unaccounted="消费者手中 12 瓶",
    ),
    recalls.RecallAcknowledged(recall="r-1", merchant="m-001", by="m-001", note="已知"),
    recalls.RecallAnswered(
        recall="r-1", merchant="m-001", by="m-001", note="清点两次",
        lines=(
            recalls.AnswerLine(
                product="06901234567892", unit=Unit.PIECE, lot="A-24/11", found=Decimal(3),
                sold=Decimal(5), returned=Decimal(1), destroyed=Decimal(2),
            ),
        ),
    ),
    recalls.ChecksDrawn(
        recall="r-1", seed=7, by="officer-1",
        holders=(recalls.DrawnCheck(merchant="m-001", reason="C 级"),),
    ),
    recalls.HolderChecked(
        recall="r-1", merchant="m-001", result="still-there", by="officer-3", note="货架 2 瓶"
    ),
    recalls.HolderCalled(
        recall="r-1", result="reached", by="officer-3", merchant="m-009", note="已封存"
    ),
    recalls.HolderCalled(recall="r-1", result="no-answer", by="officer-3", card=PERSON),
    recalls.RecallHandedOver(
        recall="r-1", authority="湘潭市市场监管局", holders=4, file=DIGEST, by="officer-1",
        district="yuhu",
    ),
    recalls.WorkingDaysStated(
        year=2026, off=(date(2026, 10, 1),), working=(date(2026, 10, 10),), source="国办发明电",
        by="officer-1",
    ),
]  # fmt: skip


class FixedSalts:
    """One salt for the one person of the examples."""

    def salts(self, refs: list[str]) -> list[bytes]:
        return [PERSON_SALT for _ in refs]


def leaf(event: Event) -> bytes:
    sealer = Sealer("golden", entropy=lambda size: SEED[:size], persons=FixedSalts())
    place = Place(stream_of_tape(TAPE), 2, RECEIVED, ("no-mandate",))
    return sealer.leaf(event, stored_name(event), encode(event), place, SEED)


def golden(event: Event) -> bytes:
    content = {"state": encode(event).decode(), "leaf": leaf(event).hex()}
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def files() -> dict[str, Event]:
    """Each example under the name of its file: some members exclude each other, so some have two."""
    found: dict[str, Event] = {}
    for event in EXAMPLES:
        name, number = stored_name(event), 1
        while name in found:
            number += 1
            name = f"{stored_name(event)}@{number}"
        found[name] = event
    return found


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, example in files().items():
        path = FOLDER / f"{name}.json"
        if not path.exists():
            path.write_bytes(golden(example))
