"""Verbs of pictures: what a code says, labels to print."""

import argparse
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from suyuan.commands import Failed, day, today

COPIES_MAX = 300
DATES_MAX = 400


def add_decode(verbs: Any) -> None:
    """`decode`: what a picture says."""
    verb = verbs.add_parser("decode", help="say what the codes on pictures are and mean")
    verb.add_argument("files", type=Path, nargs="+", metavar="FILE")
    verb.add_argument("--profiles", type=Path, help="a shop's in-store codes, as TOML")
    verb.add_argument("--json", action="store_true", help="one JSON object per file")
    verb.set_defaults(run=run_decode)


def run_decode(stated: argparse.Namespace) -> int:
    """Decodes pictures; fails when one of the files is no picture."""
    from scanners.decode import decode_file
    from scanners.profiles import read_profiles

    try:
        profiles = read_profiles(stated.profiles) if stated.profiles else ()
    except (ValueError, OSError) as error:
        raise Failed(str(error)) from error
    failed = False
    for path in stated.files:
        found = decode_file(path, profiles)
        failed = failed or "error" in found
        if stated.json:
            print(json.dumps(found, ensure_ascii=False))
        else:
            _print_decoded(found)
    return int(failed)


def add_label(verbs: Any) -> None:
    """`label`: labels to print."""
    verb = verbs.add_parser("label", help="write a label, or a sheet of them, to print")
    verb.add_argument("out", type=Path, help="ends in .svg, .png or .html (a sheet)")
    verb.add_argument("--kind", default="gs1-128", choices=[
        "ean13", "code128", "gs1-128", "databar", "databar-expanded", "datamatrix", "qr"])  # fmt: skip
    verb.add_argument("--gtin", help="8 to 14 digits")
    verb.add_argument("--lot")
    verb.add_argument("--produced", type=day, help="YYYY-MM-DD")
    verb.add_argument("--expires", type=day, help="YYYY-MM-DD")
    verb.add_argument("--title", default="")
    verb.add_argument("--host", default="localhost", help="the kiosk's host, for qr")
    verb.add_argument("--copies", type=int, default=1)
    verb.add_argument("--dates", type=int, default=0, metavar="DAYS",
                      help="instead: the sheet of date barcodes for so many days")  # fmt: skip
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_label)


def run_label(stated: argparse.Namespace) -> int:
    """Writes a label or a sheet."""
    try:
        content = _date_sheet(stated) if stated.dates else _label(stated)
        stated.out.write_bytes(content if isinstance(content, bytes) else content.encode())
    except (ValueError, OSError) as error:
        raise Failed(str(error)) from error
    words = {"file": str(stated.out), "bytes": stated.out.stat().st_size}
    print(json.dumps(words) if stated.json else f"{stated.out} is ready to print")
    return 0


def _date_sheet(stated: argparse.Namespace) -> str:
    from scanners import labels

    if not 1 <= stated.dates <= DATES_MAX:
        raise ValueError(f"a sheet has 1 to {DATES_MAX} dates, not {stated.dates}")
    if stated.out.suffix != ".html":
        raise ValueError(f"a sheet of dates ends in .html, not {stated.out.suffix!r}")
    days = [today() + timedelta(days=n) for n in range(stated.dates)]
    words = (
        "receive",
        "sell",
        "return",
        "take-back",
        "dispose",
        "use",
        "count",
        "same",
        "skip",
        "undo",
    )
    return labels.date_sheet(days, [(word, word) for word in words])


def _label(stated: argparse.Namespace) -> str | bytes:
    from scanners import labels

    if stated.gtin is None:
        raise ValueError("a label needs --gtin")
    label = labels.Label(
        stated.kind, stated.gtin, stated.lot, stated.produced, stated.expires,
        stated.title, stated.host,
    )  # fmt: skip
    labels.check(label)
    match stated.out.suffix:
        case ".svg" | ".png" if stated.copies != 1:
            raise ValueError(f"several copies go on a sheet: name it .html, not {stated.out.name}")
        case ".svg":
            return labels.svg(label)
        case ".png":
            return labels.png(label)
        case ".html":
            if not 1 <= stated.copies <= COPIES_MAX:
                raise ValueError(f"a sheet has 1 to {COPIES_MAX} labels, not {stated.copies}")
            return labels.sheet([label] * stated.copies, label.title or "Labels")
    raise ValueError(f"a label ends in .svg, .png or .html, not {stated.out.suffix!r}")


def _print_decoded(found: dict[str, Any]) -> None:
    print(found["file"])
    if "error" in found:
        print(f"  {found['error']}")
    elif not found["codes"]:
        print("  no code seen")
    for code in found["codes"]:
        known = ("status", "symbology", "aim", "raw", "votes", "text")
        meaning = {name: value for name, value in code.items() if name not in known}
        print(f"  {code['status']:<7} {code['symbology']} {code['aim']} {code['text']!r}")
        for name, value in meaning.items():
            print(f"          {name}: {value}")


VERBS = [add_decode, add_label]
