"""Records from the rows of a sheet: a column is said once, beside the field that it fills."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from schemas.sheets.columns import CellError, Column, SheetErrors
from schemas.sheets.reading import Sheet, SheetRow

R = TypeVar("R")
CLEAR = "#CLEAR"  # A20: blank keeps what is there, this empties it


@cache
def columns_of(record: type) -> Mapping[str, Column]:
    """{field: Column} of a record whose fields are `Annotated[type, Column(...)]`.

    Such a record also has `row: int`, its number in the sheet, and `clear: frozenset[str]`, the
    fields whose cells say #CLEAR.
    """
    hints = get_type_hints(record, include_extras=True)
    found = {
        name: part for name, hint in hints.items() for part in get_args(hint) if is_column(part)
    }
    return MappingProxyType(found)


def is_column(part: object) -> bool:
    return isinstance(part, Column)


def load(record: type[R], sheet: Sheet) -> list[R]:
    """Every row as a record; a blank cell is left out, a field of several parts is split at ";".

    Cells are text and stay text: what is wrong with them is the importer's to say, all at once.
    """
    shape: type = record
    lists = _lists(shape)
    names = {field: column.name for field, column in columns_of(shape).items()}
    return [record(**_fields(row, names, lists)) for row in sheet.rows]


def locate(record: type, sheet: Sheet, wrong: Sequence[tuple[int, str, str]]) -> SheetErrors:
    """(row number, field, message) said in the sheet's own words."""
    columns = columns_of(record)
    names = {field: column.name for field, column in columns.items()}
    return SheetErrors(
        [
            CellError(row, sheet.letters.get(names[field], ""), names[field], message)
            for row, field, message in sorted(wrong)
        ]
    )


def _fields(row: SheetRow, names: Mapping[str, str], lists: frozenset[str]) -> dict[str, Any]:
    given: dict[str, Any] = {"row": row.number}
    clear = []
    for field, name in names.items():
        if (text := row.cells[name]) == CLEAR:
            clear.append(field)
        elif text:
            given[field] = _parts(text) if field in lists else text
    return given | {"clear": frozenset(clear)}


def _lists(record: type) -> frozenset[str]:
    hints = get_type_hints(record)
    return frozenset(name for name, hint in hints.items() if _is_list(hint))


def _is_list(hint: Any) -> bool:
    return get_origin(hint) is tuple or any(map(_is_list, get_args(hint)))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in map(str.strip, text.split(";")) if part)
