"""Signed notes (C2SP signed-note) and the keys that sign them, with cosignatures (tlog-cosignature).

A note is text that ends in a newline, an empty line, and a line for each signature.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from ledger.values.keys import PublicKey, SigningKey

# Kinds of signatures, as their registry numbers them.
ED25519, COSIGNATURE = 0x01, 0x04
ID_BYTES, KEY_BYTES, TIME_BYTES, SIGNATURE_BYTES = 4, 32, 8, 64
# A note beyond these is not read: nobody cosigns that often.
NOTE_BYTES_MAX, SIGNATURES_MAX = 100_000, 64
NAME = re.compile(r"^[^\s+]+$")
LINE = re.compile(r"^\u2014 (?P<name>[^ ]+) (?P<code>[A-Za-z0-9+/]+={0,2})$")


class NoteWrong(ValueError):
    """A note, or a key for notes, is not what it says, and why."""


class Signature(NamedTuple):
    """A signature line: whose it says it is, and the bytes behind the key's id."""

    name: str
    id: bytes
    content: bytes


class Note(NamedTuple):
    """A note as it was read; `text` ends in a newline. Nothing of it is to be believed yet."""

    text: str
    signatures: list[Signature]


class Cosigned(NamedTuple):
    """What a witness says: that it saw the note's tree, the largest it knew, at this POSIX time."""

    name: str
    time: int

    def at(self) -> datetime | None:
        """Returns the time as an instant; None for one that is none."""
        try:
            return datetime.fromtimestamp(self.time, UTC)
        except (OverflowError, ValueError, OSError):
            return None


class NoteKey:
    """A public key under a name, as `name+id+base64` says it (a vkey)."""

    def __init__(self, text: str) -> None:
        """Raises `NoteWrong` for a text that is no such key."""
        name, _, rest = text.strip().partition("+")
        said, _, encoded = rest.partition("+")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise NoteWrong(f"a key is name+id+base64, not {text[:60]!r}") from error
        kind = raw[0] if raw else None
        if (
            NAME.match(name) is None
            or kind not in (ED25519, COSIGNATURE)
            or len(raw) != 1 + KEY_BYTES
        ):
            raise NoteWrong(f"a key is name+id+base64 of Ed25519, not {text[:60]!r}")
        self.name, self.kind, self.text = name, kind, text.strip()
        self.id = key_id(name, kind, raw[1:])
        if said != self.id.hex():
            raise NoteWrong(
                f"the key of {name} has the id {self.id.hex()}, not {said[:16]!r}: one of its letters is"
                " wrong, copy it again"
            )
        self._key = PublicKey(f"ed25519:{base64.b64encode(raw[1:]).decode()}")

    def timed(self) -> "NoteKey":
        """Returns the key under which this one's owner says when it signed."""
        return self._as(self.name, COSIGNATURE)

    def under(self, name: str) -> "NoteKey":
        """Returns the same key under another name. Raises `NoteWrong` for a name that cannot be."""
        return self._as(name, self.kind)

    def _as(self, name: str, kind: int) -> "NoteKey":
        raw = base64.b64decode(self._key.text.partition(":")[2])
        encoded = base64.b64encode(bytes([kind]) + raw).decode()
        return NoteKey(f"{name}+{key_id(name, kind, raw).hex()}+{encoded}")

    def signed(self, note: Note, signature: Signature) -> Cosigned | None:
        """Returns what a signature of this key states, None where it is not of the note."""
        if self.kind == ED25519:
            is_it = len(signature.content) == SIGNATURE_BYTES
            is_it = is_it and self._key.signed(signature.content, note.text.encode())
            return Cosigned(self.name, 0) if is_it else None
        if len(signature.content) != TIME_BYTES + SIGNATURE_BYTES:
            return None
        time = int.from_bytes(signature.content[:TIME_BYTES])
        message = cosigned_message(note.text, time)
        is_it = self._key.signed(signature.content[TIME_BYTES:], message)
        return Cosigned(self.name, time) if is_it else None


class NoteSigner:
    """Signs notes under a name: a log its checkpoints, a witness those of others."""

    def __init__(self, name: str, key: SigningKey, kind: int = ED25519) -> None:
        """Raises `NoteWrong` for a name that a note cannot bear."""
        if NAME.match(name) is None:
            raise NoteWrong(f"a name in a note has no blanks and no +, not {name!r}")
        raw = base64.b64decode(key.public.partition(":")[2])
        self._key, self._kind = key, kind
        self.name, self.id = name, key_id(name, kind, raw)
        encoded = base64.b64encode(bytes([kind]) + raw).decode()
        self.public = f"{name}+{self.id.hex()}+{encoded}"

    def sign(self, text: str, time: int = 0) -> str:
        """Returns a signature line; `time` is a witness's, in POSIX seconds."""
        content = (
            self._key.sign(text.encode())
            if self._kind == ED25519
            else time.to_bytes(TIME_BYTES) + self._key.sign(cosigned_message(text, time))
        )
        return f"\u2014 {self.name} {base64.b64encode(self.id + content).decode()}\n"


def key_id(name: str, kind: int, raw: bytes) -> bytes:
    """Returns the four bytes by which a note names a key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + raw).digest()[:ID_BYTES]


def cosigned_message(text: str, time: int) -> bytes:
    """Returns what a witness signs of a note, with the time at which it does."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def read_note(content: bytes) -> Note:
    """Reads a note. Raises `NoteWrong` for bytes that are none; no signature is checked yet."""
    if len(content) > NOTE_BYTES_MAX:
        raise NoteWrong(f"a note has at most {NOTE_BYTES_MAX} bytes, not {len(content)}")
    try:
        whole = content.decode()
    except UnicodeDecodeError as error:
        raise NoteWrong(f"a note is UTF-8: {error}") from error
    if any(char < " " and char != "\n" for char in whole):
        raise NoteWrong("a note has no control characters but newlines")
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or not text or not lines.endswith("\n"):
        raise NoteWrong("a note is text, an empty line, and signatures, each line ended")
    signatures = [_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > SIGNATURES_MAX:
        raise NoteWrong(f"a note has at most {SIGNATURES_MAX} signatures, not {len(signatures)}")
    return Note(f"{text}\n", signatures)


def signed_by(note: Note, keys: Sequence[NoteKey]) -> list[Cosigned]:
    """Returns whose signatures a note bears, of these keys.

    Raises `NoteWrong` for one under a known key that is not that key's, and where there is none.
    """
    known = {(key.name, key.id): key for key in keys}
    found = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.id))
        if key is None:
            continue
        if (said := key.signed(note, signature)) is None:
            raise NoteWrong(f"the signature under the name of {key.name} is not its own")
        found.append(said)
    if not found:
        raise NoteWrong("no key that is trusted here signed this note")
    return found


def _signature(line: str) -> Signature:
    found = LINE.match(line)
    try:
        raw = base64.b64decode(found["code"], validate=True) if found else b""
    except ValueError:
        raw = b""
    # One signature has one spelling: bits that base64 leaves unused must be zero.
    spelt = found is not None and base64.b64encode(raw).decode() == found["code"]
    if found is None or not spelt or NAME.match(found["name"]) is None or len(raw) <= ID_BYTES:
        raise NoteWrong(f"no signature line: {line[:80]!r}")
    return Signature(found["name"], raw[:ID_BYTES], raw[ID_BYTES:])
