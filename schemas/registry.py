"""The lock file: which Avro schema has which id. Ids are only added, so bytes stay readable."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Self

import fastavro
from fastavro.schema import SchemaParseException

from domain.record import frozen

Schema = dict[str, Any]
HOME = Path(__file__).parent
LOCK = "registry.lock.json"


@frozen
class Entry:
    """A version of a subject, as the Schema Registry counts them: ids and versions from 1."""

    id: int
    subject: str
    version: int
    file: str
    fingerprint: str


def rendered(schema: Schema) -> str:
    return json.dumps(schema, indent=2) + "\n"


def fingerprint(schema: Schema) -> str:
    """Over all that is said, also defaults and logical types, which Avro's own leaves out."""
    return sha256(json.dumps(schema, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class NotASchema(Exception):
    """A text that is no Avro schema."""


def normal(text: str) -> Any:
    """Texts that say the same become equal: full names, no space, the bare name of a primitive."""
    try:
        return unwrapped(fastavro.parse_schema(json.loads(text)))
    except (ValueError, TypeError, LookupError, RecursionError, SchemaParseException) as wrong:
        raise NotASchema from wrong


def unwrapped(part: Any) -> Any:
    match part:
        case {"type": str(name)} if len(part) == 1:
            return name
        case dict():
            return {k: unwrapped(v) for k, v in part.items() if not k.startswith("__")}
        case list():
            return [unwrapped(each) for each in part]
    return part


def subject_of(schema: Schema) -> str:
    return f"{schema['namespace']}.{schema['name']}"


def entry(id: int, version: int, schema: Schema) -> Entry:
    return Entry(
        id=id,
        subject=subject_of(schema),
        version=version,
        file=f"avro/{schema['name']}.v{version}.avsc",
        fingerprint=fingerprint(schema),
    )


class Registry:
    """Every version of every schema; producing and reading never need a network."""

    def __init__(self, entries: Iterable[Entry], schemas: Mapping[int, Schema]) -> None:
        self.entries: Sequence[Entry] = tuple(entries)
        self.schemas = dict(schemas)
        self._by_id = {entry.id: entry for entry in self.entries}
        self._newest = {entry.subject: entry for entry in self.entries}

    @classmethod
    def load(cls, home: Path = HOME) -> Self:
        lock = home / LOCK
        entries = [Entry(**row) for row in json.loads(lock.read_text())] if lock.exists() else []
        return cls(entries, {e.id: json.loads((home / e.file).read_text()) for e in entries})

    def newest(self, subject: str) -> Entry | None:
        return self._newest.get(subject)

    def entry(self, id: int) -> Entry | None:
        return self._by_id.get(id)

    def versions(self, subject: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.subject == subject]

    def find(self, subject: str, text: str) -> Entry | None:
        """The version of a subject that says what a schema says; NotASchema."""
        wanted = normal(text)
        same = (e for e in self.versions(subject) if normal(self.text(e.id)) == wanted)
        return next(same, None)

    def text(self, id: int) -> str:
        """As clients get it."""
        return json.dumps(self.schemas[id], separators=(",", ":"))

    def with_(self, schemas: Iterable[Schema]) -> Self:
        """The same ids, and new ones after them for what differs from its newest version."""
        entries, known = list(self.entries), dict(self.schemas)
        for schema in schemas:
            newest = self.newest(subject_of(schema))
            if newest and newest.fingerprint == fingerprint(schema):
                continue
            id, version = max(known, default=0) + 1, newest.version + 1 if newest else 1
            entries.append(entry(id, version, schema))
            known[id] = schema
        return type(self)(entries, known)

    def unreleased(self, schemas: Iterable[Schema]) -> Self:
        """Only these, in their first version; a subject that was known keeps its first id."""
        ids = {e.subject: e.id for e in self.entries if e.version == 1}
        free = count(max(self.schemas, default=0) + 1)
        known = {ids.get(subject_of(s)) or next(free): s for s in schemas}
        return type(self)([entry(id, 1, known[id]) for id in sorted(known)], known)

    def files(self) -> dict[str, str]:
        """The text of every file, the lock's among them, one entry a line."""
        rows = ",\n".join(f"  {json.dumps(asdict(entry))}" for entry in self.entries)
        lock = f"[\n{rows}\n]\n" if rows else "[]\n"
        return {LOCK: lock} | {e.file: rendered(self.schemas[e.id]) for e in self.entries}

    def save(self, home: Path = HOME) -> None:
        files = self.files()
        for stale in set(home.glob("avro/*.avsc")) - {home / name for name in files}:
            stale.unlink()
        for name, text in files.items():
            (home / name).write_text(text)
