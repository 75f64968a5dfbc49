"""Fuzzes one parser under atheris: `python -m tests.fuzz NAME [--runs N | --seconds S]`.

Ends with 0, and libFuzzer's own count of inputs, when nothing but the named refusals was raised. What broke a parser is kept as a file, and
is read again by `--input FILE`.
"""

import argparse
import contextlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ledger", "scanners"]):
    from tests.fuzz.targets import TARGETS

FOLDER = Path(__file__).parents[2] / ".var" / "fuzz"
INPUT_BYTES_MAX = {"uploads": 20_000, "imports": 20_000}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=TARGETS)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--input", type=Path)
    stated = parser.parse_args()
    target = TARGETS[stated.name]

    def one(content: bytes) -> None:
        with contextlib.suppress(*target.refuses):
            target.run(content)

    if stated.input is not None:
        one(stated.input.read_bytes())
        print("nothing is wrong with it")
        return
    corpus, broken = FOLDER / stated.name, FOLDER / "broken"
    for folder in (corpus, broken):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    runs = stated.runs if stated.runs is not None else target.runs
    seconds = stated.seconds if stated.seconds is not None else target.seconds
    if stated.runs is not None and stated.seconds is None:
        seconds = 0
    words = [
        sys.argv[0], str(corpus), f"-artifact_prefix={broken}/{stated.name}-", "-timeout=30",
        "-rss_limit_mb=4096", "-verbosity=0", f"-max_len={INPUT_BYTES_MAX.get(stated.name, 4096)}",
        "-print_final_stats=1",
    ]  # fmt: skip
    words += [f"-runs={runs}"] if runs else []
    words += [f"-max_total_time={seconds}"] if seconds else []
    atheris.Setup(words, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
