"""Names: the form of an id, and the stream under which a tape's or a case's events stand."""

import re
from uuid import UUID, uuid5

# Merchants, premises, devices, markets: what fits a badge, an address and an MQTT topic alike.
ID_FORM = r"[a-z0-9][a-z0-9-]{0,39}"
# Where a page of forms stands beside the pages of holds and recalls; one of this name had none.
NO_NAME = "new"

# uuid5(NAMESPACE_URL, "urn:suyuan:ledger:v1"); written out because docs/protocol.md prints it
# and a stream name must never depend on how it was computed.
NAMESPACE = UUID("fa5eb689-85cd-5b1a-8a46-09d77f8f26ce")


def is_id(text: str) -> bool:
    """Tells whether a text has the form of a merchant's, premises', device's or market's id."""
    return re.fullmatch(ID_FORM, text) is not None


def stream_of_tape(tape: str) -> UUID:
    """Returns the stream of a scanner's tape, named by the tape's random id."""
    return uuid5(NAMESPACE, f"tape:{tape}")


def stream_of_case(kind: str, subject: str) -> UUID:
    """Returns the stream of a case, such as `("merchant", "m-001")`.

    The kind `tape` would name the stream of a tape itself and is refused; what the ledger has to
    say about a tape stands under `tape-case`.
    """
    if kind == "tape":
        raise ValueError("a tape's own stream is no case: use tape-case")
    return uuid5(NAMESPACE, f"{kind}:{subject}")
