"""Documents: certificates and test reports on record, whether or not their picture has come."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from ledger.events.cases import OfficerCorrected
from ledger.events.reports import CertificateFiled, EntryCorrected, GoodsMoved, TestReportFiled
from ledger.projections.fold import Entry, Fold
from ledger.projections.seen import OPEN, SeenBy
from ledger.projections.sweeps import (
    Reached,
    Sweep,
    read_sweeps,
    sweep_of,
    with_sweep,
    write_sweeps,
)
from ledger.projections.table import Key, Position, Rows, Table
from ledger.projections.times import time_of
from ledger.rules.flags import NO_MANDATE
from ledger.values.ids import stream_of_tape


class PaperRow(msgspec.Struct):
    """A certificate or test report as it was filed; closed by `believed_to` once it was voided."""

    position: Position
    stream: str
    number_on_tape: Position
    session: str
    business_date: date
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
    covers_unit: str | None
    covers: int | None
    believed_to: Position | None


class PaperChanged(NamedTuple):
    """Signal: a paper was filed, or is believed no longer."""

    paper: PaperRow


class PaperVoids(msgspec.Struct):
    """A merchant's voids of a paper, which may still be to come, or of a session, as JSON.

    `scope` is `line` for the paper itself and `whole` for one named for its session, with stream
    and number; or `session`, with its id and number 0.
    """

    merchant: str
    scope: str
    subject: str
    number: Position
    voids: str


class Attachment(msgspec.Struct):
    """A picture that a report of goods came with."""

    stream: str
    number: Position
    digest: str


# Whoever may see the entry that a picture is of.
OF_ENTRY = (
    "EXISTS (SELECT FROM {schema}.movements m WHERE m.stream = attachments.stream"
    " AND m.number = attachments.number)"
)
ATTACHMENTS = Table(
    "attachments",
    Attachment,
    ("stream", "number", "digest"),
    ("(digest)",),
    seen=SeenBy(when=OF_ENTRY),
)
PAPERS = Table(
    "papers", PaperRow, ("position",),
    ("USING gin (gtins)", "(digest)", "(session)", "(number)", "(stream, number_on_tape)",
     "USING brin (business_date)"), seen=OPEN)  # fmt: skip
PAPER_VOIDS = Table("paper_voids", PaperVoids, ("merchant", "scope", "subject", "number"))


class Documents:
    """The papers on record."""

    name = "documents"
    tables = (PAPERS, PAPER_VOIDS, ATTACHMENTS)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """Nothing is sure to be wanted: few entries are papers."""
        return ()

    def fold(self, fold: Fold) -> None:
        """Takes in certificates, test reports, and corrections that void them."""
        flags = fold.entry.flags
        match fold.entry.event:
            case GoodsMoved(documents=digests):
                for digest in digests:
                    at = fold.entry.stream, Position(fold.entry.number)
                    fold.rows.put(ATTACHMENTS, Attachment(*at, digest))
            case CertificateFiled() as event:
                valid = {"valid_from": event.valid_from, "valid_until": event.valid_until}
                _file(fold, event, valid | {"kind": event.kind, "issuer": event.issuer,
                      "result": None, "supplier": event.supplier, **_covers(event)})  # fmt: skip
            case TestReportFiled() as event:
                valid = {"valid_from": event.tested_on, "valid_until": None}
                _file(fold, event, valid | {"kind": "test", "issuer": event.laboratory,
                      "result": event.result, "supplier": None, "covers_unit": None, "covers": None})  # fmt: skip
            case OfficerCorrected() as officer:
                if (said := officer.as_report(fold.entry.received)).voids:
                    _void(fold, said)
            case EntryCorrected() as event if event.voids and NO_MANDATE not in flags:
                _void(fold, event)


def _file(fold: Fold, event: CertificateFiled | TestReportFiled, own: dict[str, Any]) -> None:
    entry = fold.entry
    row = PaperRow(
        position=Position(entry.position), stream=entry.stream,
        number_on_tape=Position(entry.number), session=event.session,
        business_date=event.business_date, happened=time_of(fold, event.clock).at,
        digest=event.document, number=event.number, merchant=event.merchant, gtins=event.gtins,
        lots=event.lots, believed_to=None, **own,
    )  # fmt: skip
    fold.rows.put(PAPERS, row)
    fold.signals.append(PaperChanged(row))
    _settle(fold, row)


def _covers(event: CertificateFiled) -> dict[str, Any]:
    stated = event.quantity
    if stated is None:
        return {"covers_unit": None, "covers": None}
    return {"covers_unit": stated.unit.value, "covers": int(stated.amount * 1000)}


def _void(fold: Fold, event: EntryCorrected) -> None:
    stream = str(stream_of_tape(event.target_tape))
    scope = "whole" if event.scope == "session" else "line"
    void = sweep_of(fold, event, event.business_date)
    _keep(fold, (event.merchant, scope, stream, event.target_number), void)
    same = {"stream": stream, "number_on_tape": event.target_number}
    for row in fold.rows.select(PAPERS, same):
        _settle(fold, row)


def _settle(fold: Fold, row: PaperRow) -> None:
    """Closes a paper that a void means, and with one named for its session the rest of that."""
    place = (row.stream, row.number_on_tape)
    whole = _kept(fold, (row.merchant, "whole", *place))
    for void in whole:
        wider = msgspec.structs.replace(void, named_day=row.business_date)
        if _keep(fold, (row.merchant, "session", row.session, 0), wider):
            same = {"session": row.session, "merchant": row.merchant}
            for other in fold.rows.select(PAPERS, same):
                _settle(fold, other)
    entry = Reached(row.stream, row.number_on_tape, row.happened, row.business_date)
    session = _kept(fold, (row.merchant, "session", row.session, 0))
    meant = whole or _kept(fold, (row.merchant, "line", *place))
    if row.believed_to is None and (meant or any(void.reaches(entry) for void in session)):
        row.believed_to = Position(fold.entry.position)
        fold.rows.put(PAPERS, row)
        fold.signals.append(PaperChanged(row))


def _keep(fold: Fold, key: tuple[str, str, str, int], void: Sweep) -> bool:
    """Keeps a void; False for one that was kept before."""
    known = _kept(fold, key)
    if void in known or any(v.covers(void) for v in known):
        return False
    merchant, scope, subject, number = key
    text = write_sweeps(with_sweep(known, void))
    fold.rows.put(PAPER_VOIDS, PaperVoids(merchant, scope, subject, Position(number), text))
    return True


def _kept(fold: Fold, key: tuple[str, str, str, int]) -> list[Sweep]:
    row = fold.rows.get(PAPER_VOIDS, *key)
    return read_sweeps(row.voids) if row is not None else []
