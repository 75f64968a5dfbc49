"""Inputs: wedge lines, kernel events, folders."""

import io
from pathlib import Path

import pytest

from scanners.inputs.evdev import EVENT, KEYS, SHIFTED, typed_lines
from scanners.inputs.folder import new_pictures
from scanners.inputs.wedge import classify, lines_of


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
