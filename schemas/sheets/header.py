"""Which column of a sheet is which, whatever their order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from unicodedata import normalize

from schemas.sheets.child import PREFACE
from schemas.sheets.columns import CellError, Column, SheetErrors, UnreadableSheet, letter
from schemas.sheets.parsing import Cell, Grid

LONGEST_QUOTE = 40


@dataclass(frozen=True, kw_only=True)
class Header:
    """`at` is the header's place in the grid's rows; `places` the place of each column in a row."""

    at: int
    places: Mapping[int, Column]


def find_header(grid: Grid, columns: Sequence[Column]) -> Header:
    """The row, of the first ten of the sheet, that names the most columns: above it is preface."""
    known = {_key(name): column for column in columns for name in (column.name, *column.aliases)}
    head = grid.rows[: max(PREFACE - grid.row, 0)]
    best = max(head, key=lambda row: sum(_key(cell) in known for cell in row), default=())
    if not any(_key(cell) in known for cell in best):
        raise UnreadableSheet(
            f"None of the first {PREFACE} rows names the columns: the first sheet needs a row "
            f"with {', '.join(column.name for column in columns if column.required)}."
        )
    at = next(i for i, row in enumerate(head) if row is best)
    header = Header(
        at=at, places={i: known[k] for i, k in enumerate(map(_key, best)) if k in known}
    )
    if errors := [*_wrong(grid, header, known), *_missing(grid, header, columns)]:
        raise SheetErrors(errors)
    return header


def _key(cell: Cell) -> str:
    """E-Mail, e-mail and E - mail are one name."""
    return "".join(normalize("NFC", cell).casefold().split()) if isinstance(cell, str) else ""


def _wrong(grid: Grid, header: Header, known: Mapping[str, Column]) -> Iterator[CellError]:
    seen: dict[str, str] = {}
    for i, cell in enumerate(grid.rows[header.at]):
        row, place = grid.row + header.at + 1, letter(grid.column + i)
        column = header.places.get(i)
        if column and column.name in seen:
            message = f"this column is also in {seen[column.name]}: delete one of the two"
            yield CellError(row, place, column.name, message)
        elif column:
            seen[column.name] = f"{place}{row}"
        elif not _key(cell):
            yield from _nameless(grid, header, i)
        else:
            shown = str(cell).strip()[:LONGEST_QUOTE]
            yield CellError(row, place, shown, "there is no such column" + _advice(shown, known))


def _advice(name: str, known: Mapping[str, Column]) -> str:
    near = get_close_matches(_key(name), known, n=1)
    return f": did you mean “{known[near[0]].name}”?" if near else ": delete it"


def _nameless(grid: Grid, header: Header, place: int) -> Iterator[CellError]:
    for i, row in enumerate(grid.rows[header.at + 1 :], grid.row + header.at + 2):
        if row[place] != "":
            message = "this column has no header: name it in the header row or clear it"
            yield CellError(i, letter(grid.column + place), "", message)
            return


def _missing(grid: Grid, header: Header, columns: Sequence[Column]) -> Iterator[CellError]:
    row, present = grid.row + header.at + 1, {c.name for c in header.places.values()}
    for i, column in enumerate(c for c in columns if c.required and c.name not in present):
        place = letter(grid.column + len(grid.rows[header.at]) + i)
        yield CellError(row, place, column.name, f"the column “{column.name}” is missing: add it")
