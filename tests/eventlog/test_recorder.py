"""The library's own published test cases, on our append function and our table."""

from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.tests import persistence as published
from eventsourcing.utils import Environment, get_topic

from config import Database
from domain.kernel import fold
from domain.residents import Resident
from eventlog import recorder
from eventlog.codec import Codec
from eventlog.postgres import Connections, PostgresLog
from eventlog.repository import LogMapper, LogRecorder, folding
from tests.builders import ANN, BOB, HARBOUR, a_pin, a_resident
from tests.eventlog.conftest import empty
from tests.eventlog.contract import store


class OnOurTable:
    """A fresh log and fresh positions for each of the library's test methods."""

    @pytest.fixture(autouse=True)
    def _database(self, module_database: Database) -> None:
        empty(module_database)
        self.database = module_database

    @pytest.fixture(autouse=True)
    def _closing(self) -> Iterator[None]:
        self.opened: list[Connections] = []
        yield
        for connections in self.opened:
            connections.close()

    def open(self, conninfo: str) -> Connections:
        self.opened.append(Connections(conninfo))
        return self.opened[-1]


class TestAggregateRecorder(OnOurTable, published.AggregateRecorderTestCase):
    def create_recorder(self) -> recorder.AggregateRecorder:
        return recorder.AggregateRecorder(self.open(self.database.append))


class TestApplicationRecorder(
    OnOurTable, published.ApplicationRecorderTestCase[recorder.ApplicationRecorder]
):
    def create_recorder(self) -> recorder.ApplicationRecorder:
        return recorder.ApplicationRecorder(self.open(self.database.append))

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNotInterleaving(OnOurTable, published.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> recorder.ApplicationRecorder:
        return recorder.ApplicationRecorder(self.open(self.database.append))


class TestTrackingRecorder(OnOurTable, published.TrackingRecorderTestCase):
    def create_recorder(self) -> recorder.TrackingRecorder:
        return recorder.TrackingRecorder(self.open(self.database.project))


class TestProcessRecorder(OnOurTable, published.ProcessRecorderTestCase):
    def create_recorder(self) -> recorder.ProcessRecorder:
        return recorder.ProcessRecorder(self.open(self.database.owner))


class CountingRecorder(recorder.TrackingRecorder):
    pass


class TestFactory(OnOurTable, published.InfrastructureFactoryTestCase[recorder.Factory]):
    def setUp(self) -> None:
        self.env = Environment("Residents", settings(self.database))
        super().setUp()

    def expected_factory_class(self) -> type[recorder.Factory]:
        return recorder.Factory

    def expected_aggregate_recorder_class(self) -> type[recorder.AggregateRecorder]:
        return recorder.AggregateRecorder

    def expected_application_recorder_class(self) -> type[recorder.ApplicationRecorder]:
        return recorder.ApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[recorder.TrackingRecorder]:
        return recorder.TrackingRecorder

    def tracking_recorder_subclass(self) -> type[recorder.TrackingRecorder]:
        return CountingRecorder

    def expected_process_recorder_class(self) -> type[recorder.ProcessRecorder]:
        return recorder.ProcessRecorder


def settings(database: Database) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "eventlog.recorder",
        "APPEND_DATABASE_URL": database.append,
        "PROJECT_DATABASE_URL": database.project,
        "OWNER_DATABASE_URL": database.owner,
    }


class Dog(Aggregate):
    @event("Registered")
    def __init__(self, name: str) -> None:
        self.name = name
        self.tricks: list[str] = []

    @event("TrickAdded")
    def add_trick(self, trick: str) -> None:
        self.tricks.append(trick)


def test_an_application_of_the_library_runs_on_our_log(
    pg_log: PostgresLog, module_database: Database
) -> None:
    app: Application[UUID] = Application(settings(module_database))
    dog = Dog("Fido")
    dog.add_trick("roll over")
    assert [r.notification.id for r in app.save(dog)] == [1, 2]
    assert app.repository.get(dog.id).tricks == ["roll over"]
    app.factory.close()


def test_its_repository_folds_our_states(pg_log: PostgresLog, module_database: Database) -> None:
    class Residents(Application[UUID]):
        env: ClassVar[dict[str, str]] = settings(module_database) | {
            "APPLICATION_RECORDER_TOPIC": get_topic(LogRecorder),
            "COMMUNITY": str(HARBOUR),
        }

        def construct_mapper(self) -> LogMapper:
            return LogMapper(Codec(), pg_log.vault.keyring)

    facts = [a_resident(ANN), a_pin("2468", ANN)]
    store(pg_log, *facts)
    app = Residents()
    assert app.repository.get(ANN, projector_func=folding(Resident)) == fold(Resident, facts)
    with pytest.raises(AggregateNotFoundError):
        app.repository.get(BOB, projector_func=folding(Resident))
    found = app.recorder.select_notifications(1, 10)
    decoded: list[Any] = [app.mapper.to_domain_event(n) for n in found]
    assert decoded == facts
    app.factory.close()
