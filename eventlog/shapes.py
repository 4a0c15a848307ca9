"""Records to the dicts that Avro writes and back, by their type hints."""

from dataclasses import is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, get_origin

from domain.record import frozen
from schemas.atoms import ATOMS, Convert
from schemas.stream import bare, hints, item


@frozen
class Way:
    """To what Avro writes, and back; None where nothing is to be done."""

    there: Convert | None
    back: Convert | None


def way(hint: Any) -> Way:
    plain = bare(hint)
    found = core_way(plain.core)
    if not plain.nullable:
        return found
    return Way(there=unless_none(found.there), back=unless_none(found.back))


def unless_none(convert: Convert | None) -> Convert | None:
    return convert and (lambda value: None if value is None else convert(value))


def core_way(core: Any) -> Way:
    if item(core):
        return many(get_origin(core), way(item(core)))
    if is_dataclass(core):
        record: Any = core
        shape = shape_of(record)
        return Way(there=shape.there, back=shape.back)
    if atom := ATOMS.get(core):
        return Way(there=atom.there, back=atom.back)
    return Way(there=None, back=None)


def many(kind: Any, each: Way) -> Way:
    """A set is written in a fixed order, so that equal facts are equal bytes."""
    there, back = each.there or same, each.back or same
    if kind is frozenset:
        return Way(
            there=lambda found: sorted(map(there, found), key=repr),
            back=lambda found: frozenset(map(back, found)),
        )
    return Way(there=lambda found: [*map(there, found)], back=lambda found: tuple(map(back, found)))


def same(value: Any) -> Any:
    return value


class Shape:
    """Some fields of a record."""

    def __init__(self, record: type, names: list[str]) -> None:
        self.record, self.names = record, names
        ways = {name: way(hints(record)[name]) for name in names}
        self._there = [(name, w.there) for name, w in ways.items() if w.there]
        self._back = [(name, w.back) for name, w in ways.items() if w.back]
        self._many = attrgetter(*names) if len(names) > 1 else None

    def there(self, value: Any) -> dict[str, Any]:
        if self._many:
            made = dict(zip(self.names, self._many(value), strict=True))
        else:
            made = {name: getattr(value, name) for name in self.names}
        for name, convert in self._there:
            made[name] = convert(made[name])
        return made

    def values(self, made: dict[str, Any]) -> dict[str, Any]:
        """In place: the values of the fields from what Avro read."""
        for name, convert in self._back:
            made[name] = convert(made[name])
        return made

    def back(self, made: dict[str, Any]) -> Any:
        return self.record(**self.values(made))


@cache
def shape_of(record: type) -> Shape:
    return Shape(record, list(hints(record)))
