"""Bytes written once are read for ever, by us and by anybody's Avro library."""

import json
from io import BytesIO
from typing import Any

import avro.io
import avro.schema
import pytest

from eventlog.codec import FRAME
from eventlog.sealing import unseal
from schemas.registry import Entry, Schema
from schemas.stream import sealed_names
from tests.eventlog.arbitrary import example
from tests.golden.make import (
    CODEC,
    KEY,
    KINDS,
    LOCKED,
    PLACE,
    as_read,
    by_fastavro,
    encoded,
    file_of,
    newest,
)
from tests.schemas.evolution import inner

ENTRIES = LOCKED.entries


def golden(entry: Entry) -> tuple[bytes, Any]:
    """If there is none, run `python -m tests.golden.make`."""
    said = json.loads(file_of(entry).read_text())
    return bytes.fromhex(said["bytes"]), said["reads"]


def by_apache(entry: Entry, body: bytes) -> Any:
    return as_read(apache(LOCKED.schemas[entry.id], body[FRAME:]))


def apache(schema: Schema, body: bytes) -> Any:
    decoder: Any = avro.io.BinaryDecoder
    reader: Any = avro.io.DatumReader
    return reader(avro.schema.parse(json.dumps(schema))).read(decoder(BytesIO(body)))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.file)
def test_fastavro_and_apache_avro_read_the_same_in_the_golden_bytes(entry: Entry) -> None:
    body, reads = golden(entry)
    assert body[:FRAME] == b"\0" + entry.id.to_bytes(4)
    assert by_fastavro(entry, body) == reads
    assert by_apache(entry, body) == reads


def test_the_golden_bytes_tell_when_a_schema_changes_under_its_id() -> None:
    entry = LOCKED.newest("gatehouse.DoorLogEntry")
    assert entry
    body, reads = golden(entry)
    text = json.dumps(LOCKED.schemas[entry.id])
    changed = json.loads(text.replace('"call", "door_release"', '"door_release", "call"'))
    assert as_read(apache(changed, body[FRAME:])) == reads | {"kind": "door_release"}


@pytest.mark.parametrize("entry", newest(), ids=lambda e: e.file)
def test_the_golden_bytes_are_what_is_written_today(entry: Entry) -> None:
    body, _ = golden(entry)
    assert encoded(entry) == body
    assert CODEC.decode(body, KEY, PLACE) == example(KINDS[entry.subject.split(".")[1]])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.file)
def test_what_was_written_in_any_version_is_read_today(entry: Entry) -> None:
    CODEC.decode(golden(entry)[0], KEY, PLACE)
    CODEC.decode(golden(entry)[0], None, PLACE)


@pytest.mark.parametrize("kind", [k for k in KINDS.values() if sealed_names(k)])
def test_who_has_the_key_reads_the_sealed_field_with_any_avro_library(kind: type) -> None:
    entry = LOCKED.newest(f"gatehouse.{kind.__name__}")
    assert entry
    body, schema = golden(entry)[0], LOCKED.schemas[entry.id]
    box = apache(schema, body[FRAME:])["sealed"]
    text = unseal(KEY, box, body[:FRAME] + PLACE)
    assert isinstance(text, bytes)
    assert apache(inner(schema), text).keys() == set(sealed_names(kind))
