"""The running house, every kind of fact in its log, and readers that nobody here wrote."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from runpy import run_path
from typing import Any
from uuid import uuid5

import fastavro
import psycopg
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext
from cryptography.exceptions import InvalidTag
from uuid_utils.compat import uuid7

from bootstrap import House
from bootstrap.web import create_app
from config import Database
from domain.ids import CommunityId
from domain.kernel import EVENTS, stream_of
from domain.record import personal_fields
from domain.reports import REPORTS
from eventlog.bus import RawRecord, headers_of
from eventlog.codec import FRAME
from eventlog.port import Envelope
from schemas.registry import Registry
from tests.builders import HARBOUR
from tests.eventlog.arbitrary import example
from tests.running_server import RunningServer
from tests.schemas.clickhouse import Unread, as_clickhouse_says, clickhouse_reads
from tests.schemas.serving import served
from tests.test_bootstrap import a_config

LOCKED = Registry.load()
VALUE = SerializationContext("gatehouse.events.v1", MessageField.VALUE)
UNSEAL = run_path(str(Path(__file__).parents[2] / "examples" / "unseal.py"))
UNKNOWN = b"\0" + (999).to_bytes(4) + b"\0"


@dataclass
class Running:
    """Where its registry is, and what is stored, in the order of the log: events and reports."""

    registry: str
    house: House
    events: list[RawRecord]
    reports: list[bytes]

    @property
    def bodies(self) -> list[bytes]:
        return [event.body for event in self.events] + self.reports


@pytest.fixture(scope="module")
def running(
    module_database: Database, pg_server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("house")
    app = create_app(a_config(module_database, pg_server, folder))
    house: House = app.extensions["house"]
    everything_happens(house)
    with served(app) as url:
        events = [*house.log.raw(after=0)]
        yield Running(f"{url}/registry", house, events, stored_reports(module_database))
    house.close()


def everything_happens(house: House) -> None:
    for name, kind in EVENTS.items():
        home = CommunityId(uuid5(HARBOUR, name))
        envelope = Envelope(command=name, command_id=uuid7(), community=home, actor="past")
        fact = example(kind)
        house.log.append(envelope, [fact], {stream_of(fact): 0})
    for report in REPORTS.values():
        house.reports.note(HARBOUR, example(report))


def stored_reports(database: Database) -> list[bytes]:
    with psycopg.connect(database.read) as db:
        reports = db.execute("select body from log.reports order by position").fetchall()
    return [bytes(body) for (body,) in reports]


def ours(body: bytes) -> Any:
    schema = LOCKED.schemas[int.from_bytes(body[1:FRAME])]
    return fastavro.schemaless_reader(BytesIO(body[FRAME:]), schema, None)


def test_every_kind_is_stored(running: Running) -> None:
    ids = [int.from_bytes(body[1:FRAME]) for body in running.bodies]
    assert sorted(ids) == [
        entry.id for entry in LOCKED.entries if LOCKED.newest(entry.subject) == entry
    ]


def test_n18_confluents_python_reads_every_stored_fact(running: Running) -> None:
    with SchemaRegistryClient({"url": running.registry}) as client:
        read = AvroDeserializer(client)
        for body in running.bodies:
            assert read(body, VALUE) == ours(body)


def test_confluents_python_reads_nothing_of_an_unknown_schema(running: Running) -> None:
    client = SchemaRegistryClient({"url": running.registry})
    with client, pytest.raises(SchemaRegistryError) as unread:
        AvroDeserializer(client)(UNKNOWN, VALUE)
    assert (unread.value.http_status_code, unread.value.error_code) == (404, 40403)


def test_confluents_python_asks_for_everything_else(running: Running) -> None:
    """With credentials, which are not looked at."""
    newest = LOCKED.newest("gatehouse.PinIssued")
    assert newest
    conf = {"url": running.registry, "basic.auth.user.info": "any:body"}
    with SchemaRegistryClient(conf) as client:
        latest = client.get_latest_version(newest.subject)
        assert (latest.schema_id, latest.version) == (newest.id, newest.version)
        found = client.lookup_schema(newest.subject, latest.schema, normalize_schemas=True)
        assert found.schema_id == newest.id
        assert client.get_subjects() == sorted({entry.subject for entry in LOCKED.entries})
        assert client.get_versions(newest.subject) == [*range(1, newest.version + 1)]
        assert client.get_compatibility(newest.subject) == "FULL_TRANSITIVE"
        assert client.get_global_mode() == "READONLY"
        assert client.get_schema_types() == ["AVRO"]
        assert client.get_schema_versions(newest.id)[0].subject == newest.subject


def test_confluents_python_registers_nothing(running: Running) -> None:
    schema = Schema('{"type": "record", "name": "Mine", "fields": []}', "AVRO")
    client = SchemaRegistryClient({"url": running.registry})
    with client, pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("mine", schema)
    assert refused.value.error_code == 42205


def test_n18_clickhouse_reads_every_stored_fact(running: Running, tmp_path: Path) -> None:
    rows = clickhouse_reads(running.registry, running.bodies, tmp_path)
    assert rows == [as_clickhouse_says(ours(body)) for body in running.bodies]


def test_clickhouse_reads_nothing_of_an_unknown_schema(running: Running, tmp_path: Path) -> None:
    with pytest.raises(Unread, match="Schema 999 not found"):
        clickhouse_reads(running.registry, [UNKNOWN], tmp_path)


def test_n18_who_has_the_keys_opens_what_is_sealed_with_nothing_of_ours(running: Running) -> None:
    config = running.house.config
    assert config.kek_file
    sealed = [event for event in running.events if personal(event)]
    with psycopg.connect(config.database.read) as db:
        for event in sealed:
            headers, schema = headers_of(event), LOCKED.schemas[int.from_bytes(event.body[1:FRAME])]
            key = UNSEAL["key_of"](db, UNSEAL["master_key"](config.kek_file), headers)
            read = UNSEAL["opened"](event.body, headers, schema, key)
            assert read.keys() == personal(event)
            elsewhere = {**headers, "gh-version": b"2"}
            with pytest.raises(InvalidTag):
                UNSEAL["opened"](event.body, elsewhere, schema, key)
    assert len(sealed) > 5


def test_what_was_forgotten_stays_sealed_for_them(running: Running) -> None:
    event = next(event for event in running.events if event.type == "PinIssued")
    assert event.subject
    running.house.log.forget(event.community, [event.subject])
    headers, schema = headers_of(event), LOCKED.schemas[int.from_bytes(event.body[1:FRAME])]
    with psycopg.connect(running.house.config.database.read) as db:
        key = UNSEAL["key_of"](db, running.house.config.kek(), headers)
    assert UNSEAL["opened"](event.body, headers, schema, key) is None


def personal(event: RawRecord) -> frozenset[str]:
    kind: Any = EVENTS[event.type]
    return frozenset(personal_fields(kind))
