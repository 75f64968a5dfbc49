"""`python -m tests.simulator --seeds N`: many worlds, on every core; failures name their seed."""

import argparse
import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.simulator.checks import check
from tests.simulator.controls import CONTROLS
from tests.simulator.world import World

CHUNK = 50


def failures(seeds: Iterable[int], control: str | None = None) -> list[tuple[int, str]]:
    """Returns the seeds whose worlds break an invariant, each with what broke."""
    with _nothing_logged():
        return list(_failures(seeds, control))


@contextlib.contextmanager
def _nothing_logged() -> Iterator[None]:
    """Lets the crashes of worlds fill no log, and whoever comes after write to theirs."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _failures(seeds: Iterable[int], control: str | None) -> Iterator[tuple[int, str]]:
    for seed in seeds:
        try:
            world = World(seed, CONTROLS[control] if control else None)
            world.run()
            check(world)
        except Exception as error:  # whatever a world dies of is what is looked for
            yield seed, f"{type(error).__name__}: {error}"


def search(first: int, count: int, control: str | None = None) -> list[tuple[int, str]]:
    """Runs seeds `first` to `first + count - 1` on every core."""
    chunks = [
        range(at, min(at + CHUNK, first + count)) for at in range(first, first + count, CHUNK)
    ]
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        found = workers.map(failures, chunks, [control] * len(chunks))
        return [one for some in found for one in some]


def main() -> int:
    """Says what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator")
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--control", choices=sorted(CONTROLS))
    stated = parser.parse_args()
    begun = time.monotonic()
    found = search(stated.first, stated.seeds, stated.control)
    for seed, words in found[:20]:
        print(f"seed {seed}: {words}")
    seconds = round(time.monotonic() - begun)
    print(f"{stated.seeds} worlds from seed {stated.first}, {len(found)} broken, {seconds} s")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
