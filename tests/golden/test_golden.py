"""Old events still load, byte for byte, and their leaves stay what they were."""

import msgspec
import pytest

from ledger.events.base import Event, fields_by_part
from ledger.events.catalogue import BY_NAME, decode, decode_as_stored, encode
from tests.golden.examples import EXAMPLES, FOLDER, files, golden, leaf


@pytest.mark.parametrize(("name", "event"), files().items(), ids=files())
def test_a_released_event_is_stored_as_it_always_was(name: str, event: Event) -> None:
    assert golden(event) == (FOLDER / f"{name}.json").read_bytes()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_golden_file_still_loads(path) -> None:  # type: ignore[no-untyped-def]
    content = msgspec.json.decode(path.read_bytes())

    name = path.stem.partition("@")[0]
    event = decode_as_stored(name, content["state"].encode())
    decode(name, content["state"].encode())

    assert encode(event).decode() == content["state"]
    assert leaf(event).hex() == content["leaf"]


def test_every_event_of_the_catalogue_has_its_golden_file() -> None:
    assert {path.stem.partition("@")[0] for path in FOLDER.glob("*.json")} == set(BY_NAME)


@pytest.mark.parametrize("kind", BY_NAME.values(), ids=BY_NAME)
def test_every_member_belongs_to_one_part_and_stands_in_an_example(kind: type[Event]) -> None:
    names = [name for part in fields_by_part(kind) for name in part]
    examples = [event for event in EXAMPLES if type(event) is kind]

    assert sorted(names) == sorted(kind.__struct_fields__)
    for name in names:
        assert any(getattr(event, name) not in (None, ()) for event in examples), name
