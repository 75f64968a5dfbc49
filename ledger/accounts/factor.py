"""The second factor: codes that change every half minute (TOTP, RFC 6238), and how their secret is kept."""

import base64
import hmac
from datetime import datetime

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.errors import BadSetting
from ledger.values.keys import SigningKey

# RFC 4226, section 4: a secret has 160 bits.
SECRET_BYTES, NONCE_BYTES = 20, 12
# One step back and one ahead: people type slowly, and telephones are not quite on time (RFC 6238, 5.2).
WINDOW = (-1, 0, 1)
_INFO = b"suyuan/second-factor/v1"


class FactorSeal:
    """Seals secrets for the database under a key that is not in it."""

    def __init__(self, key: SigningKey) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(key.seed)
        self._cipher = AESGCM(derived)

    def shut(self, secret: bytes, account: str, nonce: bytes) -> bytes:
        """Seals the secret of an account; `nonce` is never used twice."""
        return nonce + self._cipher.encrypt(nonce, secret, account.encode())

    def open(self, sealed: bytes, account: str) -> bytes:
        """Opens what was sealed for this account. Raises `BadSetting` under another ledger's key."""
        try:
            return self._cipher.decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], account.encode()
            )
        except InvalidTag as error:
            raise BadSetting(
                f"the second factor of {account} was sealed under another key: set it anew with"
                f" suyuan user factor {account} --off"
            ) from error


def text_of(secret: bytes) -> str:
    """Writes a secret as people type it into an authenticator (RFC 4648, base 32)."""
    return base64.b32encode(secret).decode()


def address_of(secret: bytes, account: str, ledger: str) -> str:
    """Returns the address that an authenticator reads from a QR code."""
    return pyotp.TOTP(text_of(secret)).provisioning_uri(name=account, issuer_name=ledger)


def step_of(secret: bytes, code: str, now: datetime, *, after: int) -> int | None:
    """Returns the step that a code is of; None where it is of none near, or not behind `after`.

    A code counts once (RFC 6238, section 5.2): keep the step, and ask for later ones from then on.
    """
    codes = pyotp.TOTP(text_of(secret))
    present = codes.timecode(now)
    typed = code.replace(" ", "").encode()
    found = None
    for step in (present + offset for offset in WINDOW):
        # Every step is compared, so that the time tells nothing.
        if hmac.compare_digest(codes.generate_otp(step).encode(), typed) and step > after:
            found = step
    return found
