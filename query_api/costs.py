"""What questions cost: those that follow goods or write whole files cost more than a page."""

# What one account may ask: a person's pace for ever, a morning's work at once.
PER_S, BURST = 20.0, 1000.0
DEAR, PAGE = 10.0, 1.0
_DEAR = ("/v1/trace", "/v1/outbreak", "/v1/recall-proposal", "/v1/statistics")


def cost_of(_method: str, path: str) -> float:
    """Returns what a question costs, in pages."""
    follows = path.startswith(_DEAR) or (path.startswith("/v1/recalls/") and path.count("/") > 3)
    return DEAR if follows or "/export." in path else PAGE
