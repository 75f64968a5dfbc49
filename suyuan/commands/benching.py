"""`bench`: ours against a named anchor, in one run."""

import argparse
import json
from typing import Any

from suyuan.bench import BENCHES


def add_bench(verbs: Any) -> None:
    """`bench`: ours against a named anchor."""
    verb = verbs.add_parser("bench", help="measure ours against a named anchor, in one run")
    verb.add_argument("name", choices=sorted(BENCHES))
    verb.add_argument("--size", choices=["small", "large", "huge"], default="small")
    verb.add_argument("--json", action="store_true", help="the only form there is")
    verb.set_defaults(run=run_bench)


def run_bench(stated: argparse.Namespace) -> int:
    """Prints one JSON line."""
    result = BENCHES[stated.name](stated.size)
    print(json.dumps(result, ensure_ascii=False))
    return 0 if result.get("equal", False) else 1


VERBS = (add_bench,)
