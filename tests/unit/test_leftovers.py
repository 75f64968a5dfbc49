"""Leftovers: what a killed suyuan left is ended, and nobody else."""

import json
import os
import subprocess
import sys
from pathlib import Path

from suyuan.parts import leftovers

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_what_a_killed_suyuan_started_is_ended(tmp_path: Path) -> None:
    left = subprocess.Popen(SLEEP)
    owner = subprocess.Popen(SLEEP)
    leftovers.note(tmp_path, [left.pid])
    noted = json.loads((tmp_path / leftovers.FILE).read_text())
    # Stands for the suyuan that noted it, which somebody then killed.
    born = leftovers._born(owner.pid)
    (tmp_path / leftovers.FILE).write_text(json.dumps([[owner.pid, born], *noted[1:]]))

    assert leftovers.end(tmp_path) == 0, "its suyuan still runs"
    owner.kill()
    owner.wait()
    assert leftovers.end(tmp_path) == 1

    assert left.wait(5) != 0
    assert not (tmp_path / leftovers.FILE).exists()


def test_another_process_that_got_the_same_number_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(SLEEP)
    born = leftovers._born(other.pid)
    assert born is not None
    (tmp_path / leftovers.FILE).write_text(json.dumps([[1, 1], [other.pid, born - 1]]))

    assert leftovers.end(tmp_path) == 0

    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_note_nobody_can_read_ends_nothing(tmp_path: Path) -> None:
    for text in ("", "[]", "{", "[[1]]"):
        (tmp_path / leftovers.FILE).write_text(text)
        assert leftovers.end(tmp_path) == 0
    assert os.getpid()


def test_a_second_suyuan_does_not_take_the_firsts_note_away(tmp_path: Path) -> None:
    (tmp_path / leftovers.FILE).write_text(json.dumps([[1, 1], [2, 2]]))

    leftovers.forget(tmp_path)
    assert (tmp_path / leftovers.FILE).exists()

    leftovers.note(tmp_path, [])
    leftovers.forget(tmp_path)
    assert not (tmp_path / leftovers.FILE).exists()
