"""The log's formats against official vectors: RFC 6962 proofs, and a test log made by another program.

They stand beside the project (`shared/vectors`), not in it.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ledger.log.checkpoints import Checkpoint, read_checkpoint, verify_checkpoint
from ledger.log.merkle import (
    Frontier,
    ProofWrong,
    check_consistency,
    check_inclusion,
    leaf_hash,
    root_of,
)
from ledger.log.notes import NoteKey, NoteSigner
from ledger.log.tiles import Tile, TileTree, check_entries, hashes_of, pack_entries, unpack_entries
from ledger.values.keys import SigningKey

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "tlog"
LOG = VECTORS / "tessera" / "log"
ORIGIN = "example.com/log/testdata"
# The test log's own keys, which its authors publish for tests.
LOG_KEY = f"{ORIGIN}+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
LOG_SEED = base64.b64decode("AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg")[1:]
SIZES = range(16)

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="the official vectors are not here")


def vectors(kind: str) -> list[Any]:
    return [
        json.loads(path.read_text()) for path in sorted((VECTORS / "merkle" / kind).rglob("*.json"))
    ]


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def path_of(vector: Any) -> list[bytes]:
    return [raw(one) for one in vector["proof"] or []]


def holds(check: Any, *about: Any) -> bool:
    try:
        check(*about)
    except ProofWrong:
        return False
    return True


def published(tile: Tile) -> bytes:
    return (LOG / tile.path()).read_bytes()


def test_every_official_inclusion_vector_is_decided_as_it_says() -> None:
    found = vectors("inclusion")

    wrong = [
        v["desc"] for v in found
        if holds(check_inclusion, raw(v["leafHash"]), v["leafIdx"], v["treeSize"], path_of(v), raw(v["root"]))
        == v["wantErr"]
    ]  # fmt: skip
    assert (len(found), wrong) == (98, [])


def test_every_official_consistency_vector_is_decided_as_it_says() -> None:
    found = vectors("consistency")

    wrong = [
        v["desc"] for v in found
        if holds(check_consistency, v["size1"], v["size2"], path_of(v), raw(v["root1"]), raw(v["root2"]))
        == v["wantErr"]
    ]  # fmt: skip
    assert (len(found), wrong) == (98, [])


@pytest.mark.parametrize("size", SIZES)
def test_the_test_logs_checkpoints_are_made_again_byte_for_byte(size: int) -> None:
    entries = unpack_entries(Tile(-1, 0, size), published(Tile(-1, 0, size))) if size else []
    frontier = Frontier()
    for entry in entries:
        frontier.append(leaf_hash(entry))

    signer = NoteSigner(ORIGIN, SigningKey(LOG_SEED))
    text = Checkpoint(ORIGIN, size, frontier.root()).text()

    assert signer.public == LOG_KEY
    content = (LOG / f"checkpoint.{size}").read_bytes()
    assert f"{text}\n{signer.sign(text)}".encode() == content
    assert verify_checkpoint(content, NoteKey(LOG_KEY)).checkpoint == read_checkpoint(content)[0]


@pytest.mark.parametrize("size", SIZES[1:])
def test_the_test_logs_tiles_hold_its_entries_and_lead_to_its_root(size: int) -> None:
    bundle, tile = Tile(-1, 0, size), Tile(0, 0, size)
    entries = unpack_entries(bundle, published(bundle))
    checkpoint, _ = read_checkpoint((LOG / f"checkpoint.{size}").read_bytes())

    assert pack_entries(entries) == published(bundle)
    check_entries(tile, entries, hashes_of(tile, published(tile)))
    assert root_of(TileTree(published, size).node_at, 0, size) == checkpoint.root
