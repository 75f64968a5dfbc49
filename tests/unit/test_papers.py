"""Papers of strangers: what is drawn anew, what is left behind, and what is refused with a reason."""

import io
import os
import time

import pypdf
import pypdfium2
import pytest
from PIL import Image

from ledger.papers import apart
from ledger.papers.apart import PaperReader
from ledger.papers.copies import PAGES_MAX, Unfit
from ledger.papers.kinds import HEIC, JPEG, PDF, PNG, kind_of
from ledger.papers.pdfs import readable
from ledger.papers.reading import read_paper
from tests.support import paper_files as files

GOOD = {
    JPEG: files.picture(),
    PNG: files.picture("PNG"),
    HEIC: files.picture("HEIF"),
    PDF: files.pdf(),
}


@pytest.fixture(scope="module")
def reader() -> PaperReader:
    return PaperReader()


@pytest.mark.parametrize("media", GOOD)
def test_a_copy_is_drawn_anew_and_says_nothing_of_whom_and_where(
    reader: PaperReader, media: str
) -> None:
    content = GOOD[media]
    if media != HEIC:
        assert b"Zhang" in content

    copy = reader.read(content)

    assert kind_of(content) == media
    assert copy.media == (PDF if media == PDF else JPEG)
    assert kind_of(copy.content) == copy.media
    assert b"Zhang" not in copy.content
    if media != PDF:
        with Image.open(io.BytesIO(copy.content)) as drawn:
            assert not drawn.getexif()
            assert "comment" not in drawn.info


def test_a_telephones_picture_stands_upright(reader: PaperReader) -> None:
    copy = reader.read(files.picture(size=(320, 240)))

    with Image.open(io.BytesIO(copy.content)) as drawn:
        assert drawn.size == (240, 320)


def test_what_shows_through_is_white(reader: PaperReader) -> None:
    made = io.BytesIO()
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(made, "PNG")

    with Image.open(io.BytesIO(reader.read(made.getvalue()).content)) as drawn:
        assert drawn.getpixel((20, 20)) == (255, 255, 255)


def test_a_pdfs_text_can_be_searched_and_its_copy_holds_pictures_alone(reader: PaperReader) -> None:
    copy = reader.read(files.pdf(pages=3))

    assert copy.pages == 3
    assert copy.text.count("Quarantine certificate 2026-0042") == 3
    found = pypdf.PdfReader(io.BytesIO(copy.content))
    assert len(found.pages) == 3
    assert all(not page.extract_text().strip() for page in found.pages)
    assert len(pypdfium2.PdfDocument(copy.content)) == 3
    assert "Zhang" not in str(found.metadata)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no picture of a paper"),
        (b"<svg onload=alert(1)>", "no picture of a paper"),
        (b"GIF89a" + bytes(40), "no picture of a paper"),
        (files.archive(), "no picture of a paper"),
        (GOOD[JPEG][:-40], "damaged or cut off"),
        (GOOD[PNG][:-40], "damaged or cut off"),
        (GOOD[HEIC][:-40], "damaged or cut off"),
        (GOOD[PDF][:-60], "cut off"),
        (GOOD[PDF][:200] + b"%%EOF", "damaged"),
        (GOOD[JPEG] + files.archive(), "an archive at the same time"),
        (GOOD[PDF] + files.archive(), "an archive at the same time"),
        (GOOD[JPEG][:20] + GOOD[PDF], "a PDF at the same time"),
        (GOOD[PNG][:8] + b"<html><script>alert(1)</script>" + GOOD[PNG][8:], "damaged"),
        (GOOD[JPEG][:30] + b"<script>alert(1)</script>" + GOOD[JPEG][30:], "like a web page"),
        (files.opens({"/S": "/JavaScript", "/JS": "app.alert(1)"}), "a script"),
        (files.opens({"/S": "/Launch", "/F": "calc.exe"}), "a program to start"),
        (files.opens({"/S": "/SubmitForm", "/F": "https://evil.example"}), "a form that sends"),
        (files.acting(lambda pdf: pdf.add_attachment("a.exe", b"MZ")), "a file within"),
        (files.acting(files.name_a_script), "a script"),
        (files.locked(), "locked"),
        (files.pdf(pages=PAGES_MAX + 1), f"1 to {PAGES_MAX}"),
        (files.pixel_bomb(), "pixels"),
    ],
)  # fmt: skip
def test_what_is_no_plain_paper_is_refused_with_a_reason(content: bytes, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        read_paper(content)


def test_a_film_behind_a_telephones_picture_is_left_behind(reader: PaperReader) -> None:
    film = b"\0\0\0\x18ftypmp42" + os.urandom(5000)

    copy = reader.read(GOOD[JPEG] + film)

    assert b"ftypmp42" not in copy.content


def test_a_bomb_ends_its_own_process_and_nothing_else(reader: PaperReader) -> None:
    begun = time.monotonic()

    with pytest.raises(Unfit, match=r"memory|damaged|parts"):
        reader.read(files.stream_bomb())

    assert time.monotonic() - begun < apart.TIME_S + 5
    assert reader.read(GOOD[JPEG]).media == JPEG


def test_who_takes_too_long_is_ended_with_all_that_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apart, "TIME_S", 0.05)

    with pytest.raises(Unfit, match="more memory or time"):
        PaperReader().read(GOOD[JPEG])


def test_a_crowd_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "WAIT_S", 0.01)
    crowded = PaperReader()
    for _ in range(apart.AT_ONCE):
        crowded._room.acquire()

    with pytest.raises(apart.Busy, match="in a moment"):
        crowded.read(GOOD[JPEG])


def test_text_is_kept_as_people_read_it() -> None:
    assert readable("动物\x00检疫\u200b 合格\n\n证明 ＡＢ") == "动物 检疫 合格 证明 AB"
