"""Documents: certificates and test reports on record, whether or not their picture has come."""

from collections.abc import Iterable
from datetime import date, datetime

import msgspec

from ledger.events.reports import CertificateFiled, EntryCorrected, Report, TestReportFiled
from ledger.projections.fold import Entry, Fold
from ledger.projections.table import Key, Position, Table
from ledger.values.clock import derive
from ledger.values.ids import stream_of_tape


class PaperRow(msgspec.Struct):
    """A certificate or test report as it was filed; closed by `believed_to` once it was voided."""

    position: Position
    stream: str
    number_on_tape: Position
    session: str
    happened: datetime
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
    believed_to: Position | None


class PaperVoid(msgspec.Struct):
    """A merchant's void of an entry that has not come yet, or of a whole session.

    `scope` is `line`, with the entry's stream and number, or `session`, with its id and 0.
    `whole` says that the line is named for its whole session.
    """

    merchant: str
    scope: str
    subject: str
    number: Position
    made_stream: str
    made_number: Position
    made_at: datetime
    whole: bool


PAPERS = Table("papers", PaperRow, ("position",), ("USING gin (gtins)", "(digest)", "(session)"))
PAPER_VOIDS = Table("paper_voids", PaperVoid, ("merchant", "scope", "subject", "number"))


class Documents:
    """The papers on record."""

    name = "documents"
    tables = (PAPERS, PAPER_VOIDS)

    def keys(self, entry: Entry) -> Iterable[tuple[Table, Key]]:
        """The voids that may wait for a paper; few entries are papers."""
        if isinstance(entry.event, CertificateFiled | TestReportFiled):
            yield from _void_keys(entry, entry.event)

    def fold(self, fold: Fold) -> None:
        """Takes in certificates, test reports, and corrections that void them."""
        match fold.entry.event:
            case CertificateFiled() as e:
                _file(fold, e, e.kind, e.issuer, (None, e.valid_from, e.valid_until), e.supplier)
            case TestReportFiled() as e:
                _file(fold, e, "test", e.laboratory, (e.result, e.tested_on, None), None)
            case EntryCorrected() as e if e.goods is None:
                _void(fold, e)


def _void_keys(entry: Entry, event: Report) -> list[tuple[Table, Key]]:
    return [
        (PAPER_VOIDS, (event.merchant, "line", entry.stream, entry.number)),
        (PAPER_VOIDS, (event.merchant, "session", event.session, 0)),
    ]


def _file(
    fold: Fold,
    event: CertificateFiled | TestReportFiled,
    kind: str,
    issuer: str,
    validity: tuple[str | None, date, date | None],
    supplier: str | None,
) -> None:
    entry = fold.entry
    row = PaperRow(
        Position(entry.position), entry.stream, Position(entry.number), event.session,
        derive(event.clock, entry.received).at, event.document, kind, event.number, issuer,
        *validity, event.merchant, supplier, event.gtins, event.lots, None,
    )  # fmt: skip
    fold.rows.put(PAPERS, row)
    for table, key in _void_keys(entry, event):
        void = fold.rows.get(table, *key)
        if void is not None:
            _apply(fold, void, [row])


def _void(fold: Fold, event: EntryCorrected) -> None:
    entry = fold.entry
    stream = str(stream_of_tape(event.target_tape))
    void = PaperVoid(
        event.merchant, "line", stream, Position(event.target_number), entry.stream,
        Position(entry.number), derive(event.clock, entry.received).at, event.scope == "session",
    )  # fmt: skip
    fold.rows.put(PAPER_VOIDS, void)
    same = {"stream": stream, "number_on_tape": event.target_number}
    _apply(fold, void, fold.rows.select(PAPERS, same))


def _apply(fold: Fold, void: PaperVoid, papers: list[PaperRow]) -> None:
    """Closes the papers a void means, and with one named for its session the rest of that."""
    for row in papers:
        if row.merchant != void.merchant or not _reaches(void, row):
            continue
        if row.believed_to is None:
            row.believed_to = Position(fold.entry.position)
            fold.rows.put(PAPERS, row)
        if void.scope == "line" and void.whole:
            wider = msgspec.structs.replace(
                void, scope="session", subject=row.session, number=Position(0)
            )
            fold.rows.put(PAPER_VOIDS, wider)
            _apply(fold, wider, fold.rows.select(PAPERS, {"session": row.session}))


def _reaches(void: PaperVoid, row: PaperRow) -> bool:
    """Tells whether a void means a paper: itself, or one entered earlier in its session."""
    if void.scope == "line":
        return True
    if void.made_stream == row.stream:
        return row.number_on_tape < void.made_number
    return row.happened <= void.made_at
