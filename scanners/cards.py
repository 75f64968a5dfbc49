"""Cards of counterparties: handed by a device to the ledger's personal store, never an event."""

import httpx
import msgspec

from ledger.events import wire
from ledger.values.cards import Card
from scanners.tape import Tape

TIMEOUT_S = 30


class CardRefused(Exception):
    """The ledger did not take a card; the text says why."""


def put_card(intake_url: str, tape: Tape, ref: str, card: Card) -> None:
    """Hands a card in under the device's signature; a later one of the same device replaces it.

    Raises `CardRefused` with what the ledger said, or that it does not answer.
    """
    content = msgspec.json.encode(card)
    signed = wire.SignedCard(
        device=tape.device, ref=ref, card=content, key=tape.key.id,
        signature=tape.key.sign(wire.card_message(ref, content)),
    )  # fmt: skip
    try:
        answer = httpx.put(
            f"{intake_url}/intake/cards", content=wire.encode(signed), timeout=TIMEOUT_S,
            trust_env=False,
        )  # fmt: skip
    except httpx.HTTPError as error:
        raise CardRefused(f"no ledger answers at {intake_url}: {error}") from error
    if not answer.is_success:
        raise CardRefused(str(answer.json().get("detail", answer.text)))
