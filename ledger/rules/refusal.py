"""A refusal: the answer to a request that asks for what cannot be, as a value."""

from typing import NamedTuple


class Refusal(NamedTuple):
    """Why a request was not granted, and what the asker can do about it."""

    code: str
    advice: str
