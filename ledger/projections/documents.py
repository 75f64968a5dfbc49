"""Documents: certificates and test reports on record, whether or not their picture has come."""

from collections.abc import Iterable
from datetime import date

import msgspec

from ledger.events.reports import CertificateFiled, TestReportFiled
from ledger.projections.fold import Entry, Fold
from ledger.projections.table import Key, Position, Table


class PaperRow(msgspec.Struct):
    """A certificate or test report as it was filed."""

    position: Position
    digest: str
    kind: str
    number: str
    issuer: str
    result: str | None
    valid_from: date
    valid_until: date | None
    merchant: str
    supplier: str | None
    gtins: tuple[str, ...]
    lots: tuple[str, ...]


PAPERS = Table("papers", PaperRow, ("position",), ("USING gin (gtins)", "(digest)"))


class Documents:
    """The papers on record."""

    name = "documents"
    tables = (PAPERS,)

    def keys(self, entry: Entry) -> Iterable[tuple[Table, Key]]:
        """Nothing to load: papers are only added."""
        return ()

    def fold(self, fold: Fold) -> None:
        """Takes in certificates and test reports."""
        position = Position(fold.entry.position)
        match fold.entry.event:
            case CertificateFiled() as e:
                row = PaperRow(
                    position, e.document, e.kind, e.number, e.issuer, None, e.valid_from,
                    e.valid_until, e.merchant, e.supplier, e.gtins, e.lots,
                )  # fmt: skip
                fold.rows.put(PAPERS, row)
            case TestReportFiled() as e:
                row = PaperRow(
                    position, e.document, "test", e.number, e.laboratory, e.result, e.tested_on,
                    None, e.merchant, None, e.gtins, e.lots,
                )  # fmt: skip
                fold.rows.put(PAPERS, row)
