"""A program of its own: parses one untrusted workbook from stdin, answers in JSON, may die of it.

`rows ROWS COLUMNS TEXT MEMORY SECONDS` gives the cells of the first visible sheet, and
`formats …` the kinds and number formats of those cells that have one worth a look.
It imports nothing of ours, and no part of the file is ever an argument.
"""

import json
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import reduce
from io import BytesIO
from posixpath import join, normpath
from string import ascii_uppercase
from typing import Any
from xml.etree.ElementTree import Element, fromstring, iterparse
from zipfile import ZipFile

PREFACE = 10
GENERAL = "General"
VISIBLE = (None, "visible")


def confine(memory: int, seconds: int) -> None:
    """Also no core dump: it would hold the PINs of the file."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def rows(data: bytes, most_rows: int, most_columns: int) -> dict[str, Any]:
    """{row, column: of the first cell, from 0; rows: lists of cells} or {refused: why}."""
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    workbook = CalamineWorkbook.from_filelike(BytesIO(data))
    for about in workbook.sheets_metadata:
        if (about.visible, about.typ) == (SheetVisibleEnum.Visible, SheetTypeEnum.WorkSheet):
            break
    else:
        return {"refused": "The file has no visible sheet."}
    sheet = workbook.get_sheet_by_name(about.name)
    if sheet.start is None or sheet.end is None:
        return {"refused": "The first sheet is empty: the rows belong on the first sheet."}
    (row, column), (last_row, last_column) = sheet.start, sheet.end
    if last_row >= most_rows + PREFACE:
        return {
            "refused": f"The sheet goes down to row {last_row + 1:,}; {most_rows:,} rows are the "
            "most: split the file, or delete what stands far below the last row."
        }
    if last_column >= most_columns:
        return {
            "refused": f"The sheet goes to column {last_column + 1}; {most_columns} columns are "
            "the most: delete what stands far right of the last column."
        }
    return {"row": row, "column": column, "rows": sheet.to_python()}


def formats(data: bytes, most_rows: int, most_columns: int) -> list[tuple[int, int, str, str]]:
    """(row, column, kind, number format) from 0; kind is n, e (an error value) or f (a formula).

    By hand: openpyxl needs four times as long and gives up at styles that Excel forgives (an empty
    <fill/>).
    """
    with ZipFile(BytesIO(data)) as archive:
        shown = number_formats(archive)
        return [
            (row, column, kind, shown.get(int(cell.get("s", "0")), GENERAL))
            for row, cells in numbered(sheet_rows(archive))
            for column, cell in numbered(cells)
            if row < most_rows + PREFACE and column < most_columns and (kind := kind_of(cell))
        ]


def number_formats(archive: ZipFile) -> dict[int, str]:
    """By index of cell style. Of the built-in formats only those that are harmless to a code."""
    styles = parsed(archive, "xl/styles.xml")
    formats = styles.iterfind("{*}numFmts/{*}numFmt")
    own = {format.get("numFmtId"): format.get("formatCode", "") for format in formats}
    named = {"0": GENERAL, "1": "0", "49": "@"} | own
    used = (style.get("numFmtId", "0") for style in styles.iterfind("{*}cellXfs/{*}xf"))
    return {i: named.get(number, f"built-in {number}") for i, number in enumerate(used)}


def sheet_rows(archive: ZipFile) -> Iterator[Element]:
    """The rows of the first visible sheet, each gone when the next is asked for."""
    workbook = parsed(archive, "xl/workbook.xml")
    related = parsed(archive, "xl/_rels/workbook.xml.rels")
    targets = {r.get("Id"): r for r in related if r.get("Type", "").endswith("/worksheet")}
    shown = (s for s in workbook.iterfind("{*}sheets/{*}sheet") if s.get("state") in VISIBLE)
    ids = (value for s in shown for name, value in s.items() if name.endswith("}id"))
    target = next(targets[i] for i in ids if i in targets).get("Target", "")
    with archive.open(normpath(join("/xl", target)).lstrip("/")) as xml:
        for _, element in iterparse(xml):  # noqa: S314 (confined, and expat stops entity bombs)
            if element.tag.endswith("}row"):
                yield element
                element.clear()


def numbered(elements: Iterable[Element]) -> Iterator[tuple[int, Element]]:
    """With the row or column from 0 that `r` says (7, C7), or the one after the last."""
    place = -1
    for element in elements:
        digits = (said := element.get("r", "")).lstrip(ascii_uppercase)
        letters = said.removesuffix(digits)
        place = index(letters) if letters else int(said) - 1 if said else place + 1
        yield place, element


def index(letters: str) -> int:
    """A is 0."""
    return reduce(lambda above, last: above * 26 + ord(last) - 64, letters, 0) - 1


def kind_of(cell: Element) -> str:
    namespace = cell.tag[:-1]
    if cell.find(f"{namespace}f") is not None:
        return "f"
    kind = cell.get("t", "n")
    return kind if kind in ("n", "e") and cell.find(f"{namespace}v") is not None else ""


def parsed(archive: ZipFile, name: str) -> Element:
    """An empty one where there is none."""
    if name not in archive.namelist():
        return Element(name)
    return fromstring(archive.read(name))  # noqa: S314 (confined, and expat stops entity bombs)


def dated(value: object) -> dict[str, str]:
    if isinstance(value, date | datetime | time):
        return {"date": value.isoformat(sep=" ") if isinstance(value, datetime) else f"{value}"}
    if isinstance(value, timedelta):
        return {"date": f"{value}"}
    raise TypeError(type(value).__name__)


def main(mode: str, *limits: str) -> None:
    most_rows, most_columns, text, memory, seconds = map(int, limits)
    confine(memory, seconds)
    read = {"rows": rows, "formats": formats}[mode]
    found = read(sys.stdin.buffer.read(), most_rows, most_columns)
    answer = json.dumps(found, default=dated, ensure_ascii=False, separators=(",", ":")).encode()
    if len(answer) > text:
        answer = json.dumps({"refused": "The sheet holds too much text: split the file."}).encode()
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
