"""Cards: what is known of a person or an unregistered counterparty, under a key of its own."""

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a person or an unregistered counterparty."""

    name: str
    address: str | None = None
    phone: str | None = None
    licence: str | None = None


def seal_card(card: Card, *, key: bytes, nonce: bytes, ref: str) -> bytes:
    """Returns a card's bytes under AES-256-GCM, the nonce before them; `ref` is bound in."""
    return nonce + AESGCM(key).encrypt(nonce, msgspec.json.encode(card), ref.encode())


def open_card(sealed: bytes, *, key: bytes, ref: str) -> Card:
    """Opens what `seal_card` made; raises `cryptography.exceptions.InvalidTag` for other bytes."""
    opened = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], ref.encode())
    return msgspec.json.decode(opened, type=Card)
