"""Reading pictures: what we print we read, and two voices decide."""

import struct
import zlib
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from scanners.decode import decode_file
from scanners.gs1 import understand
from scanners.labels import Label, date_sheet, picture, png, sheet, svg
from scanners.reader import UnreadablePicture, _vote, load_picture, read_picture
from scanners.zbar import Read

FULL = {"lot": "A-24/11", "produced": date(2026, 11, 1), "expires": date(2026, 12, 1)}


@pytest.mark.parametrize("kind", ["gs1-128", "databar-expanded", "datamatrix", "qr"])
def test_a_printed_label_is_read_surely_with_lot_and_dates(kind: str) -> None:
    codes = read_picture(picture(Label(kind, "06901234567892", **FULL)))  # type: ignore[arg-type]

    meaning = understand(codes[0].aim, codes[0].raw)
    assert [code.status for code in codes] == ["sure"]
    assert (meaning.gtin, meaning.lot) == ("06901234567892", "A-24/11")
    assert (meaning.produced, meaning.expires) == (date(2026, 11, 1), date(2026, 12, 1))


@pytest.mark.parametrize("kind", ["ean13", "databar"])
def test_a_label_of_the_product_alone_is_read_surely(kind: str) -> None:
    codes = read_picture(picture(Label(kind, "06901234567892")))  # type: ignore[arg-type]

    assert [code.status for code in codes] == ["sure"]
    assert understand(codes[0].aim, codes[0].raw).gtin == "06901234567892"


def test_two_labels_on_one_picture_are_both_read() -> None:
    upper = picture(Label("qr", "06901234567892", "A1"))
    lower = picture(Label("qr", "06901234000016", "B2"))
    both = np.full((upper.shape[0] * 2 + 40, upper.shape[1] + 40), 255, np.uint8)
    both[10 : 10 + upper.shape[0], 10 : 10 + upper.shape[1]] = upper
    both[-lower.shape[0] - 10 : -10, 10 : 10 + lower.shape[1]] = lower

    lots = [understand(code.aim, code.raw).lot for code in read_picture(both)]

    assert lots == ["A1", "B2"]


def test_noise_is_no_code() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 400), np.uint8)

    assert [code for code in read_picture(noise) if code.status == "sure"] == []


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n truncated"])
def test_a_file_that_is_no_picture_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)

    with pytest.raises(UnreadablePicture, match="no picture"):
        load_picture(path)
    assert "error" in decode_file(path)


def test_decode_says_what_each_code_is_and_means(tmp_path: Path) -> None:
    path = tmp_path / "label.png"
    path.write_bytes(png(Label("datamatrix", "06901234567892", **FULL)))

    (code,) = decode_file(path)["codes"]

    assert code["status"] == "sure"
    assert code["aim"] == "]d2"
    assert (code["gtin"], code["lot"], code["expires"]) == (
        "06901234567892",
        "A-24/11",
        "2026-12-01",
    )


def test_sheets_to_print_hold_their_codes_and_nothing_from_elsewhere() -> None:
    page = sheet([Label("qr", "06901234567892", "A1", title="牛奶")] * 3, "今日标签")
    dates = date_sheet([date(2026, 12, 1)], [("receive", "进货")])

    assert page.count("<svg") == 3
    assert "牛奶" in page
    assert dates.count("<svg") == 2
    assert "http" not in page.replace("http://www.w3.org", "")
    assert svg(Label("ean13", "06901234567892")).startswith("<?xml")


def test_a_label_with_a_lot_its_code_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="brackets"):
        svg(Label("datamatrix", "06901234567892", "A(1)"))


def _seen(*raws: bytes, aim_known: bool = True) -> list[Read]:
    box = (10.0, 10.0, 200.0, 60.0)
    return [Read("EAN13", "]E0", raw, raw.decode(), box, aim_known) for raw in raws]


@pytest.mark.parametrize(
    ("reads", "status"),
    [
        (_seen(b"6901234567892"), "single"),
        (_seen(b"6901234567892", b"6901234567892"), "sure"),
        (_seen(b"6901234567892", b"6901234567892", b"6901234000016"), "rescan"),
        (_seen(b"6901234567892", b"6901234000016"), "rescan"),
        (_seen(b"6901234567892", b"6901234567892", aim_known=False), "single"),
    ],
)
def test_one_voice_is_not_sure_and_a_contradiction_asks_for_a_rescan(
    reads: list[Read], status: str
) -> None:
    assert _vote(reads).status == status


def test_a_small_file_that_says_a_huge_picture_is_refused_before_it_is_unpacked(
    tmp_path: Path,
) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    bomb += struct.pack(">I", zlib.crc32(chunk)) + struct.pack(">I", 0) + b"IDAT"
    (tmp_path / "bomb.png").write_bytes(bomb)

    with pytest.raises(UnreadablePicture, match="megapixels"):
        load_picture(tmp_path / "bomb.png")
