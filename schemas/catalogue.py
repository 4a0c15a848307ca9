"""docs/events.md: every kind of fact, its fields, and which of them are sealed."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, get_args, get_origin

from schemas.stream import bare, hints, item, sealed_names, stored

PAGE = Path(__file__).parent.parent / "docs" / "events.md"
HEAD = """# What can happen

Written by `make docs` from the classes in domain/; do not edit. The Avro schema of each is in
schemas/avro. What is **sealed** can be read only with the key of its subject.
"""


def named(hint: Any) -> str:
    plain = bare(hint)
    core, end = plain.core, " or none" if plain.nullable else ""
    if item(core):
        return f"{'set' if get_origin(core) is frozenset else 'list'} of {named(item(core))}{end}"
    if choices := get_args(core):
        return " / ".join(choices) + end
    return f"{core.__name__}{end}"


def row(kind: Any) -> str:
    hidden = sealed_names(kind)
    parts = [
        f"{name}: {named(hint)}{' (**sealed**)' if name in hidden else ''}"
        for name, hint in hints(kind).items()
    ]
    return f"| {kind.__name__} | {', '.join(parts)} |"


def page(kinds: Mapping[str, type]) -> str:
    def module(kind: type) -> str:
        return kind.__module__

    return HEAD + "".join(
        section(name, among) for name, among in groupby(sorted(kinds.values(), key=module), module)
    )


def section(module: str, kinds: Iterable[type]) -> str:
    rows = "\n".join(sorted(map(row, kinds)))
    return f"\n## {module.rpartition('.')[2]}\n\n| fact | fields |\n|---|---|\n{rows}\n"


def write() -> None:
    PAGE.write_text(page(stored()))
