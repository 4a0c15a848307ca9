"""A fact as bytes: Confluent's frame around Avro, what is personal sealed within.

`00 | schema id, 4 bytes big-endian | Avro record`. The same bytes are stored and go to Kafka.
"""

from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from typing import Any, Generic, TypeVar
from uuid import UUID

import fastavro

from domain.kernel import EVENTS, Event
from domain.record import ERASED, Erased, frozen
from eventlog.sealing import SubjectKey, nonce, seal, unseal
from eventlog.shapes import Shape
from eventlog.writing import Write, blob, writer
from schemas.registry import Entry, Registry, Schema, fingerprint
from schemas.stream import NAMESPACE, SEALED_FIELD, open_names, schema_of, sealed_names

T = TypeVar("T")
MAGIC, FRAME = b"\x00", 5


class Undecodable(Exception):
    """Not bytes that we wrote, or of a schema that this release does not know."""


class UnknownSchema(Undecodable):
    """Of a schema that this release does not know: a newer one wrote them."""


class Unregistered(Exception):
    """The lock file does not know this kind as it is now: run `python -m schemas.stream`."""


def aad(community: UUID, stream: UUID, version: int, subject: UUID | None) -> bytes:
    """The place that a sealed field belongs to; it opens nowhere else."""
    place = community.bytes + stream.bytes + version.to_bytes(8)
    return place + (subject.bytes if subject else bytes(16))


def without_logic(schema: Any) -> Any:
    """The codec converts by type hints; fastavro would not convert a default."""
    match schema:
        case dict():
            return {k: without_logic(v) for k, v in schema.items() if k != "logicalType"}
        case list():
            return [without_logic(part) for part in schema]
    return schema


@frozen
class Written:
    """The parsed schema of one id: its record, and the record in its sealed field."""

    name: str
    open: Any
    sealed: Any


def parsed(schema: Schema) -> Written:
    bare_schema = without_logic(schema)
    holds = [f["holds"] for f in bare_schema["fields"] if "holds" in f]
    return Written(
        name=schema["name"],
        open=fastavro.parse_schema(bare_schema),
        sealed=fastavro.parse_schema(holds[0]) if holds else None,
    )


@frozen
class Kind:
    """How a class is written now: its open fields, and last the sealed one, if it has any."""

    frame: bytes
    written: Written
    open: Shape
    sealed: Shape
    write: Write
    write_sealed: Write | None


def read(body: bytes, written: Any, wanted: Any) -> Any:
    source = BytesIO(body)
    try:
        made = fastavro.schemaless_reader(source, written, None if written is wanted else wanted)
    except Exception:  # its message would quote the bytes
        raise Undecodable(written["name"]) from None
    if source.tell() != len(body):
        raise Undecodable(f"{written['name']} has bytes left over")
    return made


def defaults(schema: Any) -> dict[str, Any]:
    return {field["name"]: field["default"] for field in schema["fields"]}


class RecordCodec(Generic[T]):
    """Turns facts of some kinds into bytes and back. One may serve all threads."""

    def __init__(
        self,
        kinds: Mapping[str, type[T]],
        registry: Registry | None = None,
        nonce: Callable[[], bytes] = nonce,
    ) -> None:
        self._kinds, self._nonce = kinds, nonce
        self._registry = registry or Registry.load()
        self._kind: Callable[[Any], Kind] = cache(self._prepare)
        self._written = cache(self._parse)

    def encode(self, fact: T, key: SubjectKey | None, aad: bytes) -> bytes:
        """A fact with personal fields needs the key of its subject, unless all are erased."""
        kind = self._kind(type(fact))
        body = kind.frame + kind.write(fact)
        if kind.write_sealed:
            body += blob(self._seal(kind, kind.write_sealed, fact, key, kind.frame + aad))
        return body

    def _seal(self, kind: Kind, write: Write, fact: T, key: SubjectKey | None, aad: bytes) -> bytes:
        if all(isinstance(getattr(fact, name), Erased) for name in kind.sealed.names):
            return b""
        if key is None:
            raise ValueError(f"{kind.written.name} needs the key of its subject")
        try:
            text = write(fact)
        except Exception:  # its message would quote what is personal
            raise TypeError(f"{kind.written.name} does not fit its sealed schema") from None
        return seal(key, text, aad, self._nonce())

    def decode(self, body: bytes, key: SubjectKey | None, aad: bytes) -> T:
        """Any version that the registry knows; personal fields are erased without their key."""
        frame = body[:FRAME]
        written = self._written(frame)
        kind = self._kind(self._kinds[written.name])
        made = read(body[FRAME:], written.open, kind.written.open)
        box = made.pop(SEALED_FIELD, b"")
        values = kind.open.values(made)
        if kind.written.sealed:
            values |= self._unseal(kind, written, box, key, frame + aad)
        fact: T = kind.open.record(**values)
        return fact

    def _unseal(
        self, kind: Kind, written: Written, box: bytes, key: SubjectKey | None, aad: bytes
    ) -> dict[str, Any]:
        if written.sealed is None:  # before it held anything personal: only defaults
            return kind.sealed.values(defaults(kind.written.sealed))
        text = unseal(key, box, aad)
        if isinstance(text, Erased):
            return dict.fromkeys(kind.sealed.names, ERASED)
        return kind.sealed.values(read(text, written.sealed, kind.written.sealed))

    def _prepare(self, record: type) -> Kind:
        entry = self._entry(record)
        written = parsed(self._registry.schemas[entry.id])
        shown, hidden = open_names(record), sealed_names(record)
        return Kind(
            frame=MAGIC + entry.id.to_bytes(FRAME - 1),
            written=written,
            open=Shape(record, shown),
            sealed=Shape(record, hidden),
            write=writer(written.open, record, shown),
            write_sealed=writer(written.sealed, record, hidden) if hidden else None,
        )

    def _entry(self, record: type) -> Entry:
        entry = self._registry.newest(f"{NAMESPACE}.{record.__name__}")
        if entry is None or entry.fingerprint != fingerprint(schema_of(record)):
            raise Unregistered(record.__name__)
        return entry

    def _parse(self, frame: bytes) -> Written:
        if frame[:1] != MAGIC or len(frame) != FRAME:
            raise Undecodable(f"no frame: {frame.hex()}")
        schema = self._registry.schemas.get(int.from_bytes(frame[1:]))
        if schema is None:
            raise UnknownSchema(f"no schema for the frame {frame.hex()}")
        if schema["name"] not in self._kinds:
            raise Undecodable(f"{schema['name']} is not of this log")
        return parsed(schema)


class Codec(RecordCodec[Event]):
    """Events, as the log stores them."""

    def __init__(
        self, registry: Registry | None = None, nonce: Callable[[], bytes] = nonce
    ) -> None:
        super().__init__(EVENTS, registry, nonce)
