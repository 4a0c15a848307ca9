"""Records from the rows of a sheet: a column is said once, beside the field that it fills."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from marshmallow import ValidationError

from schemas.of import schema_of
from schemas.sheets.columns import CellError, Column, SheetErrors
from schemas.sheets.reading import Sheet

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
    """Every row as a record, or SheetErrors with all that is wrong; a blank cell is left out."""
    shape: type = record
    try:
        loaded: list[R] = schema_of(shape)(many=True).load(list(_raw(record, sheet)))
    except ValidationError as wrong:
        raise SheetErrors(list(_errors(record, sheet, wrong.messages_dict))) from None
    return loaded


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


def _raw(record: type, sheet: Sheet) -> Iterator[dict[str, Any]]:
    columns, lists = columns_of(record), _lists(record)
    for row in sheet.rows:
        texts = {field: row.cells[column.name] for field, column in columns.items()}
        given = {
            field: _parts(text) if field in lists else text
            for field, text in texts.items()
            if text not in ("", CLEAR)
        }
        clear = [field for field, text in texts.items() if text == CLEAR]
        yield {**given, "row": row.number, "clear": clear}


def _lists(record: type) -> frozenset[str]:
    hints = get_type_hints(record)
    return frozenset(name for name, hint in hints.items() if _is_list(hint))


def _is_list(hint: Any) -> bool:
    return get_origin(hint) is tuple or any(map(_is_list, get_args(hint)))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _errors(record: type, sheet: Sheet, messages: Mapping[Any, Any]) -> Iterator[CellError]:
    for index, fields in sorted(messages.items()):
        for field, said in fields.items():
            for message in _flat(said):
                column = columns_of(record)[field]
                yield sheet.error(sheet.rows[index], column.name, message)


def _flat(said: Any) -> Iterator[str]:
    if isinstance(said, Mapping):
        for inner in said.values():
            yield from _flat(inner)
    else:
        yield from said
