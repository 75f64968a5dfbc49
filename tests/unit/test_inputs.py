"""Inputs: wedge lines, kernel events, folders."""

import io
import os
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scanners import labels
from scanners.inputs import camera
from scanners.inputs.camera import camera_codes
from scanners.inputs.evdev import EVENT, KEYS, SHIFTED, grabbed_lines, typed_lines
from scanners.inputs.folder import new_pictures
from scanners.inputs.serial_port import serial_lines
from scanners.inputs.wedge import classify, lines_of
from scanners.reader import Code, read_picture


def _press(code: int) -> bytes:
    return EVENT.pack(0, 0, 1, code, 1) + EVENT.pack(0, 0, 1, code, 0)


def _typed(text: str) -> bytes:
    plain = {char: code for code, char in KEYS.items() if code < 71 or code > 83}
    shifted = {char: code for code, char in SHIFTED.items()}
    data = b""
    for char in text:
        if char == "\x1d":
            data += EVENT.pack(0, 0, 1, 29, 1) + _press(27) + EVENT.pack(0, 0, 1, 29, 0)
        elif char in plain:
            data += _press(plain[char])
        else:
            data += EVENT.pack(0, 0, 1, 42, 1) + _press(shifted[char]) + EVENT.pack(0, 0, 1, 42, 0)
    return data + _press(28)


@pytest.mark.parametrize(
    "text", ["6901234567892", "]C10106901234567892\x1d10Ab-1", "SY:D:2026-12-01"]
)
def test_what_a_wedge_types_comes_out_of_the_kernel_whole(text: str) -> None:
    assert list(typed_lines(io.BytesIO(_typed(text)))) == [text]


def test_a_kernel_stream_cut_in_the_middle_ends_quietly() -> None:
    assert list(typed_lines(io.BytesIO(_typed("690")[:-30]))) == []


@pytest.mark.parametrize(
    ("text", "aim"),
    [
        ("6901234567892", "]E0"),
        ("96385074", "]E4"),
        ("16901234567899", "]I1"),
        ("]d20106901234567892", "]d2"),
        ("https://x.cn/01/06901234567892", "]Q1"),
        ("SY:C:sell", "]C0"),
        ("261201", None),
        ("0106901234567892\x1d10A", None),
    ],
)
def test_a_line_is_a_scan_only_where_it_is_certain(text: str, aim: str | None) -> None:
    assert classify(text).aim == aim


def test_a_stream_gone_wild_is_cut_into_lines_that_fit_memory() -> None:
    assert max(len(line.text) for line in lines_of(io.StringIO("9" * 100_000 + "\n\n1\n"))) <= 2048


def test_a_folder_gives_every_picture_once(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")

    assert [p.name for p in new_pictures(tmp_path, once=True)] == ["a.jpg", "b.png"]


def test_a_picture_put_into_a_watched_folder_is_read_when_it_is_whole(tmp_path: Path) -> None:
    found: list[Path] = []
    watched = new_pictures(tmp_path)
    (tmp_path / "a.png").write_bytes(b"x")
    found.append(next(watched))

    def arrive() -> None:
        time.sleep(0.2)
        (tmp_path / "b.png").write_bytes(b"half")
        time.sleep(0.2)
        (tmp_path / "b.png").write_bytes(b"half and the rest")

    thread = threading.Thread(target=arrive)
    thread.start()
    found.append(next(watched))

    assert [p.name for p in found] == ["a.png", "b.png"]
    assert found[1].read_bytes() == b"half and the rest"
    thread.join()


def test_a_scanner_on_a_serial_port_sends_lines_in_pieces() -> None:
    ours, theirs = os.openpty()
    lines = serial_lines(os.ttyname(theirs))
    threading.Timer(0.1, os.write, [ours, b"690123456"]).start()
    threading.Timer(
        0.3, os.write, [ours, b"7892\r\n]d20106901234567892\x1d10A\rSY:C:sell\n"]
    ).start()

    found = [next(lines), next(lines), next(lines)]

    assert found == ["6901234567892", "]d20106901234567892\x1d10A", "SY:C:sell"]
    lines.close()
    os.close(ours)


def test_a_port_that_is_not_there_is_named() -> None:
    with pytest.raises(OSError, match="/dev/nowhere"):
        next(serial_lines("/dev/nowhere"))


def test_a_camera_tells_each_code_once_while_it_stays_in_sight(tmp_path: Path) -> None:
    # OpenCV takes numbered pictures for a camera's, so that its loop runs as on a real one.
    for number, lot in enumerate(["A1", "A1", "A1", "B2", "B2"]):
        label = labels.Label("datamatrix", "6901234567892", lot, None, date(2027, 1, 1))
        (tmp_path / f"frame{number:02d}.png").write_bytes(labels.png(label))

    codes = list(camera_codes(str(tmp_path / "frame%02d.png")))

    assert [code.raw[-2:] for code in codes] == [b"A1", b"B2"]


def test_a_label_that_comes_into_focus_before_the_camera_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = labels.png(labels.Label("datamatrix", "6901234567892", "A1"))
    for number in range(3):
        (tmp_path / f"frame{number}.png").write_bytes(picture)
    statuses = iter(["rescan", "single", "sure"])

    def focusing(grey: Any) -> list[Code]:
        return [code._replace(status=next(statuses)) for code in read_picture(grey)]

    monkeypatch.setattr(camera, "read_picture", focusing)

    assert len(list(camera_codes(str(tmp_path / "frame%d.png")))) == 1


def test_a_camera_or_input_device_that_is_none_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "event0").write_bytes(b"")

    with pytest.raises(OSError, match="no camera 63"):
        next(camera_codes("63"))
    with pytest.raises(OSError, match="no input device"):
        next(grabbed_lines(tmp_path / "event0"))
