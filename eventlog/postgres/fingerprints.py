"""A command as canonical text, so that a repeat can be told from another command."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

PLAIN = frozenset({str, int, bool, float, bytes, type(None)})


def canonical(command: object) -> str:
    """Equal for equal commands, in every process. Secrets are in it: hash it, with a key."""
    return repr(plain(command))


def plain(value: Any) -> Any:
    """Tuples of what has one unambiguous repr; what has no order is put in one."""
    kind: type = type(value)
    return value if kind in PLAIN else way(kind)(value)


@cache
def way(kind: type) -> Callable[[Any], Any]:
    """How the values of a type become plain."""
    name = kind.__name__
    if is_dataclass(kind):
        names = [field.name for field in fields(kind)]
        return lambda record: (name, *[plain(getattr(record, each)) for each in names])
    if issubclass(kind, Mapping):
        return lambda found: sorted(((plain(k), plain(v)) for k, v in found.items()), key=repr)
    if issubclass(kind, frozenset | set):
        return lambda found: sorted(map(plain, found), key=repr)
    if issubclass(kind, list | tuple):
        return lambda found: [plain(each) for each in found]
    return lambda value: (name, str(value))  # UUID, date, time, Decimal, an address
