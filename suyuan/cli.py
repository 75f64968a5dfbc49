"""The command people type."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ledger.errors import LedgerError
from suyuan import commands
from suyuan.commands import (
    alerting,
    areas,
    auditing,
    correcting,
    devices,
    holding,
    importing,
    joining,
    ledgers,
    merging,
    papers,
    pictures,
    proving,
    recalling,
    repacking,
    requesting,
    scanning,
    signing_in,
    tracing,
    vouching,
)


class VerbParser(argparse.ArgumentParser):
    """A parser, and those of its verbs, that takes no word for another because it begins alike."""

    def __init__(self, **more: Any) -> None:
        super().__init__(allow_abbrev=False, **more)


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser; each verb comes with its own words."""
    parser = VerbParser(
        prog="suyuan",
        description="Suyuan 溯源: a food-safety ledger that a stranger can audit.",
        epilog="Every verb takes --json and exits with 1 on failure, with 2 on wrong words.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    edge = (
        *joining.VERBS,
        *devices.VERBS,
        *scanning.VERBS,
        *papers.VERBS,
        *correcting.VERBS,
        *pictures.VERBS,
        *ledgers.VERBS,
        *signing_in.VERBS,
        *alerting.VERBS,
        *importing.VERBS,
        *vouching.VERBS,
        *repacking.VERBS,
        *merging.VERBS,
        *areas.VERBS,
        *tracing.VERBS,
        *holding.VERBS,
        *recalling.VERBS,
        *auditing.VERBS,
        *proving.VERBS,
    )
    for add in (*edge, *_server_verbs()):
        add(verbs)
    return parser


def _server_verbs() -> list[Callable[[Any], None]]:
    """The verbs of a ledger; a device with the `[scanner]` extra alone does without them."""
    try:
        from suyuan.commands import (
            backing,
            bundling,
            erasing,
            keys,
            loading,
            mocking,
            people,
            running,
            upkeep,
            witnessing,
        )
    except ImportError:
        return []
    modules = (
        running,
        upkeep,
        backing,
        erasing,
        keys,
        loading,
        mocking,
        bundling,
        witnessing,
        people,
    )
    return [add for module in modules for add in module.VERBS]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a verb and returns its exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # A closed terminal ends us as Ctrl-C does: what we started must not outlive us.
        signal.signal(number, signal.default_int_handler)
    stated = build_parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = stated.run
    try:
        requesting.sign(stated)
        return run(stated)
    except (LedgerError, commands.Failed) as error:
        if getattr(stated, "json", False):
            print(json.dumps({"ok": False, "error": str(error)}, ensure_ascii=False))
        else:
            print(f"suyuan {stated.verb}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our lines has enough; Python would complain again when it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
