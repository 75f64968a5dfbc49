"""Fuzzes parsers under atheris, one after another: `python -m tests.fuzz [NAME …] [--few | --runs N | --seconds S]`.

Ends with 0, and libFuzzer's own count of inputs for each, when nothing but the named refusals was raised. What broke a parser
is kept as a file, and is read again by `--input FILE`.
"""

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import NoReturn

import atheris

with atheris.instrument_imports(include=["ledger", "scanners"]):
    from tests.fuzz.targets import TARGETS, Target

FOLDER = Path(__file__).parents[2] / ".var" / "fuzz"
INPUT_BYTES_MAX = {"uploads": 20_000, "imports": 20_000}


def main() -> int:
    """Fuzzes what is named; each in a process of its own, since libFuzzer ends the one it runs in."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TARGETS))
    long = parser.add_mutually_exclusive_group()
    long.add_argument("--few", action="store_true", help="the short form")
    long.add_argument("--runs", type=int)
    long.add_argument("--seconds", type=int)
    long.add_argument("--input", type=Path, help="read what broke the one that is named")
    stated = parser.parse_args()
    if unknown := set(stated.names) - set(TARGETS):
        parser.error(f"no parser is called {min(unknown)}: {', '.join(TARGETS)}")
    if stated.input is not None:
        if len(stated.names) != 1:
            parser.error("name the one parser that shall read it")
        _one(TARGETS[stated.names[0]], stated.input.read_bytes())
        print("nothing is wrong with it")
        return 0
    for name in stated.names or TARGETS:
        target = TARGETS[name]
        runs, seconds = target.runs, target.seconds
        if stated.few or stated.runs is not None or stated.seconds is not None:
            runs = target.few if stated.few else stated.runs or 0
            seconds = stated.seconds or 0
        print(f"== {name}", flush=True)
        child = os.fork()
        if child == 0:
            _fuzz(name, target, runs, seconds)
        if os.waitpid(child, 0)[1] != 0:
            return 1
    return 0


def _one(target: Target, content: bytes) -> None:
    with contextlib.suppress(*target.refuses):
        target.run(content)


def _fuzz(name: str, target: Target, runs: int, seconds: int) -> NoReturn:
    corpus, broken = FOLDER / name, FOLDER / "broken"
    for folder in (corpus, broken):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = [
        sys.argv[0], str(corpus), f"-artifact_prefix={broken}/{name}-", "-timeout=30",
        "-rss_limit_mb=4096", "-verbosity=0", f"-max_len={INPUT_BYTES_MAX.get(name, 4096)}",
        "-print_final_stats=1",
    ]  # fmt: skip
    words += [f"-runs={runs}"] if runs else []
    words += [f"-max_total_time={seconds}"] if seconds else []
    atheris.Setup(words, lambda content: _one(target, content))
    atheris.Fuzz()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
