"""Passwords: which are taken, and how they are kept (argon2id, RFC 9106; NIST SP 800-63B-4, section 3.1.1)."""

import secrets
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn import zxcvbn

from ledger.rules.refusal import Refusal

LENGTH_MIN, LENGTH_MAX = 12, 128
# Five groups of five out of 32 letters and digits that nobody mixes up: 125 bits.
LETTERS, GROUPS, GROUP = "abcdefghijkmnpqrstuvwxyz23456789", 5, 5
# Fewer different characters than this are a row of keys, whatever their number.
DIFFERENT_MIN = 6
# Of 0 to 4: what takes more than a hundred million tries, with the lists of passwords that were found
# in others' hands (zxcvbn, USENIX Security 2016).
SCORE_MIN, ESTIMATED_CHARACTERS = 3, 72
# Words that anybody would try here first.
WORDS = ("suyuan", "溯源", "market", "shichang", "shipin", "food", "ledger", "admin", "password")
# Each hash takes 64 MiB on purpose: a crowd at the door must not take all there is.
AT_ONCE = 2

_hasher = PasswordHasher()
_room = threading.BoundedSemaphore(AT_ONCE)


def new_password() -> str:
    """Returns a password that nobody had before."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


def refuse_password(password: str, account: str) -> Refusal | None:
    """Returns why a new password is not taken, None for one that is."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        advice = f"A password has {LENGTH_MIN} to {LENGTH_MAX} characters; several words are best."
        return Refusal("password-length", advice)
    plain = password.casefold()
    near = [account, *account.split("-"), *WORDS]
    # The estimate takes the longest passwords for what their beginning is worth.
    guessed = zxcvbn(password[:ESTIMATED_CHARACTERS], user_inputs=near)["score"] < SCORE_MIN
    if account.casefold() in plain:
        return Refusal(
            "password-weak", f"This has the account's name {account} in it: leave it out."
        )
    if guessed or len(set(plain)) < DIFFERENT_MIN:
        advice = (
            "This is easily guessed: take several words that have nothing to do with the account."
        )
        return Refusal("password-weak", advice)
    return None


def hash_password(password: str) -> str:
    """Returns what is kept of a password."""
    with _room:
        return _hasher.hash(_plain(password))


def is_password(kept: str, password: str) -> bool:
    """Tells whether a password is the one of which something is kept."""
    with _room:
        try:
            return _hasher.verify(kept, _plain(password))
        except (VerifyMismatchError, InvalidHashError):
            return False


def _plain(password: str) -> str:
    # The same characters typed on two machines may come composed in two ways (Unicode UAX 15).
    return unicodedata.normalize("NFKC", password)
