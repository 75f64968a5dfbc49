"""The command people type."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from ledger.errors import LedgerError
from suyuan import commands

# Which module brings which verbs: whoever types one waits for its module alone, not for all of them.
EDGE: Mapping[str, tuple[str, ...]] = {
    "joining": ("enroll",),
    "devices": ("devices",),
    "scanning": ("scan",),
    "showing": ("kiosk",),
    "papers": ("file",),
    "documents": ("documents",),
    "correcting": ("correct",),
    "pictures": ("decode", "label"),
    "ledgers": ("ledger",),
    "signing_in": ("sign-in", "sign-out", "password", "second-factor"),
    "alerting": ("alerts",),
    "importing": ("import", "feed", "card"),
    "vouching": ("voucher",),
    "repacking": ("repack",),
    "merging": ("merge",),
    "areas": ("area",),
    "tracing": ("trace", "outbreak"),
    "holding": ("hold", "check"),
    "recalling": ("recall",),
    "access_log": ("access-log",),
    "auditing": ("audit",),
    "proving": ("proof", "verify-proof"),
}
# The verbs of a ledger; a device with the `[scanner]` extra alone does without them.
SERVER: Mapping[str, tuple[str, ...]] = {
    "running": ("up", "demo", "simulate", "doctor"),
    "upkeep": ("verify", "rebuild"),
    "benching": ("bench",),
    "backing": ("backup", "restore"),
    "erasing": ("erase",),
    "keys": ("keys",),
    "loading": ("load",),
    "mocking": ("mock",),
    "bundling": ("bundle",),
    "witnessing": ("witness",),
    "people": ("user",),
}

OURS = ("ledger", "query_api", "kiosk_ui", "scanners", "suyuan")


class VerbParser(argparse.ArgumentParser):
    """A parser, and those of its verbs, that takes no word for another because it begins alike."""

    def __init__(self, **more: Any) -> None:
        super().__init__(allow_abbrev=False, **more)


def build_parser(verb: str | None = None) -> argparse.ArgumentParser:
    """Builds the parser with the words of a verb, or of every verb if none is named or it is not known."""
    parser = VerbParser(
        prog="suyuan",
        description="Suyuan 溯源: a food-safety ledger that a stranger can audit.",
        epilog="Every verb takes --json and exits with 1 on failure, with 2 on wrong words.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    modules = {**EDGE, **SERVER}
    named = [module for module, words in modules.items() if verb in words]
    for module in named or modules:
        if (missing := _missing(module)) is None:
            for add in _adders(module):
                add(verbs)
        elif named:
            parser.error(f"{verb} needs {missing}, which is not here: install suyuan[server]")
    return parser


def _adders(module: str) -> Sequence[Callable[[Any], None]]:
    adders: Sequence[Callable[[Any], None]] = import_module(f"suyuan.commands.{module}").VERBS
    return adders


def _missing(module: str) -> str | None:
    """Returns the package of others that a ledger's verbs need and that is not here."""
    try:
        _adders(module)
    except ModuleNotFoundError as error:
        if module in SERVER and error.name and error.name.partition(".")[0] not in OURS:
            return error.name
        raise
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a verb and returns its exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # A closed terminal ends us as Ctrl-C does: what we started must not outlive us.
        signal.signal(number, signal.default_int_handler)
    typed = sys.argv[1:] if arguments is None else arguments
    stated = build_parser(typed[0] if typed else None).parse_args(typed)
    run: Callable[[argparse.Namespace], int] = stated.run
    try:
        if hasattr(stated, "sign"):
            stated.sign(stated)
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
