"""Papers of a simulated trade: what makers of pork file, in order or not."""

import hashlib
from datetime import date, timedelta
from decimal import Decimal

from ledger.events.reports import CertificateFiled
from ledger.values.quantity import StatedQuantity, Unit
from suyuan.making import Making
from suyuan.participants import LotTruth, Merchant
from suyuan.truth_books import PaperTruth

ISSUER = "岳麓区动检站"
REQUIRED = ("quarantine", "meat-inspection")
# So many pieces a certificate covers, which a good day's sales of a lot exceed.
COVERED_PIECES = 60


def file_papers(making: Making, day: date, maker: Merchant, lot: LotTruth) -> None:
    """Files what a lot of pork must come with: every second lot's in order, the others' not."""
    count = len({paper.lot for paper in making.truth.books.papers})
    twice, expired, missing = count == 0, count % 4 == 1, count % 4 == 3
    for kind in REQUIRED:
        if kind == "meat-inspection" and missing:
            continue
        is_over = kind == "quarantine" and expired
        paper = PaperTruth(
            number=f"{kind[:1].upper()}-{lot.number}", kind=kind, issuer=ISSUER, lot=lot,
            valid_from=lot.produced - timedelta(days=30),
            valid_until=day - timedelta(days=1) if is_over else day + timedelta(days=30),
            covers=COVERED_PIECES if kind == "quarantine" and twice else None,
            pictures=2 if kind == "quarantine" and twice else 1,
        )  # fmt: skip
        making.truth.books.papers.append(paper)
        for picture in range(paper.pictures):
            _file(making, day, maker, paper, picture)


def _file(making: Making, day: date, maker: Merchant, paper: PaperTruth, picture: int) -> None:
    covers = None
    if paper.covers is not None:
        covers = StatedQuantity(amount=Decimal(paper.covers), unit=Unit.PIECE)
    making.put(
        day, 3.02, maker, CertificateFiled, making.new_session(),
        document=hashlib.sha256(f"{paper.number} {picture}".encode()).hexdigest(),
        kind=paper.kind, number=paper.number, issuer=paper.issuer, valid_from=paper.valid_from,
        valid_until=paper.valid_until, gtins=(paper.lot.gtin,), lots=(paper.lot.number,),
        quantity=covers,
    )  # fmt: skip
