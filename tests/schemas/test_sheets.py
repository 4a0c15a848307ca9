"""What people type, and what arrives."""

from io import BytesIO
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from schemas.sheets import Column, SheetErrors, UnreadableSheet, read_sheet
from schemas.sheets.writing import template, write_sheet
from tests.schemas.sheet_builders import (
    APT,
    COLUMNS,
    MAIN,
    NAME,
    PIN,
    SHEET,
    SKELETON,
    Pipe,
    a_workbook,
    by_hand,
    packed,
    rows_of,
    saved,
)

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    '=HYPERLINK("http://evil.example","Ann")',
    "=cmd|'/C'!A",
]
ODD = ["007", "0000", "#REF!", "TRUE", "_x0041_", "2026-01-02", "1-2", "👩‍👩‍👧", "e\u0301", "עברית"]
LETTERS = st.characters(
    exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\ufffe\uffff"
)
TEXTS = (st.text(LETTERS, max_size=20) | st.sampled_from(FORMULAS + ODD)).map(
    lambda text: normalize("NFC", text).strip()
)


def cells(data: bytes) -> list[dict[str, str]]:
    return [dict(row.cells) for row in read_sheet(data, COLUMNS).rows]


def errors(data: bytes) -> list[str]:
    with pytest.raises(SheetErrors) as caught:
        read_sheet(data, COLUMNS)
    return [str(error) for error in caught.value.errors]


def test_m43_rows_carry_the_number_that_the_spreadsheet_shows() -> None:
    sheet = read_sheet(
        a_workbook({"A3": " Ann ", "B3": "0123", "A6": "Bob", "C6": "2#1A"}), COLUMNS
    )
    assert [(row.number, dict(row.cells)) for row in sheet.rows] == [
        (3, {"Name": "Ann", "PIN": "0123", "Apt": ""}),
        (6, {"Name": "Bob", "PIN": "", "Apt": "2#1A"}),
    ]
    assert str(sheet.error(sheet.rows[1], "Apt", "unknown")) == "C6 (Apt): unknown"


def test_m43_headers_match_in_any_order_case_and_spacing_below_a_preface() -> None:
    data = a_workbook(
        {"A1": "Read this first", "C9": "n A m e", "D9": "APARTMENT", "C10": "Ann", "D10": "7"}
    )
    sheet = read_sheet(data, COLUMNS)
    assert [(row.number, dict(row.cells)) for row in sheet.rows] == [
        (10, {"Name": "Ann", "PIN": "", "Apt": "7"})
    ]
    assert sheet.letters == {"Name": "C", "Apt": "D"}


def test_m43_a_header_below_the_tenth_row_is_not_looked_for() -> None:
    with pytest.raises(UnreadableSheet, match="first 10 rows"):
        read_sheet(a_workbook({"A1": "Read this", "A11": "Name", "A12": "Ann"}), COLUMNS)


def test_m43_every_wrong_header_is_told_at_once_with_its_cell() -> None:
    assert errors(
        a_workbook({"A1": "PIN", "B1": "Pin", "C1": "Aprt", "D1": "Zodiac", "E2": "x"})
    ) == [
        "B1 (PIN): this column is also in A1: delete one of the two",
        "C1 (Aprt): there is no such column: did you mean “Apt”?",
        "D1 (Zodiac): there is no such column: delete it",
        "E2 (): this column has no header: name it in the header row or clear it",
        "F1 (Name): the column “Name” is missing: add it",
    ]


@pytest.mark.parametrize(
    ("value", "shown", "text"),
    [
        ("0123", "@", "0123"),
        (123, "0000", "0123"),
        (123, "0000_ ", "0123"),
        (123, "0000;[Red]-0000", "0123"),
        (123, "General", "123"),
        (123, "0", "123"),
        (123, "@", "123"),
        (0, "0000", "0000"),
        (999_999_999_999_999, "0", "999999999999999"),
    ],
)
def test_m44_a_code_keeps_the_zeros_that_the_spreadsheet_shows(
    value: Any, shown: str, text: str
) -> None:
    assert cells(a_workbook({"A2": "Ann", "B2": value}, {"B2": shown})) == [
        {"Name": "Ann", "PIN": text, "Apt": ""}
    ]


@pytest.mark.parametrize(
    ("value", "shown", "why"),
    [
        (10**15, "0", "15 digits"),
        (1e300, "General", "15 digits"),
        (12345, "0.00E+00", "number format"),
        (0.5, "0%", "no code"),
        (12, "0%", "number format"),
        (1234, "#,##0", "number format"),
        (1.1, "General", "no code"),
        (-5, "General", "no code"),
        (46024, "yyyy-mm-dd", "made a date"),
        ("1.23457E+11", "@", "scientific"),
    ],
)
def test_m44_a_code_that_the_spreadsheet_changed_is_refused(
    value: Any, shown: str, why: str
) -> None:
    data = a_workbook({"A2": "Ann", "B2": value, "C2": value}, {"B2": shown, "C2": shown})
    secret, plain = errors(data)
    assert secret.startswith("B2 (PIN): ")
    assert plain.startswith("C2 (Apt): ")
    assert why in secret
    assert "format the column as text and type the code again" in secret
    assert str(value) not in secret
    assert "2026" not in secret


def test_m44_a_date_in_an_apartment_is_shown_but_never_in_a_secret() -> None:
    data = a_workbook({"A2": "Ann", "B2": 46024, "C2": 46024}, {"B2": "d-m", "C2": "d-m"})
    secret, plain = errors(data)
    assert "2026-01-02" in plain
    assert "2026" not in secret


@pytest.mark.parametrize(("value", "text"), [(12.0, "12"), (0.5, "0.5"), (10**14, "1" + "0" * 14)])
def test_m43_a_number_that_is_no_code_reads_as_people_write_it(value: float, text: str) -> None:
    [row] = cells(a_workbook({"A2": value}))
    assert row["Name"] == text


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (True, "TRUE or FALSE"),
        ("f:#REF!", "error value"),
        ("f:=1+1", "formula without a value"),
        ("Ann\nLee", "line break"),
        ("Ann\x7fLee", "invisible control character"),
        ("Ann\u2028Lee", "line break"),
    ],
)
def test_m43_a_cell_that_is_no_text_is_refused_by_name(value: Any, why: str) -> None:
    [error] = errors(a_workbook({"A2": value, "B2": "0123"}))
    assert error.startswith("A2 (Name): ")
    assert why in error


@pytest.mark.parametrize(
    ("typed", "text"), [("Rene\u0301", "René"), ("\u00a0Ann\u00a0", "Ann"), ("1.2E+11", "1.2E+11")]
)
def test_m43_text_is_composed_and_stripped_and_else_left_alone(typed: str, text: str) -> None:
    assert cells(a_workbook({"A2": typed})) == [{"Name": text, "PIN": "", "Apt": ""}]


def test_m43_an_error_value_alone_in_its_row_is_not_a_blank_row() -> None:
    assert errors(a_workbook({"A2": "f:#REF!"}))


def test_m43_a_formula_counts_by_its_stored_value() -> None:
    head = '<row><c t="str"><v>Name</v></c><c t="str"><v>PIN</v></c></row>'
    name, pin = '<c t="str"><f>B9</f><v>Ann</v></c>', '<c t="str"><f>B8</f><v>012</v></c>'
    row = f"<row>{name}{pin}</row>"
    drawn_down = '<row><c t="str"><f>B10</f><v></v></c></row>'
    assert cells(by_hand(head + row + drawn_down)) == [{"Name": "Ann", "PIN": "012", "Apt": ""}]
    broken = row.replace('t="str"><f>B9</f><v>Ann', 't="e"><f>B9</f><v>#REF!')
    [error] = errors(by_hand(head + broken))
    assert error.startswith("A2 (Name): ")


def test_m43_all_errors_come_at_once_in_reading_order() -> None:
    data = a_workbook({"C3": True, "A2": False, "B3": 1.5, "A4": "Ann"})
    assert [error.split(" ")[0] for error in errors(data)] == ["A2", "B3", "C3"]


def test_m43_shared_rich_and_phonetic_texts_read_as_openpyxl_reads_them() -> None:
    texts = (
        f"<sst {MAIN}><si><t>Name</t></si>"
        '<si><r><t xml:space="preserve">Ann </t></r><r><rPr><b/></rPr><t>Lee</t></r></si>'
        "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si></sst>"
    )
    rows = "".join(f"<row><c t='s'><v>{i}</v></c></row>" for i in range(3))
    data = by_hand(rows, sharedStrings=texts)
    assert [row["Name"] for row in cells(data)] == ["Ann Lee", "東京"]
    [sheet] = load_workbook(BytesIO(data)).worksheets
    assert [row[0] for row in sheet.values] == ["Name", "Ann Lee", "東京"]


def test_m44_styles_that_excel_forgives_are_forgiven() -> None:
    rows = '<row><c t="str"><v>Name</v></c><c t="str"><v>PIN</v></c></row>'
    rows += '<row><c t="str"><v>Ann</v></c><c s="1"><v>12</v></c></row>'
    styles = (
        f'<styleSheet {MAIN}><numFmts><numFmt numFmtId="170" formatCode="0000"/></numFmts>'
        '<fills><fill/></fills><cellXfs><xf/><xf numFmtId="170"/></cellXfs></styleSheet>'
    )
    assert cells(by_hand(rows, styles=styles)) == [{"Name": "Ann", "PIN": "0012", "Apt": ""}]


def test_m43_a_streamed_file_with_sizes_behind_its_members_is_read() -> None:
    rows = '<row><c t="inlineStr"><is><t>Name</t></is></c></row>' * 2
    data = packed({**SKELETON, SHEET: rows_of(rows)}, into=Pipe())
    assert data[6] & 8
    assert [row["Name"] for row in cells(data)] == ["Name"]


def test_m43_the_first_visible_sheet_counts() -> None:
    workbook = Workbook()
    [hidden] = workbook.worksheets
    hidden.sheet_state = "hidden"
    hidden.append(["PIN"])
    shown = workbook.create_sheet("People")
    shown.append(["Name", "PIN"])
    shown.append(["Ann", 7])
    shown["B2"].number_format = "000"
    workbook.create_sheet("Other").append(["Zodiac"])
    assert cells(saved(workbook)) == [{"Name": "Ann", "PIN": "007", "Apt": ""}]


def test_m43_what_a_row_holds_is_not_printed() -> None:
    sheet = read_sheet(a_workbook({"A2": "Ann", "B2": "2468"}), COLUMNS)
    assert "2468" not in repr(sheet)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=40))
def test_f5_what_is_written_is_read_again_and_is_never_a_formula(
    rows: list[tuple[str, str, str]],
) -> None:
    named = [
        dict(zip(("Name", "PIN", "Apt"), ("x" + row[0], *row[1:]), strict=True)) for row in rows
    ]
    data = write_sheet(COLUMNS, named)
    assert cells(data) == named
    [oracle] = load_workbook(BytesIO(data)).worksheets
    written = [
        cell for row in oracle.iter_rows(min_row=2) for cell in row if cell.value is not None
    ]
    assert {cell.data_type for cell in written} <= {"s"}
    expected = [text for row in named for text in row.values() if text]
    assert [str(c.value).replace("_x005F_", "_") for c in written] == expected


NUMBERS = st.integers(0, 10**14) | st.floats(0, 10**9).map(lambda number: round(number, 3))
# openpyxl leaves the escape in the text, Excel and calamine undo it
UNESCAPED = TEXTS.filter(lambda text: "_x" not in text)


@settings(max_examples=20, deadline=None)
@given(st.lists(UNESCAPED | NUMBERS, min_size=1, max_size=40))
def test_m43_text_and_numbers_read_as_openpyxl_reads_them(values: list[str | float]) -> None:
    data = a_workbook({"A1": "Name"} | {f"A{i}": value for i, value in enumerate(values, 2)})
    [oracle] = load_workbook(BytesIO(data)).worksheets
    expected = {i: f"{v}" for i, [v] in enumerate(oracle.values, 1) if i > 1 and v is not None}
    found = {row.number: row.cells["Name"] for row in read_sheet(data, (NAME,)).rows}
    assert found == {i: text.removesuffix(".0") for i, text in expected.items() if text}


@pytest.mark.parametrize("name", [*FORMULAS, "\t=1+1", "\r=1+1"])
def test_f5_a_name_like_a_formula_stays_a_name(name: str) -> None:
    data = write_sheet((NAME,), [{"Name": name}])
    [sheet] = load_workbook(BytesIO(data)).worksheets
    assert (sheet["A2"].data_type, sheet["A2"].number_format) == ("s", "@")
    assert [row["Name"] for row in cells(data)] == [name.strip()]


def test_f5_one_unwritable_character_does_not_break_the_export() -> None:
    data = write_sheet((NAME,), [{"Name": "An\x0bn\x00 \ud800Lee\ufffe\nSmith"}])
    assert [row["Name"] for row in cells(data)] == ["Ann Lee Smith"]


def test_m44_the_template_reads_back_empty_and_says_how_to_fill_it_in() -> None:
    columns = (NAME, PIN, Column("Apt", "letters, digits and #", code=True, example="0042"))
    data = template(columns, "Residents", ["One row for each person."])
    assert read_sheet(data, columns).rows == []
    workbook = load_workbook(BytesIO(data))
    sheet, how_to = workbook.worksheets
    assert (sheet.title, sheet.freeze_panes) == ("Residents", "A2")
    assert sheet.auto_filter.ref == "A1:C20001"
    assert sheet["A1"].font.bold
    assert [sheet.column_dimensions[name].number_format for name in "ABC"] == ["@"] * 3
    told = [row for row in how_to.iter_rows(values_only=True) if any(row)]
    assert told[0][0] == "One row for each person."
    assert told[-1] == ("Apt", None, "letters, digits and #", "0042")


def test_m44_a_filled_template_keeps_zeros() -> None:
    workbook = load_workbook(BytesIO(template(COLUMNS, "Residents", [])))
    workbook.worksheets[0].append(["Ann", "0123", "007"])
    assert cells(saved(workbook)) == [{"Name": "Ann", "PIN": "0123", "Apt": "007"}]


def test_m44_an_alias_is_as_good_as_the_name() -> None:
    assert "Apartment" in APT.aliases
    assert PIN.secret
    data = a_workbook({"A1": "Name", "B1": "apartment", "A2": "Ann", "B2": "7"})
    assert cells(data) == [{"Name": "Ann", "PIN": "", "Apt": "7"}]
