"""Real photographs: no wrong sure read, nothing read where nothing is."""

from pathlib import Path

import pytest

from scanners.reader import UnreadablePicture, load_picture, read_picture

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"
SETS = ["code128-2", "datamatrix-1", "ean13-1", "qrcode-2", "rssexpanded-1", "upca-2", "upca-5"]
pytestmark = pytest.mark.skipif(
    not PHOTOS.exists(),
    reason=f"no photographs in {PHOTOS}: sets of the zxing-cpp project's test samples",
)


def _pictures(name: str) -> list[Path]:
    endings = (".png", ".webp", ".jpg")
    return sorted(p for p in (PHOTOS / name).iterdir() if p.suffix in endings)


def _truths(path: Path) -> set[str] | None:
    text = path.with_suffix(".txt")
    if not text.exists():
        return None
    told = text.read_text(encoding="utf-8").strip("\r\n")
    return {told, told.lstrip("0"), told.replace("\n", "\r\n")}


@pytest.mark.parametrize("name", SETS)
def test_no_photograph_is_read_surely_and_wrongly(name: str) -> None:
    wrong, right = [], 0
    for path in _pictures(name):
        truths = _truths(path)
        for code in read_picture(load_picture(path)) if truths else []:
            if code.status != "sure":
                continue
            fits = code.text in truths or code.text.lstrip("0") in truths
            right += fits
            if not fits:
                wrong.append((path.name, code.text))

    assert wrong == []
    assert right >= len(_pictures(name)) // 2


def test_nothing_is_read_on_pictures_without_a_code() -> None:
    read = []
    for path in _pictures("falsepositives-1"):
        try:
            read += read_picture(load_picture(path))
        except UnreadablePicture:
            continue

    assert read == []
