"""In-store code profiles: how a shop's scales lay out its own codes, from a file onto the tape."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from scanners.gs1 import Profile
from scanners.tape import Tape

EXAMPLE = '[[profile]] with prefix = "21", item_digits = 5, value = "weight_g"'


def read_profiles(path: Path) -> tuple[Profile, ...]:
    """Reads profiles from TOML. Raises `ValueError` with what to write instead, or `OSError`."""
    try:
        stated: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        found = msgspec.convert(stated.get("profile"), tuple[Profile, ...])
    except (
        tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError, RecursionError
    ) as error:  # fmt: skip
        raise ValueError(f"{path}: {error}; write {EXAMPLE}") from error
    prefixes = [profile.prefix for profile in found]
    problems = [problem for profile in found if (problem := profile.problem())]
    if len(set(prefixes)) < len(prefixes):
        problems.append("a prefix stands twice")
    if problems:
        raise ValueError(f"{path}: {problems[0]}; write {EXAMPLE}")
    return found


def keep_profiles(tape: Tape, merchant: str, profiles: tuple[Profile, ...]) -> None:
    """Remembers a merchant's profiles on the scanner."""
    tape.put(f"profiles:{merchant}", msgspec.json.encode(profiles).decode())


def profiles_of(tape: Tape, merchant: str | None) -> tuple[Profile, ...]:
    """Returns the profiles a merchant set on this scanner, none for nobody."""
    stored = None if merchant is None else tape.get(f"profiles:{merchant}")
    return msgspec.json.decode(stored, type=tuple[Profile, ...]) if stored else ()
