"""Writes the two spreadsheets of the README's tour: one with three bad rows, and the mended one."""

from pathlib import Path

from commands.residents.rows import ResidentRow
from schemas.sheets.rows import columns_of
from schemas.sheets.writing import write_sheet

HERE = Path(__file__).parent
NEW = {"Building": "Lighthouse", "Account Type": "1", "Last Name": "Moreira", "Remark": "tour"}
GOOD = [
    NEW | {"Apt": "101", "First Name": "Vera", "PIN": "0417"},
    NEW | {"Apt": "102", "First Name": "Saul", "PIN": "0418", "RF Card": "00C0FFEE"},
    NEW | {"Apt": "103", "First Name": "Dina", "PIN": "0419", "Email": "dina@example.org"},
    NEW | {"Apt": "104", "First Name": "Rui"},
]
BAD = [
    GOOD[0],
    GOOD[1] | {"PIN": "9418"},
    GOOD[2] | {"Apt": "1303"},
    GOOD[3] | {"Email": "rui at example"},
]


def main() -> None:
    columns = list(columns_of(ResidentRow).values())
    (HERE / "new-residents.xlsx").write_bytes(write_sheet(columns, GOOD))
    (HERE / "new-residents-three-bad-rows.xlsx").write_bytes(write_sheet(columns, BAD))


if __name__ == "__main__":
    main()
