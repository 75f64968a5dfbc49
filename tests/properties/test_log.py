"""Laws of the transparency log: what was appended is proved, and nothing else is."""

import base64
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log.checkpoints import Checkpoint, read_checkpoint, verify_checkpoint
from ledger.log.merkle import (
    Frontier,
    ProofWrong,
    check_consistency,
    check_inclusion,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_of,
)
from ledger.log.notes import COSIGNATURE, NoteKey, NoteSigner, NoteWrong
from ledger.log.tiles import WIDTH, Tile, TileTree, tiles_between, unpack_entries
from ledger.values.keys import SigningKey

LOG = NoteSigner("log.example/1", SigningKey(bytes(32)))
WITNESS = NoteSigner("witness.example/w", SigningKey(bytes([1]) * 32), COSIGNATURE)
SIZES = st.integers(1, 3 * WIDTH)


@dataclass
class Grown:
    """A tree that was grown leaf by leaf, with every subtree it completed and every root it had."""

    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)
    roots: list[bytes] = field(default_factory=list)

    def node_at(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def tile(self, tile: Tile) -> bytes:
        first = tile.number * WIDTH
        return b"".join(self.nodes[tile.level * 8, first + n] for n in range(tile.width))


def grown(size: int) -> Grown:
    tree, frontier = Grown(), Frontier()
    tree.roots.append(frontier.root())
    for index in range(size):
        leaf = leaf_hash(index.to_bytes(4))
        tree.nodes[0, index] = leaf
        for level, found in frontier.append(leaf):
            tree.nodes[level, index >> level] = found
        tree.roots.append(frontier.root())
    return tree


TREE = grown(3 * WIDTH)


def fails(check: object, *about: object) -> bool:
    try:
        check(*about)  # type: ignore[operator]  # a check
    except ProofWrong:
        return True
    return False


@given(SIZES, st.data())
def test_every_leaf_is_proved_in_every_tree_it_is_in_and_at_no_other_place(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index)) if size > 1 else None
    leaf, root = TREE.nodes[0, index], TREE.roots[size]
    path = prove_inclusion(TREE.node_at, index, size)

    check_inclusion(leaf, index, size, path, root)
    if other is not None:
        assert fails(check_inclusion, leaf, other, size, path, root)
        assert fails(check_inclusion, TREE.nodes[0, other], index, size, path, root)


@given(SIZES, st.data())
def test_every_growth_is_proved_and_a_flipped_bit_in_its_proof_is_noticed(
    size: int, data: st.DataObject
) -> None:
    former = data.draw(st.integers(1, size))
    path = prove_consistency(TREE.node_at, former, size)
    roots = TREE.roots[former], TREE.roots[size]

    check_consistency(former, size, path, *roots)
    for other in (bytes(32), TREE.roots[former - 1]):
        assert fails(check_consistency, former, size, path, other, roots[1])
        assert fails(check_consistency, former, size, path, roots[0], other)
    for at in range(len(path)):
        bit = data.draw(st.integers(0, 255))
        spoilt = (int.from_bytes(path[at]) ^ 1 << bit).to_bytes(32)
        assert fails(check_consistency, former, size, [*path[:at], spoilt, *path[at + 1 :]], *roots)
    assert fails(check_consistency, former, size, [*path, bytes(32)], *roots)


@given(SIZES, st.data())
@settings(deadline=None)
def test_a_tree_is_read_out_of_the_tiles_that_its_growth_published(
    size: int, data: st.DataObject
) -> None:
    former = data.draw(st.integers(0, size))
    files = {
        tile.path(): TREE.tile(tile)
        for steps in ((0, former), (former, size)) for tile in tiles_between(*steps)
    }  # fmt: skip

    tree = TileTree(lambda tile: files[tile.path()], size)

    assert root_of(tree.node_at, 0, size) == TREE.roots[size]
    index = data.draw(st.integers(0, size - 1))
    assert prove_inclusion(tree.node_at, index, size) == prove_inclusion(TREE.node_at, index, size)


@given(st.integers(0, 3 * WIDTH), st.integers(0, 2**40))
def test_a_checkpoint_is_believed_with_its_logs_signature_alone(size: int, time: int) -> None:
    text = Checkpoint(LOG.name, size, TREE.roots[size]).text()
    content = f"{text}\n{LOG.sign(text)}{WITNESS.sign(text, time)}".encode()
    log, witness = NoteKey(LOG.public), NoteKey(WITNESS.public)

    found = verify_checkpoint(content, log, [witness])

    assert found.checkpoint == read_checkpoint(content)[0]
    assert [(one.name, one.time) for one in found.witnesses] == [(WITNESS.name, time)]
    grown_text = text.replace(f"\n{size}\n", f"\n{size + 1}\n")
    with pytest.raises(NoteWrong):
        verify_checkpoint(content.replace(text.encode(), grown_text.encode()), log)
    foreign = Checkpoint("log.example/2", size, TREE.roots[size]).text()
    with pytest.raises(NoteWrong, match="not of"):
        verify_checkpoint(f"{foreign}\n{LOG.sign(foreign)}".encode(), log)
    other = NoteSigner(LOG.name, SigningKey(bytes([2]) * 32))
    with pytest.raises(NoteWrong):
        verify_checkpoint(content, NoteKey(other.public))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n\n", b"log\n1\nAAAA\n", "log\n1\n\n— log AAAA\n".encode(), b"\xff\xfe",
        "log\n01\nx\n\n— log AAAAAAAA\n".encode(), b"log\n1\nx\n\n-- log AAAAAAAA\n",
        "log\n-1\nAAAA\n\n— log AAAAAAAA\n".encode(), "log\r\n1\nx\n\n— log AAAAAAAA\n".encode(),
        f"log\n{10**19}\n{base64.b64encode(bytes(32)).decode()}\n\n— log AAAAAAAA\n".encode(),
        b"x" * 200_000,
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(NoteWrong):
        read_checkpoint(content)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_readers(content: bytes) -> None:
    for read in (read_checkpoint, lambda found: unpack_entries(Tile(-1, 0, 3), found)):
        try:
            read(content)
        except (NoteWrong, ProofWrong):
            continue


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader_of_keys(text: str) -> None:
    try:
        assert NoteKey(text).text == text.strip()
    except NoteWrong:
        return


def test_a_signature_has_one_spelling() -> None:
    text = Checkpoint(LOG.name, 3, bytes(32)).text()
    note = f"{text}\n{LOG.sign(text)}"
    key = NoteKey(LOG.public)
    assert verify_checkpoint(note.encode(), key).checkpoint.size == 3

    # The last character before the padding has bits that decode to nothing.
    assert note.endswith("=\n")
    last = note[-3]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(last) ^ 1]
    again = f"{note[:-3]}{other}=\n"
    assert base64.b64decode(again.rsplit(maxsplit=1)[-1]) == base64.b64decode(
        note.rsplit(maxsplit=1)[-1]
    )
    with pytest.raises(NoteWrong, match="no signature line"):
        verify_checkpoint(again.encode(), key)
