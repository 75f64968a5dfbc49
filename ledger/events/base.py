"""What every event is: a frozen struct with a stored name and each field marked by its part."""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
from msgspec import structs

from ledger.values.ids import ID_FORM
from ledger.values.leaf import Parts, canonical

T = TypeVar("T")

# The part decides who can open a field of the leaf, and nothing else: `public` stands on a
# shopper's slip, `trade` in a merchant's bundle, `person` is a reference into the personal store.
Public = Annotated[T, msgspec.Meta(extra={"part": "public"})]
Trade = Annotated[T, msgspec.Meta(extra={"part": "trade"})]
Person = Annotated[T, msgspec.Meta(extra={"part": "person"})]

# Ids that people choose: lower case, digits and hyphens, so that they survive a URL, a file
# name and a telephone call.
Id = Annotated[str, msgspec.Meta(pattern=rf"^{ID_FORM}(?!\n)$")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")]
# Version-4 UUIDs in their canonical spelling: two spellings would be two streams.
Uuid = Annotated[
    str,
    msgspec.Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?!\n)$"),
]
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
LongText = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]


# Names that stand in the public part beside an event's own members, and may not be among them.
RESERVED = ("type", "recorded")


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """Something that happened. Subclasses carry their stored name as `tag`."""


def stored_name(event: Event | type[Event]) -> str:
    """Returns the name under which the event is stored for ever, such as `goods-sold.v1`."""
    kind = event if isinstance(event, type) else type(event)
    return str(kind.__struct_config__.tag)


@cache
def fields_by_part(kind: type[Event]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Returns the names of an event's public, trade and person fields.

    Raises `TypeError` for a field that is not marked with exactly one part.
    """
    found: dict[str, list[str]] = {"public": [], "trade": [], "person": []}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if name.startswith("__"):
            continue
        if name in RESERVED:
            raise TypeError(f"{kind.__name__}.{name} hides what the ledger states: rename it")
        found[_part_of(kind, name, hint)].append(name)
    return tuple(found["public"]), tuple(found["trade"]), tuple(found["person"])


def parts_of(event: Event, added: dict[str, Any], state_digest: str) -> Parts:
    """Returns the canonical bytes of an event's parts.

    `added` is what the ledger states about it (stream, number, receipt, flags) and stands in
    the public part as `recorded`; `state_digest`, the SHA-256 of the stored bytes, stands in the trade part,
    where nobody can guess at trade secrets through it.
    """
    values = dict(zip(event.__struct_fields__, structs.astuple(event), strict=True))
    public, trade, person = fields_by_part(type(event))
    named = {name: value for name in person if (value := values[name]) is not None}
    return Parts(
        canonical(_present(values, public) | {"type": stored_name(event), "recorded": added}),
        canonical(_present(values, trade) | {"state": state_digest}),
        canonical(named) if named else b"",
    )


def persons_in(event: Event) -> list[str]:
    """Returns the references into the personal store that the event holds, in field order."""
    return [ref for name in fields_by_part(type(event))[2] if (ref := getattr(event, name))]


def _present(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    # Members at their default (null or empty) are left out, as in the stored bytes.
    return {name: value for name in names if (value := values[name]) is not None and value != ()}


def _part_of(kind: type[Event], name: str, hint: Any) -> str:
    marks = [
        meta.extra["part"]
        for meta in getattr(hint, "__metadata__", ())
        if isinstance(meta, msgspec.Meta) and meta.extra and "part" in meta.extra
    ]
    if len(marks) != 1:
        raise TypeError(f"mark {kind.__name__}.{name} as Public, Trade or Person, once")
    return str(marks[0])
