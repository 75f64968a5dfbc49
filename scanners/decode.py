"""Decoding pictures: what each code on them is and means, for people and for programs."""

import base64
from pathlib import Path
from typing import Any

from scanners.gs1 import Meaning, NotUnderstood, Profile, understand
from scanners.reader import Code, UnreadablePicture, load_picture, read_picture


def decode_file(path: Path, profiles: tuple[Profile, ...] = ()) -> dict[str, Any]:
    """Returns `file` and `codes`, or `error` for a file that is no picture."""
    try:
        codes = read_picture(load_picture(path))
    except UnreadablePicture as error:
        return {"file": str(path), "codes": [], "error": str(error)}
    return {"file": str(path), "codes": [describe(code, profiles) for code in codes]}


def describe(code: Code, profiles: tuple[Profile, ...] = ()) -> dict[str, Any]:
    """Returns one code with its status, its bytes and what it means, or why it says nothing."""
    described: dict[str, Any] = {
        "status": code.status,
        "symbology": code.symbology,
        "aim": code.aim,
        "raw": base64.b64encode(code.raw).decode(),
        "text": code.text,
        "votes": code.votes,
    }
    try:
        meaning = understand(code.aim, code.raw, profiles)
    except NotUnderstood as error:
        return described | {"problem": error.problem}
    return described | stated(meaning)


def stated(meaning: Meaning) -> dict[str, Any]:
    """Returns what a meaning states, without what it leaves open."""
    found: dict[str, Any] = {}
    for name, value in meaning._asdict().items():
        if value is not None:
            found[name] = value if isinstance(value, int | str) else str(value)
    return found
