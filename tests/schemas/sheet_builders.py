"""Workbooks for tests: as spreadsheet programs write them, and as an attacker does."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook

from schemas.sheets import Column

NAME = Column("Name", "Who", required=True)
PIN = Column("PIN", "2 to 8 digits", code=True, secret=True)
APT = Column("Apt", "2#123A", code=True, aliases=("Apartment",))
COLUMNS = (NAME, PIN, APT)

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SHEET = "xl/worksheets/sheet1.xml"

SKELETON = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/{SHEET}" ContentType="{TYPES}.worksheet+xml"/>'
    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{TYPES}.sharedStrings+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{OFFICE}"><sheets>'
    '<sheet name="People" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    f'<Relationship Id="r3" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/sharedStrings.xml": f"<sst {MAIN}><si><t>Name</t></si></sst>",
    "xl/styles.xml": f"<styleSheet {MAIN}><fonts><font/></fonts>"
    "<fills><fill><patternFill/></fill></fills><borders><border/></borders>"
    "<cellStyleXfs><xf/></cellStyleXfs><cellXfs><xf/></cellXfs>"
    '<cellStyles><cellStyle name="Normal" xfId="0"/></cellStyles></styleSheet>',
}


class Pipe(BytesIO):
    """Cannot go back: its members carry their sizes behind them, as streaming writers do."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError


def saved(workbook: Workbook) -> bytes:
    file = BytesIO()
    workbook.save(file)
    return file.getvalue()


def a_workbook(cells: Mapping[str, Any], formats: Mapping[str, str] | None = None) -> bytes:
    """Written by openpyxl; a header in row 1 unless the cells say otherwise."""
    workbook = Workbook()
    [sheet] = workbook.worksheets
    header = {"A1": "Name", "B1": "PIN", "C1": "Apt"}
    for place, value in ({} if "A1" in cells else header).items() | cells.items():
        sheet[place].value = value
        if isinstance(value, str) and not value.startswith("f:"):
            sheet[place].data_type = "s"
        elif isinstance(value, str):
            sheet[place].value = value.removeprefix("f:")
    for place, shown in (formats or {}).items():
        sheet[place].number_format = shown
    return saved(workbook)


def packed(
    parts: Mapping[str, str | bytes], *, into: BytesIO | None = None, level: int = 6
) -> bytes:
    file = into or BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=level) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


def rows_of(xml: str) -> str:
    return f"<worksheet {MAIN}><sheetData>{xml}</sheetData></worksheet>"


def by_hand(rows: str, **more: str | bytes) -> bytes:
    """A workbook around the XML of its rows; `more` are parts, `sharedStrings` for its texts."""
    parts = {f"xl/{name}.xml": text for name, text in more.items()}
    return packed({**SKELETON, SHEET: rows_of(rows), **parts})
