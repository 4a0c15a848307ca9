"""A command as canonical text, so that a repeat can be told from another command."""

from collections.abc import Mapping
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
    if kind in PLAIN:
        return value
    if names := field_names(kind):
        return kind.__name__, *[plain(getattr(value, name)) for name in names]
    match value:
        case Mapping():
            return sorted(((plain(k), plain(v)) for k, v in value.items()), key=repr)
        case frozenset() | set():
            return sorted(map(plain, value), key=repr)
        case list() | tuple():
            return [plain(each) for each in value]
    return kind.__name__, str(value)  # UUID, date, time, Decimal, an address


@cache
def field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
