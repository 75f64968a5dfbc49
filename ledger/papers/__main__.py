"""The process in which a paper is read: `python -m ledger.papers`, bytes in, a clean copy out.

It holds no secret, can open nothing more once it reads, and may take little memory and time. Where the
service runs as root it goes on as nobody; elsewhere it is the service's own user, with no way to a file.
"""

import codecs
import io
import json
import os
import resource
import sys

from ledger.papers.copies import Unfit
from ledger.papers.reading import read_paper

# All that is drawn at once: a picture of 120 million pixels, twice.
MEMORY_BYTES, TIME_S = 1536 * 1024 * 1024, 20
NOBODY = 65534
# In which PDFs and pictures hold their texts.
ENCODINGS = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-be", "latin-1", "ascii",
    "cp1252", "mac-roman", "gbk", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "charmap",
    "unicode_escape", "idna",
)  # fmt: skip


def load() -> None:
    """Loads all that reading needs, by reading one of each kind: later no file can be opened."""
    import pillow_heif
    from PIL import Image

    for name in ENCODINGS:
        codecs.lookup(name)
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    for form in ("JPEG", "PNG", "HEIF", "PDF"):
        made = io.BytesIO()
        Image.new("RGBA" if form == "PNG" else "RGB", (16, 16)).save(made, form)
        read_paper(made.getvalue())


def confine() -> None:
    """Gives up what reading does not need."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, TIME_S),
        (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 0),
    ):  # fmt: skip
        resource.setrlimit(kind, (most, most))


def main() -> None:
    """Reads one paper."""
    load()
    confine()
    content = sys.stdin.buffer.read()
    try:
        copy = read_paper(content)
    except Unfit as error:
        sys.stdout.buffer.write(json.dumps({"refused": str(error)}).encode() + b"\n")
        return
    told = {"media": copy.media, "pages": copy.pages, "text": copy.text}
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + copy.content)


if __name__ == "__main__":
    main()
