"""Pairs of neighbouring characters, by which a text is found: what a Chinese word mostly has is two."""


def bigrams(text: str) -> tuple[str, ...]:
    """Returns the pairs of neighbouring characters of a text, sorted, for searching by GIN.

    Two characters are what a Chinese word mostly has; Latin letters are folded to lower case.
    """
    found: set[str] = set()
    for word in text.casefold().split():
        found.update(word[i : i + 2] for i in range(max(1, len(word) - 1)))
    return tuple(sorted(found))
