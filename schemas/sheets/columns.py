"""What a sheet is asked for, and what can be wrong with it."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass


@dataclass(frozen=True)
class Column:
    """`required` is the column, not its cells: a blank cell is for the importer to judge (M45).

    `code`: digits that are no number (PIN, card, phone, apartment), so leading zeros count and no
    spreadsheet's rounding, date or exponent may touch them. `secret`: no message shows its cells.
    `aliases` are other headers it answers to; `width` is in characters.
    """

    name: str
    help: str
    _: KW_ONLY
    required: bool = False
    code: bool = False
    secret: bool = False
    example: str = ""
    width: float = 16
    aliases: Sequence[str] = ()


@dataclass(frozen=True)
class CellError:
    """`row` and `column_letter` as the spreadsheet shows them; the message says what to do."""

    row: int
    column_letter: str
    column_name: str
    message: str

    @property
    def cell(self) -> str:
        return f"{self.column_letter}{self.row}"

    def __str__(self) -> str:
        return f"{self.cell} ({self.column_name}): {self.message}"


class SheetErrors(Exception):
    """Everything that is wrong in a sheet, at once and in reading order."""

    def __init__(self, errors: Sequence[CellError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = tuple(errors)


class UnreadableSheet(Exception):
    """The file as a whole is refused; the message says why and what to do."""


def letter(index: int) -> str:
    """The spreadsheet's name of a column, counted from 0: A, …, Z, AA, …"""
    above, last = divmod(index, 26)
    return (letter(above - 1) if above else "") + chr(ord("A") + last)
