"""Real .xlsx files, read and written safely; which columns and what they mean is said elsewhere."""

from schemas.sheets.archive import LIMITS, Limits
from schemas.sheets.columns import CellError, Column, SheetErrors, UnreadableSheet
from schemas.sheets.reading import Sheet, SheetRow, read_sheet
from schemas.sheets.writing import template, write_sheet

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

__all__ = [
    "LIMITS",
    "XLSX",
    "CellError",
    "Column",
    "Limits",
    "Sheet",
    "SheetErrors",
    "SheetRow",
    "UnreadableSheet",
    "read_sheet",
    "template",
    "write_sheet",
]
