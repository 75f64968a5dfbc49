"""How Chinese names are said in Latin letters (Hanyu Pinyin, ISO 7098, without tones), by which they are found as well.

A name is kept as the readings of its characters: those of one character with commas between them, characters with
blanks, such as `zhang ji suan nai`; words and numbers in it stand as they are. Whoever types may give each character its whole reading or its first letter, and
breaks off wherever they like: `suannai`, `zjsn` and `zjsuann` find it.
"""

from itertools import pairwise

# ISO 7098, 6: these two letters are one initial, which people type whole or by its first letter.
DOUBLE = ("zh", "ch", "sh")
# Of a longer word nobody types as much.
TYPED_MAX = 40


def as_letters(text: str) -> str:
    """Returns the letters and digits that a hand meant to spell, without blanks and marks; nothing of digits alone.

    Keyboards write ü as v.
    """
    plain = text.casefold().replace(" ", "").replace("'", "").replace("ü", "v")
    is_said = plain.isascii() and plain.isalnum() and not plain.isdigit()
    return plain if is_said and len(plain) <= TYPED_MAX else ""


def spoken_grams(spoken: str) -> tuple[str, ...]:
    """Returns every pair of letters that can stand side by side when a name is typed, sorted, for searching by GIN."""
    found: set[str] = set()
    characters = _characters(spoken)
    for readings in characters:
        for one in readings:
            found.update(map("".join, pairwise(one)))
    for before, after in pairwise(characters):
        ends = {one[-1] for readings in before for one in (readings, *_initials(readings))}
        found.update(end + one[0] for end in ends for one in after)
    return tuple(sorted(found))


def letter_grams(letters: str) -> list[str]:
    """Returns the pairs of letters of what was typed: a name that is said so has them all."""
    return sorted(set(map("".join, pairwise(letters))))


def is_said_so(spoken: str, letters: str) -> bool:
    """Tells whether some of a name's characters, one behind the other, are typed so."""
    characters = _characters(spoken)
    return any(_goes_on(characters[first:], letters) for first in range(len(characters)))


def _characters(spoken: str) -> list[list[str]]:
    return [readings.split(",") for readings in spoken.split()]


def _initials(reading: str) -> tuple[str, ...]:
    return (reading[:1], reading[:2]) if reading[:2] in DOUBLE else (reading[:1],)


def _goes_on(characters: list[list[str]], letters: str) -> bool:
    # How far some way of typing the characters so far has come: one step a character, whatever the ways.
    reached = {0}
    for readings in characters:
        typed = {way for one in readings for way in (one, *_initials(one))}
        rests = [letters[at:] for at in reached]
        if any(way.startswith(rest) for way in typed for rest in rests):
            return True
        reached = {
            len(letters) - len(rest) + len(way)
            for way in typed
            for rest in rests
            if rest.startswith(way)
        }
        if not reached:
            return False
    return False
