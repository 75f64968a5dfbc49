"""Writes docs/asyncapi.json from the message definitions the ledger itself decodes with."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from ledger.events import wire
from ledger.events.base import stored_name
from ledger.events.catalogue import TAPE_REPORTS
from ledger.events.stop_list import StopListBody, StopListPart, stops_topic

PATH = Path(__file__).parents[1] / "docs" / "asyncapi.json"
MESSAGES: tuple[Any, ...] = (
    wire.Batch, wire.Answer, wire.Receipt, wire.Resend, wire.Fork, wire.Refused,
    wire.DeviceState, wire.SignedState, wire.SignedDocument, wire.Enrolment, wire.Enrolled,
    wire.CertificateRequest, wire.LedgerKeys, StopListPart, StopListBody,
)  # fmt: skip


def document() -> bytes:
    """Returns the document: channels by topic, messages and reports by schema."""
    kinds = [*MESSAGES, *TAPE_REPORTS]
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    for schema in schemas.values():
        # Python 3.13 strips the indentation of docstrings, older ones keep it.
        if "description" in schema:
            schema["description"] = " ".join(schema["description"].split())
    channels = {
        wire.batches_topic("{ledger}", "{tape}"): ("publish", "Batch"),
        wire.answers_topic("{ledger}", "{tape}"): ("subscribe", "Answer"),
        wire.state_topic("{ledger}", "{device}"): ("publish", "SignedState"),
        stops_topic("{ledger}", "{part}"): ("subscribe", "StopListPart"),
        wire.keys_topic("{ledger}"): ("subscribe", "LedgerKeys"),
    }
    described = {topic: _channel(topic, *how) for topic, how in channels.items()}
    note = {"name": "Checkpoint", "contentType": "text/plain", "payload": {"type": "string"}}
    checkpoint = wire.checkpoint_topic("{ledger}")
    described[checkpoint] = _channel(checkpoint, "subscribe", "") | {"subscribe": {"message": note}}
    content = {
        "asyncapi": "2.6.0",
        "info": {
            "title": "Suyuan scanner protocol",
            "version": "1",
            "description": "docs/protocol.md is the word; this is its shape.",
        },
        "channels": described,
        "components": {"schemas": schemas},
        "x-reports": {
            stored_name(kind): {"$ref": f"#/components/schemas/{kind.__name__}"}
            for kind in TAPE_REPORTS
        },
        "x-answer-bodies": [
            {"$ref": f"#/components/schemas/{kind.__name__}"}
            for kind in (wire.Receipt, wire.Resend, wire.Fork, wire.Refused)
        ],
    }
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=1) + b"\n"


def _channel(topic: str, action: str, message: str) -> dict[str, Any]:
    names = [part[1:-1] for part in topic.split("/") if part.startswith("{")]
    return {
        "parameters": {name: {"schema": {"type": "string"}} for name in names},
        action: {
            "message": {
                "name": message,
                "contentType": "application/json",
                "payload": {"$ref": f"#/components/schemas/{message}"},
            }
        },
    }


if __name__ == "__main__":
    PATH.write_bytes(document())
    sys.stderr.write(f"{PATH} is written\n")
