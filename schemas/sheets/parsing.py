"""The confined parser, seen from the process that must survive it."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from schemas.sheets.archive import Limits
from schemas.sheets.columns import UnreadableSheet

CHILD = Path(__file__).with_name("child.py")
GAVE_UP = (
    "The file is too large or damaged: copy its rows into a new template and leave out "
    "formatting, pictures and other sheets."
)

# As JSON brings it: text, number, truth value, or {"date": as ISO says it}.
Cell = str | float | bool | dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The cells of a sheet; `row` and `column` of the first one, counted from 0."""

    row: int
    column: int
    rows: Sequence[Sequence[Cell]] = field(repr=False)


@dataclass(frozen=True)
class Look:
    """`kind` is n (number), e (error value) or f (formula)."""

    kind: Literal["n", "e", "f"]
    number_format: str


def parse(data: bytes, limits: Limits) -> Grid:
    """The first visible sheet."""
    return Grid(**_ask("rows", data, limits))


def look_at(data: bytes, limits: Limits) -> dict[tuple[int, int], Look]:
    """By (row, column) from 0: what the fast parser does not tell, at ten times its price."""
    found = _ask("formats", data, limits)
    return {(row, column): Look(kind, shown) for row, column, kind, shown in found}


def _ask(mode: str, data: bytes, limits: Limits) -> Any:
    """The child inherits no environment, thus no secret; `run` kills it by its id and reaps it."""
    caps = (limits.rows, limits.columns, limits.text, limits.memory, limits.seconds)
    try:
        done = subprocess.run(  # noqa: S603 (our interpreter, our file, numbers)
            [sys.executable, "-I", "-W", "ignore", str(CHILD), mode, *map(str, caps)],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            timeout=limits.seconds,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        raise UnreadableSheet(GAVE_UP) from None
    found = json.loads(done.stdout)
    if isinstance(found, dict) and "refused" in found:
        raise UnreadableSheet(found["refused"])
    return found
