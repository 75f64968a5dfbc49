"""What the broker lets each device do, as mosquitto reads it; never the only fence (DESIGN.md, section 8)."""

from collections.abc import Mapping, Sequence

from ledger.events import wire
from ledger.events.stop_list import stops_topic
from ledger.values.keys import key_id

HEADING = "# Made from the register of devices; what is written here by hand does not last."


# How intake is called at the broker; no device can be enrolled under a name with a colon.
INTAKE = "service:intake"


def client_name(device: str, key: str) -> str:
    """Returns what a device is called at the broker: by its key, so that an older one's certificate is over."""
    return f"{device}:{key_id(key).partition(':')[2][:16]}"


def access_list(ledger: str, devices: Mapping[str, str], tapes: Mapping[str, Sequence[str]]) -> str:
    """Returns mosquitto's `acl_file`: `devices` with the key of each, and their tapes.

    Who shows no certificate may do what a device does on any tape: the broker MUST take such clients
    from its own machine alone, as the private one does, or refuse them.
    """
    common = [
        f"topic read {stops_topic(ledger, '+')}",
        f"topic read {wire.checkpoint_topic(ledger)}",
        f"topic read {wire.keys_topic(ledger)}",
    ]
    lines = [HEADING, *_of_tape(ledger, "+"), *_itself(ledger, "+"), *common]
    lines += [f"user {INTAKE}", f"topic readwrite suyuan/v1/{ledger}/#"]
    for device, key in sorted(devices.items()):
        lines += [f"user {client_name(device, key)}", *_itself(ledger, device), *common]
        for tape in sorted(tapes.get(device, ())):
            lines += _of_tape(ledger, tape)
    return "\n".join([*lines, ""])


def _of_tape(ledger: str, tape: str) -> list[str]:
    return [
        f"topic write {wire.batches_topic(ledger, tape)}",
        f"topic read {wire.answers_topic(ledger, tape)}",
    ]


def _itself(ledger: str, device: str) -> list[str]:
    return [
        f"topic write {wire.state_topic(ledger, device)}",
        f"topic write {wire.looks_topic(ledger, device)}",
    ]
