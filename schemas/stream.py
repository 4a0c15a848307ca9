"""The Avro schema of any fact, from its type hints: nothing is said twice.

`python -m schemas.stream` writes what is new into schemas/avro and the lock file;
with `--reset-unreleased` it replaces what has changed, which only an unreleased house may.
"""

from collections.abc import Iterable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click

import domain
from domain.kernel import EVENTS
from domain.record import Erased, frozen, personal_fields
from domain.reports import REPORTS
from schemas.atoms import ATOMS
from schemas.registry import Registry, Schema

NAMESPACE = "gatehouse"
SEALED_FIELD = "sealed"
UNKNOWN = "UNKNOWN"


@frozen
class Bare:
    """A type hint without NewType, Personal and None."""

    core: Any
    nullable: bool


def bare(hint: Any) -> Bare:
    if hasattr(hint, "__metadata__"):
        return bare(hint.__origin__)
    if hasattr(hint, "__supertype__"):
        return bare(hint.__supertype__)
    if get_origin(hint) in (Union, UnionType):
        parts = set(get_args(hint)) - {NoneType, Erased}
        if len(parts) != 1:
            raise TypeError(f"{hint}: a stored value has one type, or none")
        inner = bare(parts.pop())
        return Bare(core=inner.core, nullable=inner.nullable or NoneType in get_args(hint))
    return Bare(core=hint, nullable=False)


def item(core: Any) -> Any:
    """What a frozenset[T] or a tuple[T, ...] holds; None for anything else."""
    args = get_args(core)
    if get_origin(core) is frozenset or (get_origin(core) is tuple and args[1:] == (...,)):
        return args[0]
    return None


@cache
def hints(record: type) -> dict[str, Any]:
    """The type hints of the fields of a record, in their order."""
    found = get_type_hints(record, include_extras=True)
    return {f.name: found[f.name] for f in fields(record)}


class Names:
    """Builds one schema. Avro defines a named type where it first stands, then refers to it."""

    def __init__(self, owner: str) -> None:
        self._owner, self._known = owner, set[str]()

    def type_of(self, hint: Any, path: str) -> Any:
        plain = bare(hint)
        made = self._core(plain.core, path)
        return ["null", made] if plain.nullable else made

    def _core(self, core: Any, path: str) -> Any:
        if get_origin(core) is Literal:
            symbols = [*get_args(core), UNKNOWN]
            return {"type": "enum", "name": path, "symbols": symbols, "default": UNKNOWN}
        if item(core):
            return {"type": "array", "items": self.type_of(item(core), path)}
        if is_dataclass(core):
            return self._record(core, f"{self._owner}_{getattr(core, '__name__', path)}")
        if core not in ATOMS:
            raise TypeError(f"{path}: {core} has no Avro type")
        return ATOMS[core].avro

    def _record(self, core: Any, name: str) -> Any:
        if name in self._known:
            return f"{NAMESPACE}.{name}"
        self._known.add(name)
        return {"type": "record", "name": name, "fields": self.fields(core, name, hints(core))}

    def fields(self, record: type, path: str, names: Iterable[str]) -> list[Schema]:
        made = {f.name: f for f in fields(record)}
        return [self._field(made[n], hints(record)[n], f"{path}_{n}") for n in names]

    def _field(self, field: "Field[Any]", hint: Any, path: str) -> Schema:
        """What may be None has the default null, so that it can be added and given up."""
        said: Schema = {"name": field.name, "type": self.type_of(hint, path)}
        default = default_of(field)
        if default is not MISSING:
            said["default"] = plain(default, path)
        elif bare(hint).nullable:
            said["default"] = None
        if said.get("default") is not None and bare(hint).nullable:
            said["type"].reverse()
        return said


def default_of(field: "Field[Any]") -> Any:
    made = field.default_factory
    return field.default if made is MISSING else made()


def plain(value: Any, path: str) -> Any:
    """A default as JSON says it."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case frozenset() | tuple():
            return sorted(plain(each, path) for each in value)
    if (atom := ATOMS.get(type(value))) and atom.there:
        return atom.there(value)
    raise TypeError(f"{path}: {value!r} cannot be a default; make it None")


def open_names(record: type) -> list[str]:
    return [name for name in hints(record) if name not in personal_fields(record)]


def sealed_names(record: type) -> list[str]:
    return [name for name in hints(record) if name in personal_fields(record)]


def guarded(record: type, names: Iterable[str], seen: str) -> None:
    """What is personal deep in an open field would be stored in clear: refused."""
    for name in names:
        core = bare(hints(record)[name]).core
        while item(core):
            core = bare(item(core)).core
        if is_dataclass(core):
            inner: Any = core
            if personal_fields(inner):
                raise TypeError(f"{seen}.{name} holds what is personal: make it Personal[...]")
            guarded(inner, hints(inner), f"{seen}.{name}")


@cache
def schema_of(record: type) -> Schema:
    """The open fields, and one `sealed` whose attribute `holds` is the schema of its inside."""
    name, hidden = record.__name__, sealed_names(record)
    guarded(record, open_names(record), name)
    if SEALED_FIELD in hints(record):
        raise TypeError(f"{name}: the name {SEALED_FIELD} is taken")
    said = Names(name).fields(record, name, open_names(record))
    if hidden:
        inside = Names(name).fields(record, f"{name}_{SEALED_FIELD}", hidden)
        holds = {"type": "record", "name": f"{name}_{SEALED_FIELD}", "namespace": NAMESPACE}
        box = {"name": SEALED_FIELD, "type": "bytes", "default": ""}
        said.append(box | {"holds": holds | {"fields": inside}})
    return {"type": "record", "name": name, "namespace": NAMESPACE, "fields": said}


def stored() -> dict[str, type]:
    """Every kind of fact there is, by name."""
    for module in walk_packages(domain.__path__, f"{domain.__name__}."):
        import_module(module.name)
    if both := EVENTS.keys() & REPORTS.keys():
        raise TypeError(f"events and reports share the names {sorted(both)}")
    return dict(sorted((EVENTS | REPORTS).items()))


def registered(*records: type, base: Registry | None = None) -> Registry:
    """A registry that knows these, in this order."""
    return (base or Registry((), {})).with_(map(schema_of, records))


@click.command()
@click.option("--reset-unreleased", is_flag=True, help="Forget all versions but the present one.")
def main(reset_unreleased: bool) -> None:
    known, wanted = Registry.load(), [schema_of(record) for record in stored().values()]
    made = known.unreleased(wanted) if reset_unreleased else known.with_(wanted)
    made.save()
    click.echo(f"{len(made.entries)} schemas, {len(known.entries)} before")


if __name__ == "__main__":
    main()
