"""Sheets for people: the template that they fill in, and what they take away."""

import re
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from schemas.sheets.archive import LIMITS
from schemas.sheets.columns import Column, letter

HOW_TO = "How to fill this in"
TEXT = "@"
BREAKS = re.compile(r"[\t\n\r]+")
UNWRITABLE = re.compile(r"[\x00-\x1f\ud800-\udfff\ufffe\uffff]")
# A reader would take a literal _x0041_ for an escaped A
ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
HEAD = PatternFill("solid", fgColor="D9E1F2")
NEEDED = PatternFill("solid", fgColor="F8CBAD")
MOST_TITLE = 31


def template(columns: Sequence[Column], title: str, notes: Sequence[str]) -> bytes:
    """M43. An empty sheet to fill in, and a second one that says how, with an example.

    Every column is text from top to bottom, so that leading zeros stay and 1-2 becomes no date.
    """
    workbook = Workbook(write_only=True)
    _sheet(workbook, columns, title, ())
    _how_to(workbook, columns, notes)
    return _bytes(workbook)


def write_sheet(columns: Sequence[Column], rows: Iterable[Mapping[str, str]]) -> bytes:
    """F5. Cells by column name, blank where absent; every one is a string, never a formula.

    Line breaks and tabs become a space; what XML cannot carry is left out.
    """
    workbook = Workbook(write_only=True)
    _sheet(workbook, columns, "Sheet", rows)
    return _bytes(workbook)


def _sheet(
    workbook: Workbook,
    columns: Sequence[Column],
    title: str,
    rows: Iterable[Mapping[str, str]],
) -> None:
    sheet = workbook.create_sheet(title[:MOST_TITLE])
    for i, column in enumerate(columns):
        sheet.column_dimensions[letter(i)].width = column.width
        sheet.column_dimensions[letter(i)].number_format = TEXT
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{letter(len(columns) - 1)}{LIMITS.rows + 1}"
    sheet.append([_head(sheet, column.name, needed=column.required) for column in columns])
    for row in rows:
        sheet.append([_string(sheet, row.get(column.name, "")) for column in columns])


def _how_to(workbook: Workbook, columns: Sequence[Column], notes: Sequence[str]) -> None:
    sheet = workbook.create_sheet(HOW_TO)
    for name, width in zip("ABCD", (22, 12, 70, 24), strict=True):
        sheet.column_dimensions[name].width = width
    for note in notes:
        sheet.append([_string(sheet, note)])
    sheet.append([])
    sheet.append([_head(sheet, name) for name in ("Column", "Needed", "What to write", "Example")])
    for column in columns:
        needed = "yes" if column.required else ""
        texts = (column.name, needed, column.help, column.example)
        cells = [_string(sheet, text) for text in texts]
        cells[2].alignment = Alignment(wrap_text=True, vertical="top")
        sheet.append(cells)


def _head(sheet: WriteOnlyWorksheet, name: str, *, needed: bool = False) -> Cell:
    cell = _string(sheet, name)
    cell.font, cell.fill = Font(bold=True), NEEDED if needed else HEAD
    return cell


def _string(sheet: WriteOnlyWorksheet, text: str) -> Cell:
    """The type is set last: openpyxl takes what begins with = for a formula."""
    kept = UNWRITABLE.sub("", BREAKS.sub(" ", text))
    cell = WriteOnlyCell(sheet, ESCAPE.sub("_x005F_", kept))
    cell.data_type, cell.number_format = "s", TEXT
    return cell


def _bytes(workbook: Workbook) -> bytes:
    file = BytesIO()
    workbook.save(file)
    return file.getvalue()
