"""The transparency log's leaf of an event: commitments that open part by part.

docs/protocol.md states the bytes with recomputed examples; golden files hold them. RFC 6962
(Certificate Transparency), section 2.1, is the tree these leaves go into.
"""

import hashlib
from typing import NamedTuple

import msgspec

LEAF_VERSION = b"\x01"
PUBLIC_SALT = b"suyuan/salt/public/v1"
TRADE_SALT = b"suyuan/salt/trade/v1"
PERSON_SALT = b"suyuan/salt/person/v1"

_canonical = msgspec.json.Encoder(order="sorted", decimal_format="string")


class Parts(NamedTuple):
    """The canonical bytes of an event's three parts; `person` is empty when it names nobody."""

    public: bytes
    trade: bytes
    person: bytes


def canonical(value: object) -> bytes:
    """Writes a value as JSON in UTF-8: keys sorted, no white space, decimals as strings."""
    return _canonical.encode(value)


def commitments(parts: Parts, seed: bytes, person_salt: bytes | None) -> tuple[bytes, bytes, bytes]:
    """Returns the commitments to the public, trade and person parts.

    `seed` is the event's 32 random bytes; `person_salt` comes from the personal store, and is
    None exactly when the event names nobody (the empty string, salted from the seed).
    """
    person_key = seed if person_salt is None else person_salt + seed
    return (
        _commit(PUBLIC_SALT, seed, parts.public),
        _commit(TRADE_SALT, seed, parts.trade),
        _commit(PERSON_SALT, person_key, parts.person),
    )


class Opening(NamedTuple):
    """What opens the public and trade parts of a leaf and leaves the person part shut, in hex."""

    public: str
    trade: str
    public_salt: str
    trade_salt: str
    person: str


class PublicOpening(NamedTuple):
    """What opens the public part of a leaf alone: its bytes and salt, and the other commitments."""

    public: bytes
    salt: bytes
    trade: bytes
    person: bytes

    def leaf(self) -> bytes:
        """Returns the leaf it opens."""
        public = hashlib.sha256(self.salt + self.public).digest()
        return hashlib.sha256(LEAF_VERSION + public + self.trade + self.person).digest()


def open_public(parts: Parts, seed: bytes, person: bytes) -> PublicOpening:
    """Returns what opens the public part; `person` is the commitment to the person part."""
    _, trade, _ = commitments(parts, seed, b"")
    return PublicOpening(parts.public, hashlib.sha256(PUBLIC_SALT + seed).digest(), trade, person)


def open_leaf(parts: Parts, seed: bytes, person: bytes) -> Opening:
    """Returns the opening of a leaf, given the commitment to its person part, which stays shut."""
    public, trade = (
        hashlib.sha256(label + seed).hexdigest() for label in (PUBLIC_SALT, TRADE_SALT)
    )
    return Opening(parts.public.decode(), parts.trade.decode(), public, trade, person.hex())


def leaf_of(parts: Parts, seed: bytes, person_salt: bytes | None = None) -> bytes:
    """Returns the 32-byte leaf: SHA-256(version ‖ C_public ‖ C_trade ‖ C_person)."""
    opened = commitments(parts, seed, person_salt)
    return hashlib.sha256(LEAF_VERSION + b"".join(opened)).digest()


def _commit(label: bytes, key: bytes, part: bytes) -> bytes:
    """Commits to a part under a salt of its own: SHA-256(SHA-256(label ‖ key) ‖ part).

    Key and label have fixed lengths and the salt is a digest, so no two inputs run together.
    """
    return hashlib.sha256(hashlib.sha256(label + key).digest() + part).digest()
