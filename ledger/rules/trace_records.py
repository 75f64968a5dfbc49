"""Records that other laws ask of a trace, as data: their fields in order, with their source."""

from datetime import date
from typing import Final, NamedTuple


class RecordField(NamedTuple):
    """A field of a record, by our key and as its law words it."""

    key: str
    title: str


class TraceRecord(NamedTuple):
    """A record made from traced movements: of which kinds, with which fields, and who asks it."""

    name: str
    title: str
    source: str
    valid_from: date
    kinds: tuple[str, ...]
    fields: tuple[RecordField, ...]


FSMA_204: Final = TraceRecord(
    "fsma204",
    "FSMA 204 sortable sheet",
    "21 CFR 1.1340, 1.1345",
    date(2023, 1, 20),
    ("goods-sold", "goods-received", "made"),
    (
        RecordField("event", "Critical tracking event"),
        RecordField("lot", "Traceability lot code"),
        RecordField("quantity", "Quantity"),
        RecordField("unit", "Unit of measure"),
        RecordField("description", "Product description"),
        RecordField("other", "Immediate next recipient or previous source: location"),
        RecordField("own", "Ship-from or received-at location"),
        RecordField("day", "Date"),
        RecordField("lot_source", "Traceability lot code source"),
        RecordField("reference_type", "Reference document type"),
        RecordField("reference", "Reference document number"),
    ),
)
EU_931: Final = TraceRecord(
    "eu931",
    "EU 931-2011 record",
    "Regulation (EU) No 931/2011, Article 3(1)",
    date(2012, 7, 1),
    ("goods-sold",),
    (
        RecordField("description", "Accurate description of the food"),
        RecordField("amount", "Volume or quantity"),
        RecordField("own", "Name and address of the dispatching food business operator"),
        RecordField("consignor", "Name and address of the consignor (owner), if different"),
        RecordField("other", "Name and address of the receiving food business operator"),
        RecordField("consignee", "Name and address of the consignee (owner), if different"),
        RecordField("lot", "Reference identifying the lot, batch or consignment"),
        RecordField("day", "Date of dispatch"),
    ),
)
TRACE_RECORDS: Final = {record.name: record for record in (FSMA_204, EU_931)}
# Asked for only where somebody else owns the goods, which no entry here states.
IF_DIFFERENT: Final = ("consignor", "consignee")
