"""Real .xlsx files, read and written safely; which columns and what they mean is said elsewhere.

What writes them is in schemas.sheets.writing, for it takes a while to import.
"""

from schemas.sheets.archive import LIMITS, Limits
from schemas.sheets.columns import CellError, Column, SheetErrors, UnreadableSheet
from schemas.sheets.reading import Sheet, SheetRow, read_sheet

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
]
