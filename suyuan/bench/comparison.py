"""A comparison: ours against its anchor in one run, with what every bench says of it."""

import os
import statistics
from collections.abc import Sequence
from typing import Any


def comparison(
    what: str,
    *,
    ours: Sequence[float],
    anchor: Sequence[float],
    anchor_name: str,
    unit: str,
    equal: bool,
    n: int,
) -> dict[str, Any]:
    """Returns the medians of interleaved rounds, and the median of their ratios round by round."""
    ratios = [mine / theirs for mine, theirs in zip(ours, anchor, strict=True)]
    return {
        "what": what,
        "ours": _shown(statistics.median(ours)),
        "anchor": _shown(statistics.median(anchor)),
        "anchor_name": anchor_name,
        "unit": unit,
        "ratio": _shown(statistics.median(ratios)),
        "equal": equal,
        "n": n,
        "load": [round(x, 2) for x in os.getloadavg()],
    }


def bench(name: str, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns a bench's result: its first comparison stands for it, `equal` for all of them."""
    first = {key: value for key, value in parts[0].items() if key != "what"}
    equal = all(part["equal"] for part in parts)
    return {"bench": name} | first | {"equal": equal, "parts": list(parts)}


def _shown(value: float) -> float:
    return float(f"{value:.3g}") if value < 1000 else round(value)
