"""Cases: streams with rules, loaded and checked by version through the library's application."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    InterfaceError,
    JSONTranscoder,
    Mapper,
    OperationalError,
    StoredEvent,
)
from psycopg_pool import PoolTimeout

from ledger.errors import Conflict, JournalUnavailable
from ledger.events.base import Event, stored_name
from ledger.events.catalogue import decode, encode
from ledger.rules.refusal import Refusal
from ledger.values.ids import stream_of_case

Case = TypeVar("Case")

# Another writer of the same case is rare; three tries settle every race but an attack.
TRIES_MAX = 3


class CaseEvent(NamedTuple):
    """An event with its place in a case's stream, as the library wants to hold it."""

    originator_id: UUID
    originator_version: int
    event: Event


class CatalogueMapper(Mapper[UUID]):
    """Stores events under their stored names instead of Python paths."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """Turns a `CaseEvent` into what the recorder stores."""
        return StoredEvent(
            domain_event.originator_id,
            domain_event.originator_version,
            stored_name(domain_event.event),
            encode(domain_event.event),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Turns what the recorder stored into a `CaseEvent`."""
        event = decode(stored_event.topic, stored_event.state)
        stream = UUID(str(stored_event.originator_id))
        return CaseEvent(stream, stored_event.originator_version, event)


class Cases(Application[UUID]):
    """The cases of one ledger, over the recorder it is given."""

    name = "suyuan"

    def __init__(self, recorder: ApplicationRecorder) -> None:
        self._given_recorder = recorder
        super().__init__()

    def construct_recorder(self) -> ApplicationRecorder:
        """Returns the recorder handed over; the environment decides nothing here."""
        return self._given_recorder

    def construct_mapper(self) -> Mapper[UUID]:
        """Returns the mapper of stored names."""
        return CatalogueMapper(JSONTranscoder())

    def load(
        self, kind: str, subject: str, empty: Case, evolve: Callable[[Case, Event], Case]
    ) -> Case:
        """Returns the present state of a case; `empty` when nothing was ever recorded of it."""

        def project(state: Any, events: Iterable[Any]) -> Any:
            for item in events:
                state = evolve(empty if state is None else state, item.event)
            return state

        try:
            found: Any = self.repository.get(stream_of_case(kind, subject), projector_func=project)
        except AggregateNotFoundError:
            return empty
        except (InterfaceError, OperationalError, PoolTimeout) as error:
            raise JournalUnavailable(str(error)) from error
        return found  # type: ignore[no-any-return]  # the projector returns Case

    def handle(
        self,
        kind: str,
        subject: str,
        empty: Any,
        evolve: Callable[[Any, Event], Any],
        *,
        decide: Callable[[Any], list[Event] | Refusal],
    ) -> Refusal | None:
        """Decides a request on the case as it stands and records what follows.

        Decides again when another writer was first; raises `Conflict` after three such races.
        """
        stream = stream_of_case(kind, subject)
        for _ in range(TRIES_MAX):
            case = self.load(kind, subject, empty, evolve)
            decision = decide(case)
            if isinstance(decision, Refusal):
                return decision
            version = case.version
            events = [
                CaseEvent(stream, number, event)
                for number, event in enumerate(decision, version + 1)
            ]
            try:
                self.save(*events)
            except IntegrityError:
                continue
            except (InterfaceError, OperationalError, PoolTimeout) as error:
                # Whether it was committed is unknown; asking again decides on what is there.
                raise JournalUnavailable(str(error)) from error
            return None
        raise Conflict(f"{kind} {subject} changed while this was decided: try again")
