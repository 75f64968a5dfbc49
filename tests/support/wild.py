"""Reports gone wild: members of every kind of report replaced by whatever JSON can hold."""

from datetime import date
from typing import Any

import msgspec
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.events.base import Event
from ledger.events.catalogue import encode, read_report
from ledger.events.reports import (
    CertificateFiled,
    CertificateFiledV1,
    EntryCorrectedV1,
    GoodsDisposedV1,
    GoodsReturned,
    GoodsUsed,
    Portion,
    StopMet,
    TestReportFiled,
)
from tests.support.make import (
    MILK,
    NOON,
    corrected,
    counted,
    disposed,
    milk,
    pieces,
    received,
    sold,
    totalled,
    transformed,
)

COMMON = ("merchant", "premises", "business_date", "clock", "session")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=70)
WILD: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | TEXTS
    | st.dates().map(str)
    | st.decimals().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


def examples() -> list[Event]:
    """One report of every kind that may stand behind a tape's first."""
    portion = Portion(goods=milk(), quantity=pieces(1))
    moved = msgspec.structs.asdict(received(1))
    about = {k: moved[k] for k in COMMON}
    about |= {"document": "0" * 64, "number": "N-1", "gtins": (MILK,)}
    day = date(2026, 11, 1)
    return [
        received(2), sold(1), counted(3), totalled(portion), totalled(total_fen=12_300), disposed(1), transformed([portion], [portion]),
        corrected("00000000-0000-4000-8000-000000000001", 2), EntryCorrectedV1(
            target_tape="00000000-0000-4000-8000-000000000001", target_number=2, scope="line",
            reason="scanned twice", **{k: moved[k] for k in COMMON}),
        GoodsReturned(direction="to-supplier", **moved), GoodsUsed(**moved),
        GoodsDisposedV1(reason="damaged", **moved),
        StopMet(goods=milk(), stop="r-1", outcome="refused", list_version=1, list_time=NOON,
                **{k: moved[k] for k in COMMON}),
        CertificateFiledV1(kind="origin", issuer="City", valid_from=day, **about),
        CertificateFiled(kind="origin", issuer="City", valid_from=day, **about),
        TestReportFiled(laboratory="Lab", result="passed", tested_on=day, **about),
    ]  # fmt: skip


@st.composite
def wild_reports(draw: Any) -> bytes:
    """A report's bytes with one member, perhaps an inner one, replaced by a wild value."""
    report = msgspec.json.decode(encode(draw(st.sampled_from(examples()))))
    places = [report, *(v for v in report.values() if isinstance(v, dict))]
    place = draw(st.sampled_from(places))
    place[draw(st.sampled_from(sorted(place)))] = draw(WILD)
    return msgspec.json.encode(report)


def readable(raw: bytes) -> bool:
    """Whether the ledger records a report as what it says."""
    try:
        read_report(raw)
    except Malformed:
        return False
    return True
