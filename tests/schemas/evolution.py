"""What may change between two versions of a schema: nothing that either side could not read.

Avro's own rules by Apache's checker, in both directions (FULL_TRANSITIVE), and what it does not
see: another logical type (millis read as micros are wrong by a thousand), a string that became
bytes, another default (old facts would say something else), a symbol that went, a field that left
the seal or went into it.
"""

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.registry import Registry, Schema
from schemas.stream import UNKNOWN

CHECKER: Any = ReaderWriterCompatibilityChecker


def breaks(old: Schema, new: Schema) -> list[str]:
    """Why a new version may not follow an old one; empty if it may."""
    found = [*unreadable(old, new), *rules(old, new), *moved(old, new)]
    inside = inner(old), inner(new)
    return [*found, *unreadable(*inside), *rules(*inside)]


def broken(registry: Registry) -> list[str]:
    """Every version of a subject that may not stand beside another one of it."""
    return [
        f"{one.subject} {one.version} and {other.version}: {why}"
        for one, other in combinations(registry.entries, 2)
        if one.subject == other.subject
        for why in breaks(registry.schemas[one.id], registry.schemas[other.id])
    ]


def inner(schema: Schema) -> Schema:
    """The record in the sealed field; one without fields where nothing is sealed."""
    nothing = {"type": "record", "name": f"{schema['name']}_sealed", "fields": []}
    return next((f["holds"] for f in schema["fields"] if "holds" in f), nothing)


def unreadable(old: Schema, new: Schema) -> Iterator[str]:
    for reader, writer in ((old, new), (new, old)):
        verdict = CHECKER().get_compatibility(
            avro.schema.parse(json.dumps(reader)), avro.schema.parse(json.dumps(writer))
        )
        if verdict.compatibility is not SchemaCompatibilityType.compatible:
            yield f"{verdict.messages} at {verdict.locations}"


def rules(old: Schema, new: Schema) -> Iterator[str]:
    before, after = dict(types(old, "")), dict(types(new, ""))
    for path in before.keys() & after.keys():
        was, now = before[path], after[path]
        if was["type"] != now["type"]:
            yield f"{path}: {now['type']} instead of {was['type']}"
        if was.get("logicalType") != now.get("logicalType"):
            yield f"{path}: another logical type"
        if gone := set(was.get("symbols", ())) - set(now.get("symbols", ())):
            yield f"{path}: {sorted(gone)} went"
    earlier, later = dict(defaults(old, "")), dict(defaults(new, ""))
    for path in earlier.keys() & later.keys():
        if earlier[path] != later[path]:
            yield f"{path}: the default {later[path]!r} instead of {earlier[path]!r}"


def moved(old: Schema, new: Schema) -> Iterator[str]:
    for a, b in ((old, new), (new, old)):
        if both := names(a) & names(inner(b)):
            yield f"{sorted(both)} moved into the seal or out of it"


def names(schema: Schema) -> set[str]:
    return {field["name"] for field in schema["fields"]}


def types(schema: Any, path: str) -> Iterator[tuple[str, Schema]]:
    """Every type within a schema by the path of fields that leads to it."""
    match schema:
        case list():
            for part in schema:
                yield from types(part, path)
        case {"type": "array", "items": items}:
            yield from types(items, f"{path}[]")
        case {"type": "record", "fields": fields}:
            for field in fields:
                yield from types(field["type"], f"{path}.{field['name']}")
        case dict():
            yield path, schema
        case str() if schema != "null":
            yield path, {"type": schema}


def defaults(schema: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What each field is read as where it was not written."""
    match schema:
        case list():
            for part in schema:
                yield from defaults(part, path)
        case {"type": "array", "items": items}:
            yield from defaults(items, f"{path}[]")
        case {"type": "record", "fields": fields}:
            for field in fields:
                inside = f"{path}.{field['name']}"
                if "default" in field:
                    yield inside, field["default"]
                yield from defaults(field["type"], inside)


def without_a_default(schema: Any) -> Iterator[str]:
    """Enums that a reader could not read past their last symbol."""
    for path, said in types(schema, schema["name"]):
        if said["type"] == "enum" and said.get("default") != UNKNOWN:
            yield path
