"""From the bytes of an .xlsx file to rows of clean text, or to everything that is wrong in it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from unicodedata import normalize

from schemas.sheets.archive import LIMITS, Limits, examine
from schemas.sheets.columns import CellError, Column, SheetErrors, UnreadableSheet, letter
from schemas.sheets.header import Header, find_header
from schemas.sheets.parsing import Cell, Grid, Look, look_at, parse

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What a code becomes that went through a narrow column of a CSV file: 1.23457E+11
EXPONENT = re.compile(r"\d[.,]\d+E\+\d+", re.ASCII)
# 0000, also with the blank that Excel's own number formats put behind ("0_ ")
ZEROS = re.compile(r"(0+)(?:_.)*")
PLAIN = ("General", "@")
FIFTEEN_DIGITS = 10**15

AS_TEXT = ": format the column as text and type the code again"


@dataclass(frozen=True)
class SheetRow:
    """`number` as the spreadsheet shows it; `cells` by column name, "" where blank or absent."""

    number: int
    cells: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Sheet:
    """`letters` tells where a column stands, for errors that only the importer can find."""

    rows: Sequence[SheetRow]
    letters: Mapping[str, str]

    def error(self, row: SheetRow, column_name: str, message: str) -> CellError:
        return CellError(row.number, self.letters.get(column_name, ""), column_name, message)


class Bad(Exception):
    """One cell; the message says what to do."""


def read_sheet(data: bytes, columns: Sequence[Column], *, limits: Limits = LIMITS) -> Sheet:
    """F1, F2, M43. The first visible sheet of an untrusted file; blank rows are left out.

    Text is stripped and in NFC. Raises UnreadableSheet (the file), SheetErrors (its cells).
    """
    calculates = examine(data, limits)
    grid = parse(data, limits)
    header = find_header(grid, columns)
    body = _filled(grid, header, limits)
    numbers = any(_is_number(row[i]) for _, row in body for i, c in header.places.items() if c.code)
    looks = look_at(data, limits) if calculates or numbers else {}
    errors = [*_valueless(grid, header, looks)]
    blank = dict.fromkeys((column.name for column in columns), "")
    rows = [
        SheetRow(number + 1, blank | texts)
        for number, row in body
        if any((texts := _texts(number, row, grid, header, looks, errors)).values())
    ]
    if errors:
        raise SheetErrors(sorted(errors, key=lambda e: (e.row, len(e.column_letter), e.cell)))
    letters = {c.name: letter(grid.column + i) for i, c in header.places.items()}
    return Sheet(rows, letters)


def _filled(grid: Grid, header: Header, limits: Limits) -> list[tuple[int, Sequence[Cell]]]:
    """The rows below the header that hold anything, with their numbers from 0."""
    below = enumerate(grid.rows[header.at + 1 :], grid.row + header.at + 1)
    body = [(number, row) for number, row in below if any(cell != "" for cell in row)]
    if len(body) > limits.rows:
        raise UnreadableSheet(
            f"The sheet has {len(body):,} rows; {limits.rows:,} are the most: split the file."
        )
    return body


def _texts(
    number: int,
    row: Sequence[Cell],
    grid: Grid,
    header: Header,
    looks: Mapping[tuple[int, int], Look],
    errors: list[CellError],
) -> dict[str, str]:
    return {
        column.name: cell.strip()
        if type(cell := row[i]) is str and _is_plain(cell)
        else _tried(cell, column, (number, grid.column + i), looks, errors)
        for i, column in header.places.items()
    }


def _is_plain(cell: str) -> bool:
    """Nearly every cell of 200,000: nothing in it needs a closer look."""
    return cell.isascii() and cell.isprintable() and "E+" not in cell


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _tried(
    cell: Cell,
    column: Column,
    at: tuple[int, int],
    looks: Mapping[tuple[int, int], Look],
    errors: list[CellError],
) -> str:
    try:
        return _text(cell, column, looks.get(at))
    except Bad as bad:
        errors.append(CellError(at[0] + 1, letter(at[1]), column.name, str(bad)))
        return ""


def _text(cell: Cell, column: Column, look: Look | None) -> str:
    match cell:
        case str():
            return _clean(cell, column)
        case bool():
            raise Bad("TRUE or FALSE is no text: type what is meant")
        case int() | float():
            return _number(cell, column, look)
        case {"date": date} if column.code:
            shown = "" if column.secret else f" {date}"
            raise Bad(f"the spreadsheet made a date{shown} of this{AS_TEXT}")
        case {"date": date}:
            return date
    raise TypeError(type(cell).__name__)


def _clean(text: str, column: Column) -> str:
    text = normalize("NFC", text).strip()
    if CONTROL.search(text):
        raise Bad("a line break or an invisible control character is inside: type it again")
    if column.code and EXPONENT.fullmatch(text):
        raise Bad(f"the digits were lost to scientific notation{AS_TEXT}")
    return text


def _number(value: float, column: Column, look: Look | None) -> str:
    if not abs(value) < FIFTEEN_DIGITS:
        raise Bad(f"a spreadsheet keeps no more than 15 digits of a number{AS_TEXT}")
    if not column.code:
        return str(int(value)) if value == int(value) else repr(value)
    if value != int(value) or value < 0:
        raise Bad(f"the spreadsheet made a number of this that is no code{AS_TEXT}")
    return _as_shown(int(value), look.number_format if look else "General")


def _as_shown(code: int, number_format: str) -> str:
    if number_format in PLAIN:
        return str(code)
    zeros = ZEROS.fullmatch(number_format.split(";")[0])
    if not zeros:
        raise Bad(f"the cell shows a code in a number format that may hide digits{AS_TEXT}")
    return str(code).zfill(len(zeros[1]))


def _valueless(
    grid: Grid, header: Header, looks: Mapping[tuple[int, int], Look]
) -> Iterator[CellError]:
    """The parser gives them as blank, and blank means "keep" (M45)."""
    for (row, column), look in looks.items():
        at, i = row - grid.row, column - grid.column
        if look.kind == "n" or i not in header.places or at <= header.at or at >= len(grid.rows):
            continue
        cells = grid.rows[at]
        if look.kind == "e" or (cells[i] == "" and any(cell != "" for cell in cells)):
            message = "an error value, or a formula without a value: type the value itself"
            yield CellError(row + 1, letter(column), header.places[i].name, message)
