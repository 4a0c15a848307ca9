"""A command as canonical bytes, so that a repeat can be told from another command."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any


def canonical(command: object) -> str:
    """Equal for equal commands, in every process. Secrets are in it: hash it, with a key."""
    return json.dumps(plain(command), sort_keys=True, ensure_ascii=False)


def plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.hex()
        case Enum():
            return value.name
        case Mapping():
            return sorted(([plain(k), plain(v)] for k, v in value.items()), key=repr)
        case frozenset() | set():
            return sorted(map(plain, value), key=repr)
        case list() | tuple():
            return [plain(each) for each in value]
    if is_dataclass(value):
        held = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return [type(value).__name__, held]
    return [type(value).__name__, str(value)]  # UUID, date, time, Decimal
