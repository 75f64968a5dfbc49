"""Right, wrong and rescan per set of photographs: our vote beside each reader alone.

`python -m tools.reader_report FOLDER` prints a Markdown table; a set is a folder of pictures, each
with a `.txt` beside it that says what it holds.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scanners.reader import UnreadablePicture, load_picture, read_picture, zxing_reads
from scanners.zbar import zbar_reads

ENDINGS = (".png", ".webp", ".jpg", ".jpeg")


def judge(texts: list[str], truth: set[str] | None) -> str:
    """Says `right`, `wrong` or `nothing` of what a reader gave for one picture."""
    if not texts:
        return "nothing"
    return "right" if truth is not None and all(_fits(text, truth) for text in texts) else "wrong"


def _fits(text: str, truth: set[str]) -> bool:
    return bool({text, text.lstrip("0"), text.replace("\r\n", "\n")} & truth)


def _truth(path: Path) -> set[str] | None:
    told = path.with_suffix(".txt")
    if not told.exists():
        return None
    text = told.read_text(encoding="utf-8").strip("\r\n")
    return {text, text.lstrip("0"), text.replace("\r\n", "\n")}


def _vote(picture: Any) -> list[str]:
    return [code.text for code in read_picture(picture) if code.status == "sure"]


READERS: dict[str, Callable[[Any], list[str]]] = {
    "vote": _vote,
    "zxing-cpp": lambda picture: [read.text for read in zxing_reads(picture)],
    "zbar": lambda picture: [read.text for read in zbar_reads(picture)],
}


def main(folder: Path) -> None:
    """Prints the table."""
    out = sys.stdout.write
    out("| set | pictures | vote: right / wrong / rescan | zxing-cpp alone | zbar alone |\n")
    out("|---|---|---|---|---|\n")
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        counts = {name: {"right": 0, "wrong": 0, "nothing": 0} for name in READERS}
        pictures = 0
        for path in sorted(p for p in place.iterdir() if p.suffix in ENDINGS):
            try:
                picture = load_picture(path)
            except UnreadablePicture:
                continue
            if (truth := _truth(path)) is None and not place.name.startswith("false"):
                continue
            pictures += 1
            for name, read in READERS.items():
                counts[name][judge(read(picture), truth)] += 1
        cells = " | ".join(" / ".join(map(str, counts[name].values())) for name in READERS)
        out(f"| {place.name} | {pictures} | {cells} |\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not any(path.is_dir() for path in Path(sys.argv[1]).glob("*")):
        sys.exit("usage: python -m tools.reader_report FOLDER, which holds a folder for each set")
    main(Path(sys.argv[1]))
