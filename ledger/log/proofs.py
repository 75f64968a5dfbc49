"""Proofs that stand alone (C2SP tlog-proof): an entry's place in a signed tree, checked offline.

The extra data opens the public part of an event's leaf; see `ledger.values.leaf.PublicOpening`.
"""

import base64
import re
import zlib
from typing import NamedTuple

from ledger.log.checkpoints import Checkpoint, Verified, read_checkpoint, verify_checkpoint
from ledger.log.merkle import HASH_BYTES, ProofWrong, check_inclusion, leaf_hash
from ledger.log.notes import NoteKey, NoteWrong
from ledger.values.leaf import PublicOpening

HEADER = "c2sp.org/tlog-proof@v1"
INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
# A proof beyond these is none: a path is as long as a tree is high.
PROOF_BYTES_MAX, PATH_MAX, EXTRA_BYTES_MAX = 200_000, 63, 100_000


class TlogProof(NamedTuple):
    """A proof as it was read: nothing of it is verified yet."""

    leaf_index: int
    path: list[bytes]
    checkpoint: bytes
    extra: bytes = b""

    def text(self) -> str:
        """Returns the proof as it is passed on."""
        extra = [f"extra {base64.b64encode(self.extra).decode()}"] if self.extra else []
        hashes = [base64.b64encode(one).decode() for one in self.path]
        head = "\n".join([HEADER, *extra, f"index {self.leaf_index}", *hashes])
        return f"{head}\n\n{self.checkpoint.decode()}"


class Proved(NamedTuple):
    """What a proof shows: the entry at a position, and the signed tree it is in."""

    position: int
    leaf: bytes
    opening: PublicOpening
    verified: Verified


def read_proof(content: bytes) -> TlogProof:
    """Reads a proof. Raises `ProofWrong` for bytes that are none."""
    if len(content) > PROOF_BYTES_MAX:
        raise ProofWrong(f"a proof has at most {PROOF_BYTES_MAX} bytes, not {len(content)}")
    try:
        head, gap, checkpoint = content.decode().partition("\n\n")
    except UnicodeDecodeError as error:
        raise ProofWrong(f"a proof is UTF-8: {error}") from error
    lines = head.split("\n")
    if not gap or lines.pop(0) != HEADER:
        raise ProofWrong(
            f"a proof begins with {HEADER}, and an empty line comes before its checkpoint"
        )
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = _bytes(lines.pop(0).removeprefix("extra "))
    found = INDEX.fullmatch(lines.pop(0)) if lines else None
    if found is None:
        raise ProofWrong("a proof says which index it is of, without leading zeroes")
    path = [_bytes(line) for line in lines]
    if len(path) > PATH_MAX or any(len(one) != HASH_BYTES for one in path):
        raise ProofWrong(f"a path has at most {PATH_MAX} hashes of {HASH_BYTES} bytes")
    return TlogProof(int(found[1]), path, checkpoint.encode(), extra)


def origin_of(proof: TlogProof) -> str:
    """Returns whose log a proof says it is of. Raises `ProofWrong` where it says none."""
    try:
        return read_checkpoint(proof.checkpoint)[0].origin
    except NoteWrong as error:
        raise ProofWrong(f"its checkpoint: {error}") from error


def check_proof(proof: TlogProof, log: NoteKey) -> Proved:
    """Returns what a proof shows. Raises `ProofWrong` unless it is of a tree that this log signed."""
    try:
        verified = verify_checkpoint(proof.checkpoint, log)
    except NoteWrong as error:
        raise ProofWrong(f"its checkpoint: {error}") from error
    opening = unpack_opening(proof.extra)
    leaf, tree = opening.leaf(), verified.checkpoint
    check_inclusion(leaf_hash(leaf), proof.leaf_index, tree.size, proof.path, tree.root)
    return Proved(position_of(proof.leaf_index), leaf, opening, verified)


def pack_opening(opening: PublicOpening) -> bytes:
    """Writes an opening as a proof's extra data."""
    fixed = opening.salt + opening.trade + opening.person
    return zlib.compress(fixed + opening.public, 9)


def unpack_opening(extra: bytes) -> PublicOpening:
    """Reads an opening. Raises `ProofWrong` for bytes that are none."""
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(extra, EXTRA_BYTES_MAX)
    except zlib.error as error:
        raise ProofWrong(f"its extra data opens nothing: {error}") from error
    if not inflate.eof or inflate.unused_data or len(raw) < 3 * HASH_BYTES:
        raise ProofWrong("its extra data opens nothing: it is cut off or too long")
    salt, trade, person = (raw[at : at + HASH_BYTES] for at in range(0, 3 * HASH_BYTES, HASH_BYTES))
    return PublicOpening(raw[3 * HASH_BYTES :], salt, trade, person)


def position_of(index: int) -> int:
    """Returns the ledger's position of a leaf: positions count from 1, leaves from 0."""
    return index + 1


def index_of(position: int) -> int:
    """Returns the leaf of a position."""
    return position - 1


def bare(checkpoint: bytes, log: NoteKey) -> bytes:
    """Returns a checkpoint with the log's own signature alone, as small as it can be."""
    found, note = read_checkpoint(checkpoint)
    own = [one for one in note.signatures if (one.name, one.id) == (log.name, log.id)]
    return _note(found, own[0].content, log)


def _note(checkpoint: Checkpoint, signature: bytes, log: NoteKey) -> bytes:
    code = base64.b64encode(log.id + signature).decode()
    return f"{checkpoint.text()}\n\u2014 {log.name} {code}\n".encode()


def _bytes(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ProofWrong(f"not base64: {text[:60]!r}") from error
    if base64.b64encode(raw).decode() != text:
        raise ProofWrong(f"not base64 as it is written: {text[:60]!r}")
    return raw
