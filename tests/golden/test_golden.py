"""Old events still load, byte for byte, and their leaves stay what they were."""

import msgspec
import pytest

from ledger.events.base import Event, fields_by_part, stored_name
from ledger.events.catalogue import BY_NAME, decode, decode_as_stored, encode
from tests.golden.examples import EXAMPLES, FOLDER, golden, leaf


@pytest.mark.parametrize("event", EXAMPLES, ids=stored_name)
def test_a_released_event_is_stored_as_it_always_was(event: Event) -> None:
    stored = (FOLDER / f"{stored_name(event)}.json").read_bytes()

    assert golden(event) == stored


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_golden_file_still_loads(path) -> None:  # type: ignore[no-untyped-def]
    content = msgspec.json.decode(path.read_bytes())

    event = decode_as_stored(path.stem, content["state"].encode())
    decode(path.stem, content["state"].encode())

    assert encode(event).decode() == content["state"]
    assert leaf(event).hex() == content["leaf"]


def test_every_event_of_the_catalogue_has_its_golden_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(BY_NAME)


@pytest.mark.parametrize("event", EXAMPLES, ids=stored_name)
def test_every_member_belongs_to_one_part_and_stands_in_the_example(event: Event) -> None:
    parts = fields_by_part(type(event))

    names = [name for part in parts for name in part]
    assert sorted(names) == sorted(event.__struct_fields__)
    assert all(getattr(event, name) not in (None, ()) for name in names)
