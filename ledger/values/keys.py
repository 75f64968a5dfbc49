"""Keys of devices and of the ledger: each names its algorithm, so that another can be added."""

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

# A P-256 public key travels as its uncompressed point: 0x04, X, Y.
P256_POINT_BYTES = 65
ED25519_BYTES = 32


class PublicKey:
    """A public key as `algorithm:base64`, with `ed25519` and `p256` built in.

    Raises `ValueError` when the text is not such a key.
    """

    def __init__(self, text: str) -> None:
        algorithm, _, encoded = text.partition(":")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise ValueError(f"a key is algorithm:base64, not {text[:60]!r}") from error
        self.text = text
        self.id = key_id(text)
        self._verifier: Ed25519PublicKey | ec.EllipticCurvePublicKey
        if algorithm == "ed25519" and len(raw) == ED25519_BYTES:
            self._verifier = Ed25519PublicKey.from_public_bytes(raw)
        elif algorithm == "p256" and len(raw) == P256_POINT_BYTES:
            self._verifier = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
        else:
            raise ValueError(f"a key is ed25519 (32 bytes) or p256 (65 bytes), not {text[:60]!r}")

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Tells whether `signature` is this key's over `message`."""
        try:
            if isinstance(self._verifier, Ed25519PublicKey):
                self._verifier.verify(signature, message)
            else:
                self._verifier.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def key_id(public_text: str) -> str:
    """Names a public key: its algorithm and the first 16 bytes of its SHA-256, in hex."""
    algorithm = public_text.partition(":")[0]
    return f"{algorithm}:{hashlib.sha256(public_text.encode()).hexdigest()[:32]}"


def succession_message(ledger: str, key: str) -> bytes:
    """Returns what a ledger's key signs to name the one after it."""
    return b"suyuan/ledger-key/v1\n" + ledger.encode() + b"\n" + key.encode()


class SigningKey:
    """An Ed25519 private key; made by the one who holds it and never sent."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        raw = self._key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        self.public = f"ed25519:{base64.b64encode(raw).decode()}"
        self.id = key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        """Returns the 64-byte signature over `message`."""
        return self._key.sign(message)
