"""Witnesses: one that forgot is refused, and one that dawdles holds nobody up."""

import socket
import threading
import time
from pathlib import Path

import pytest

from ledger.errors import BadSetting
from ledger.log.checkpoints import Checkpoint
from ledger.log.notes import NoteKey
from ledger.publisher.cosigning import DEADLINE_S, witnesses_of
from suyuan.witness import KEY, FolderMemory
from tests.support.published import OneLog, witness


def test_a_witness_remembers_and_one_that_lost_its_memory_is_refused(tmp_path: Path) -> None:
    first = FolderMemory.begin(tmp_path)
    first.keep(Checkpoint("log.example/1", 5, bytes(32)), b"note")
    (tmp_path / KEY).write_bytes(bytes(32))
    with pytest.raises(BadSetting, match="another witness works"):
        FolderMemory.begin(tmp_path)
    first._held.close()

    again = FolderMemory.begin(tmp_path)
    assert again.last("log.example/1") == Checkpoint("log.example/1", 5, bytes(32))
    again._held.close()

    for damage in ("{", None):
        if damage is None:
            (tmp_path / "witnessed.json").unlink()
        else:
            (tmp_path / "witnessed.json").write_text(damage)
        with pytest.raises(BadSetting, match="gone or damaged"):
            FolderMemory.begin(tmp_path)


def test_a_witness_that_answers_drop_by_drop_holds_no_checkpoint_up() -> None:
    log = OneLog([bytes(32)])
    said = log.publish()
    _, key, _ = witness(log)
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def dawdle() -> None:
        near, _ = listening.accept()
        near.recv(10_000)
        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n" + bytes(9000):
            if ended.wait(0.2):
                return
            near.send(bytes([byte]))

    threading.Thread(target=dawdle, daemon=True).start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    cosign = witnesses_of(f"{url} {key.text}", log.files)

    begun = time.monotonic()
    assert cosign(said) == []
    assert cosign(said) == []
    assert time.monotonic() - begun < 2 * DEADLINE_S + 2
    ended.set()
    listening.close()
    assert NoteKey(key.text).name == "witness.example/1"
