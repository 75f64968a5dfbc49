"""What dates have given out beyond what came in by them, as texts that rows of stock and shelves hold."""

import json

# As JSON: by the key of a date, what it has given out so, and what it has given out in all; empty for none.


def noted(out: str, key: str, more: int, by_date: int) -> str:
    """Returns what dates have given out, with `more` of one that has given out `by_date` in all."""
    dates = json.loads(out) if out else {}
    amount, _ = dates.pop(key, (0, 0))
    if amount + more:
        dates[key] = [amount + more, by_date]
    return _text(dates)


def marked(out: str) -> str:
    """Returns what each of these dates has given out in all, for a count to be measured by."""
    dates = json.loads(out) if out else {}
    return _text({key: by_date for key, (_, by_date) in dates.items()})


def left_since(out: str, before: str) -> int:
    """Returns what left by dates that nothing came in by, and may be of a lot as last counted.

    What came in by a date after the count may have gone already by then: no more than what left
    since may be of the lot, however much of it the date explains.
    """
    if not out:
        return 0
    marks = json.loads(before) if before else {}
    dates = json.loads(out)
    return sum(min(amount, by_date - marks.get(key, 0)) for key, (amount, by_date) in dates.items())


def _text(amounts: dict[str, object]) -> str:
    return json.dumps(amounts, sort_keys=True) if amounts else ""
