"""Places: what is said of a folder or a disk that will not do, and what is never touched."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ledger.errors import BadSetting
from suyuan.demo.day import MARKER, empty_folder
from suyuan.parts import cluster, places
from suyuan.parts.cluster import Cluster, server_of


def test_a_demonstration_empties_its_own_folder_and_no_other(tmp_path: Path) -> None:
    mine, other = tmp_path / "demo", tmp_path / "photos"
    empty_folder(mine)
    (mine / "old").touch()
    other.mkdir()
    (other / "holiday.jpg").touch()

    assert sorted(p.name for p in empty_folder(mine).iterdir()) == [MARKER]
    with pytest.raises(BadSetting, match="not a demonstration's folder"):
        empty_folder(other)
    assert (other / "holiday.jpg").exists()


def test_a_second_demonstration_does_not_pull_the_floor_from_under_the_first(
    tmp_path: Path,
) -> None:
    folder = empty_folder(tmp_path / "demo")
    (folder / "postgres").mkdir()
    # A process whose command line names the folder stands for the server.
    pid = os.spawnlp(os.P_NOWAIT, "sleep", str(folder / "postgres"), "20")
    (folder / "postgres" / "postmaster.pid").write_text(f"{pid}\n")
    deadline = time.monotonic() + 5
    while server_of(folder / "postgres") is None and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        with pytest.raises(BadSetting, match=r"runs in .* already"):
            empty_folder(folder)
    finally:
        os.kill(pid, 15)
        os.waitpid(pid, 0)
    assert server_of(folder / "postgres") is None
    assert empty_folder(folder).exists()


def test_a_full_disk_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "FREE_BYTES_MIN", 2**62)

    with pytest.raises(BadSetting, match="MiB left"):
        places.make_folder(tmp_path / "data")


def test_a_folder_that_cannot_be_made_is_said_plainly() -> None:
    with pytest.raises(BadSetting, match="Set SUYUAN_DATA"):
        places.make_folder(Path("/proc/nowhere/data"))


def test_a_deep_folder_gets_a_short_private_place_for_its_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("溯源" * 20)

    found = places.socket_folder(deep, None)

    assert len(str(found)) < 80
    assert found.stat().st_mode & 0o777 == 0o700
    found.rmdir()


def test_no_two_services_are_given_one_port_before_they_listen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = 10_000 + 4 * (os.getpid() % 1_000)
    monkeypatch.setattr(places, "FREE_PORTS", (first, first + 4))
    given = [places.free_port() for _ in range(3)]
    elsewhere = (
        f"from suyuan.parts import places; places.FREE_PORTS = ({first}, {first + 4});"
        " print(places.free_port())"
    )

    done = subprocess.run(
        [sys.executable, "-c", elsewhere], capture_output=True, text=True, check=True
    )

    assert sorted([*given, int(done.stdout)]) == [first, first + 1, first + 2, first + 3]
    # Its process is over, so the fourth is free again, and then none.
    given.append(places.free_port())
    with pytest.raises(BadSetting, match="no port is free"):
        places.free_port()


def test_a_database_that_takes_long_to_end_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(flush=True); time.sleep(30)"
    found = Cluster(tmp_path)
    found.process = process = subprocess.Popen([sys.executable, "-c", slow], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    monkeypatch.setattr(cluster, "STOP_S", 0.1)

    found.stop()

    assert process.poll() is None
    assert "it ends by itself" in caplog.text
    process.kill()
    process.wait()
