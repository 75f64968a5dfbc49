"""A paper's clean copy: what is shown instead of the bytes that somebody sent."""

from pathlib import Path
from typing import NamedTuple

# What is looked at and shown: a certificate has a page or a few.
PAGES_MAX = 50
# Longer text is cut: it is there to find the paper by.
TEXT_CHARACTERS_MAX = 200_000


def copy_path(documents: Path, digest: str) -> Path:
    """Returns where a document's clean copy is, beside the folder of the documents."""
    return documents.parent / "copies" / digest[:2] / digest


class Unfit(ValueError):
    """These bytes are not kept; the text says why and what to send instead."""


class CleanCopy(NamedTuple):
    """A copy drawn anew, without anything but the picture, and the text that can be read in it."""

    media: str
    content: bytes
    pages: int
    text: str
